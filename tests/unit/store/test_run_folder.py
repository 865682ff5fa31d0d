import json
from pathlib import Path

import pytest

from ray_promptopt.core.candidate import Candidate
from ray_promptopt.core.demos import Demo
from ray_promptopt.core.errors import JournalError
from ray_promptopt.core.ids import RunId
from ray_promptopt.core.messages import ChatMessage
from ray_promptopt.prompts.learning import learn_baseline
from ray_promptopt.store.run_folder import (
    candidates_of,
    prompt_text,
    write_run_folder,
    write_whole,
)
from ray_promptopt.store.run_view import CandidateRecord, Fate, RunView

CANDIDATE = Candidate.of({"system": "Sei höflich."})


def view(*, best: bool) -> RunView:
    record = CandidateRecord(CANDIDATE, (), 0, "the baseline", Fate.ACCEPTED)
    made = RunView(RunId("pl_1"), "test", 0.0, '{"limits": {}}')
    made.candidates[CANDIDATE.id] = record
    made.best_id = CANDIDATE.id if best else None
    return made


def test_folder_when_there_is_no_best_prompt_yet_then_holds_no_file_of_it(tmp_path: Path) -> None:
    folder = write_run_folder(tmp_path, view(best=False))
    assert sorted(path.name for path in folder.iterdir()) == [
        "candidates.json",
        "config.resolved.json",
    ]


def test_folder_when_there_is_a_best_prompt_then_it_is_there_for_people_and_machines(
    tmp_path: Path,
) -> None:
    folder = write_run_folder(tmp_path, view(best=True))
    assert json.loads((folder / "best_prompt.json").read_text()) == CANDIDATE.texts
    assert (folder / "best_prompt.txt").read_text() == "Sei höflich.\n"
    (listed,) = json.loads((folder / "candidates.json").read_text())
    assert listed["best"]


def test_folder_when_the_baseline_is_known_then_the_best_prompt_is_exported_in_its_form(
    tmp_path: Path,
) -> None:
    made = view(best=True)
    calls = [[ChatMessage("system", "Sei höflich."), ChatMessage("user", text)] for text in "ab"]
    made.baseline_json = learn_baseline(calls).to_json()
    exported = json.loads(
        (write_run_folder(tmp_path, made) / "best_prompt.export.json").read_text()
    )
    assert exported["payload_kind"] == "pattern"
    first, _ = exported["object"]["data"]["messages"]
    assert first == {"role": "system", "pattern": "Sei höflich.", "order": 0}
    assert exported["full_text"].startswith("[system | system]\nSei höflich.\n\n[user | user_1]")


def test_file_when_its_writing_fails_then_the_old_one_is_whole(tmp_path: Path) -> None:
    target = tmp_path / "best_prompt.txt"
    write_whole(target, "old")
    (tmp_path / ".best_prompt.txt.partial").mkdir()  # nothing can be written there
    with pytest.raises(JournalError, match=r"best_prompt\.txt cannot be written"):
        write_whole(target, "new")
    assert target.read_text() == "old"


def test_file_when_rewritten_then_nothing_is_left_beside_it(tmp_path: Path) -> None:
    write_whole(tmp_path / "a.txt", "one")
    write_whole(tmp_path / "a.txt", "two")
    assert [path.name for path in tmp_path.iterdir()] == ["a.txt"]
    assert (tmp_path / "a.txt").read_text() == "two"


def test_demonstrations_are_listed_and_readable() -> None:
    made = view(best=False)
    shown = Candidate.of(CANDIDATE.texts, {"main": (Demo("Wo ist es?", "lost"),)})
    made.candidates = {shown.id: CandidateRecord(shown, (), 0, "", Fate.ACCEPTED)}
    (listed,) = candidates_of(made)
    assert listed["demos"] == {"main": [{"inputs": "Wo ist es?", "output": "lost"}]}
    text = prompt_text(made.candidates[shown.id])
    assert text.startswith("[system]\nSei höflich.\n\n[demonstrations: main]\n")
    assert text.endswith("Input: Wo ist es?\nOutput: lost\n")


def test_prompt_when_of_several_components_then_each_has_its_name() -> None:
    record = CandidateRecord(Candidate.of({"a": "one", "b": "two"}), (), 0, "")
    assert prompt_text(record) == "[a]\none\n\n[b]\ntwo\n"
