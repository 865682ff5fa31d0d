import json
from pathlib import Path

import pytest

from ray_promptopt.cli.outcome import outcome, outcome_lines
from ray_promptopt.store.run_view import RunStatus
from tests.fakes.run_views import add_candidate, empty_view, finished_view, written

HERE = Path("runs").resolve()


def test_outcome_when_finished_then_is_json_with_the_paired_interval() -> None:
    found = json.loads(json.dumps(outcome(finished_view(), HERE)))
    assert (found["status"], found["rollouts"], found["rollout_budget"]) == ("succeeded", 18, 90)
    assert found["held_out"]["seeds"] == 30
    assert found["held_out"]["interval_95"][0] > 0
    assert found["held_out"]["distinguishable"] is True
    assert found["best_prompt"] == {"system": "Be brief. Think first."}
    assert found["folder"] == str(HERE / found["run_id"])


def test_outcome_when_gain_is_within_noise_then_the_line_says_so() -> None:
    text = "\n".join(outcome_lines(finished_view(gained=1), HERE))
    assert "30 seeds, paired: not distinguishable from the baseline" in text


def test_outcome_when_nothing_better_was_found_then_says_so() -> None:
    view = empty_view(RunStatus.SUCCEEDED)
    add_candidate(view, "Be brief.", score=0.5)
    assert "held-out   no better prompt was found" in outcome_lines(view, HERE)


def test_outcome_when_page_was_written_then_names_it(tmp_path: Path) -> None:
    view = finished_view()
    page = written(view, tmp_path / view.run_id)
    assert f"report     {page}" in outcome_lines(view, tmp_path)


@pytest.mark.parametrize(
    ("folder", "option"), [(HERE, ""), (Path("/else where"), " --results '/else where'")]
)
@pytest.mark.parametrize("status", sorted(set(RunStatus) - {RunStatus.SUCCEEDED}))
def test_outcome_when_run_is_not_complete_then_says_how_to_go_on(
    status: RunStatus, folder: Path, option: str
) -> None:
    view = empty_view(status)
    command = "continue" if status is RunStatus.PAUSED else "resume"
    assert outcome_lines(view, folder)[-1] == (
        f"continue with: ray-promptopt {command} {view.run_id}{option}"
    )
