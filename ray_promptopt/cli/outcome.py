"""What came of a run, for people and for machines."""

import json
import shlex
from pathlib import Path
from typing import Any

import click

from ray_promptopt.core.work import Purpose
from ray_promptopt.runs.comparison import held_out_comparison
from ray_promptopt.store.run_folder import candidates_of, prompt_text, run_folder
from ray_promptopt.store.run_view import RunStatus, RunView, show_score


def print_outcome(view: RunView, results: Path, *, as_json: bool) -> None:
    """On standard output; `results` is the folder that the run was found in."""
    if as_json:
        click.echo(json.dumps(outcome(view, results), ensure_ascii=False))
        return
    for line in outcome_lines(view, results):
        click.echo(line)


def command_line(command: str, run_id: str, results: Path) -> str:
    """The command on this run, as it is typed here."""
    elsewhere = (
        "" if results == Path("runs").resolve() else f" --results {shlex.quote(str(results))}"
    )
    return f"ray-promptopt {command} {run_id}{elsewhere}"


def outcome(view: RunView, results: Path) -> dict[str, Any]:
    """The run as JSON values."""
    comparison = held_out_comparison(view)
    return {
        "run_id": view.run_id,
        "folder": str(run_folder(results, view.run_id)),
        "status": view.status,
        "reason": view.reason,
        "rollouts": view.search_rollouts,
        "rollout_budget": _budget(view),
        "held_out_rollouts": view.rollouts_by_purpose.get(Purpose.HELD_OUT, 0),
        "cost_usd": view.spend.cost_usd,
        "unpriced_calls": view.spend.unpriced_calls,
        "cached_calls": view.spend.cached_calls,
        "fallback_calls": view.spend.fallback_calls,
        "price_lists": view.price_lists,
        "baseline_validation": view.initial.validation_mean if view.initial else None,
        "best_validation": view.best.validation_mean if view.best else None,
        "held_out": None
        if comparison is None
        else {
            "seeds": comparison.num_seeds,
            "baseline": comparison.baseline_mean,
            "best": comparison.candidate_mean,
            "difference": comparison.difference,
            "interval_95": [comparison.low, comparison.high],
            "distinguishable": comparison.distinguishable,
        },
        "best_prompt": view.best.candidate.texts if view.best else None,
        "num_candidates": len(candidates_of(view)),
    }


def outcome_lines(view: RunView, results: Path) -> list[str]:
    """The run in a few lines."""
    lines = [
        f"run        {view.run_id}",
        f"status     {view.status}: {view.reason}" if view.reason else f"status     {view.status}",
        f"rollouts   {view.search_rollouts} of {_budget(view)}"
        f" + {view.rollouts_by_purpose.get(Purpose.HELD_OUT, 0)} held-out",
        f"spend      ${view.spend.cost_usd:.4f} (policy ${view.policy_spend.cost_usd:.4f}, "
        f"reflection ${view.reflection_spend.cost_usd:.4f}, "
        f"held-out ${view.held_out_spend.cost_usd:.4f})",
    ]
    if view.spend.unpriced_calls:
        lines.append(f"           {view.spend.unpriced_calls} calls of unknown price not included")
    if view.spend.cached_calls:
        lines.append(f"           {view.spend.cached_calls} calls answered from the response cache")
    if view.spend.fallback_calls:
        lines.append(f"           {view.spend.fallback_calls} calls answered by a fallback model")
    if view.initial is not None and view.best is not None:
        lines.append(
            f"validation {show_score(view.initial.validation_mean)} → "
            f"{show_score(view.best.validation_mean)} (the best is chosen on these seeds)"
        )
        lines.append(f"held-out   {_held_out_words(view)}")
    if "embedded/" in view.config_json:
        lines.append("           figures of the embedded stand-in models, not of a real LLM")
    report = run_folder(results, view.run_id) / "report.html"
    if report.exists():
        lines.append(f"report     {report}")
    if view.best is not None and view.best is not view.initial:
        lines += ["", "best prompt:", prompt_text(view.best).rstrip()]
    if view.status is not RunStatus.SUCCEEDED:
        command = "continue" if view.status is RunStatus.PAUSED else "resume"
        lines += ["", f"continue with: {command_line(command, view.run_id, results)}"]
    return lines


def _held_out_words(view: RunView) -> str:
    if view.best is view.initial:
        return "no better prompt was found"
    comparison = held_out_comparison(view)
    return str(comparison) if comparison else "not evaluated"


def _budget(view: RunView) -> int:
    budget: int = json.loads(view.config_json)["limits"]["max_rollouts"]
    return budget
