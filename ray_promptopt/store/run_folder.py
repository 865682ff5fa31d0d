"""The run's folder: files for people and scripts, written whole or not at all."""

import json
import os
from dataclasses import asdict
from pathlib import Path
from typing import Any

from ray_promptopt.core.candidate import Candidate
from ray_promptopt.core.errors import JournalError
from ray_promptopt.core.ids import RunId
from ray_promptopt.prompts.demonstrations import shown_texts
from ray_promptopt.prompts.learning import LearnedBaseline
from ray_promptopt.prompts.written import written
from ray_promptopt.store.run_view import CandidateRecord, RunView


def run_folder(results_folder: Path, run_id: RunId) -> Path:
    """Where a run's files are."""
    return results_folder / run_id


def write_run_folder(results_folder: Path, view: RunView) -> Path:
    """Write `config.resolved.json`, `candidates.json`, and the best prompt once there is one.

    Raises JournalError when the folder cannot be written.
    """
    folder = run_folder(results_folder, view.run_id)
    write_whole(folder / "config.resolved.json", view.config_json)
    write_whole(folder / "candidates.json", _json(candidates_of(view)))
    if view.best is not None:
        write_whole(folder / "best_prompt.json", _json(view.best.candidate.texts))
        write_whole(folder / "best_prompt.txt", prompt_text(view.best))
        if view.baseline_json is not None:
            baseline = LearnedBaseline.from_json(view.baseline_json)
            exported = written(baseline, view.best.candidate)
            write_whole(folder / "best_prompt.export.json", _json(exported))
    return folder


def candidates_of(view: RunView) -> list[dict[str, Any]]:
    """Every candidate with its lineage and scores, as JSON values."""
    return [
        {
            "id": record.candidate.id,
            "components": record.candidate.texts,
            "demos": _demos(record.candidate),
            "parents": list(record.parents),
            "iteration": record.iteration,
            "lessons": list(record.lessons),
            "fate": record.fate,
            "accepted": record.accepted,
            "initial": record.candidate.id == view.initial_id,
            "best": record.candidate.id == view.best_id,
            "on_front": record.candidate.id in view.front,
            "validation_mean": record.validation_mean,
            "validation_scores": _scores(record.validation),
            "held_out_mean": record.held_out_mean,
            "held_out_scores": _scores(record.held_out),
        }
        for record in view.candidates.values()
    ]


def prompt_text(record: CandidateRecord) -> str:
    """The prompt for reading: its text, with names where there are several or demonstrations."""
    texts = shown_texts(record.candidate)
    if len(texts) == 1:
        return next(iter(texts.values())) + "\n"
    return "\n\n".join(f"[{name}]\n{text}" for name, text in texts.items()) + "\n"


def write_whole(path: Path, text: str) -> None:
    """Write to a neighbour, then rename over: a reader sees the old file or the new one.

    Raises JournalError when it cannot be written.
    """
    partial = path.with_name(f".{path.name}.partial")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        partial.write_text(text, encoding="utf-8")
        os.replace(partial, path)
    except OSError as error:
        raise JournalError(
            f"{path} cannot be written ({error.strerror}): make room or correct the folder's "
            "permissions, then resume; what counted so far is in the store"
        ) from error


def _demos(candidate: Candidate) -> dict[str, list[dict[str, str]]]:
    return {stage: [asdict(demo) for demo in demos] for stage, demos in candidate.demos}


def _scores(outcomes: dict[int, Any]) -> dict[str, float]:
    return {str(seed): outcome.score for seed, outcome in sorted(outcomes.items())}


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, indent=2)
