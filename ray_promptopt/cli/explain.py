"""`explain-intercept`: what the gateway would do with a request, without sending it."""

import json
import sys
from collections.abc import Sequence
from difflib import unified_diff
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ray_promptopt.cli.options import json_option, results_option

if TYPE_CHECKING:
    from ray_promptopt.core.candidate import Candidate
    from ray_promptopt.prompts.explaining import MessageFate
    from ray_promptopt.prompts.learning import LearnedBaseline, LearnedStage
    from ray_promptopt.store.run_view import RunView


@click.command("explain-intercept", short_help="Show what would be replaced in a request.")
@click.argument("run")
@click.argument("request_file", metavar="REQUEST", type=click.File(encoding="utf-8"))
@click.option(
    "--candidate",
    default=None,
    help="Candidate to put in (its id or the beginning of it). Default: the run's best.",
)
@results_option
@json_option
def explain_intercept_command(
    run: str, request_file: Any, candidate: str | None, results: Path | None, as_json: bool
) -> None:
    """Show what the gateway would replace in REQUEST, and why. Nothing is sent.

    REQUEST is a file (or `-`) with the JSON body of a chat completion or of a Responses call, as
    the task app sends it; RUN is an id, the beginning of one, or `latest`.
    """
    # Loads SQLAlchemy, which `validate` has no use for.
    from ray_promptopt import python_api
    from ray_promptopt.core.errors import SubstitutionError
    from ray_promptopt.prompts.explaining import explain_substitution
    from ray_promptopt.prompts.learning import LearnedBaseline
    from ray_promptopt.prompts.substitution import stage_in

    view = python_api.load_run(run, results=python_api.results_folder(results))
    if view.baseline_json is None:
        raise click.ClickException(f"{view.run_id} has not learned what the task app sends yet")
    baseline = LearnedBaseline.from_json(view.baseline_json)
    chosen = _candidate(view, candidate)
    messages = _messages(request_file)
    try:
        stage = stage_in(messages, baseline)
    except SubstitutionError as error:
        raise click.ClickException(f"refused with 422: {error}") from error
    fates = explain_substitution(messages, stage, chosen)
    refused = any(fate.problem for fate in fates)
    if as_json:
        click.echo(json.dumps(_as_json(fates, chosen, stage, baseline), ensure_ascii=False))
    else:
        for note in baseline.notes:
            click.echo(f"note: {note}")
        if len(baseline.stages) > 1:
            click.echo(f"a call of stage {stage.name}")
        for fate in fates:
            click.echo(f"message {fate.index} ({fate.role}): {fate.reason}")
            click.echo(_diff(fate), nl=False)
        verdict = "refused with 422: nothing is sent" if refused else f"sent with {chosen.id}"
        click.echo(f"The call would be {verdict}.")
    sys.exit(1 if refused else 0)


def _candidate(view: "RunView", wanted: str | None) -> "Candidate":
    if wanted is None:
        record = view.best or view.initial
        assert record is not None, "a run with a baseline has a candidate"
        return record.candidate
    found = [key for key in view.candidates if key.startswith(wanted)]
    if len(found) != 1:
        raise click.BadParameter(
            f"{wanted!r} is the beginning of {len(found)} of the run's {len(view.candidates)} "
            "candidate ids: give the whole id",
            param_hint="--candidate",
        )
    return view.candidates[found[0]].candidate


def _messages(request_file: Any) -> Any:
    from ray_promptopt.gateway.requests import messages_of

    try:
        body = json.load(request_file)
        if not isinstance(body, dict):
            raise ValueError("a request is a JSON object")
        return messages_of(body)
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="REQUEST") from error


def _as_json(
    fates: "Sequence[MessageFate]",
    candidate: "Candidate",
    stage: "LearnedStage",
    baseline: "LearnedBaseline",
) -> dict[str, Any]:
    """With the stage as a transformation of the baseline and as a template of sections, and the
    whole candidate as `best_prompt.export.json` has the best one."""
    from ray_promptopt.prompts.transformation import Transformation
    from ray_promptopt.prompts.written import sections_of, written

    return {
        "candidate": candidate.id,
        "stage": stage.name,
        "transformation": Transformation.between(stage, candidate).to_dict(),
        "sections": sections_of(stage, candidate),
        "export": written(baseline, candidate),
        "sent": not any(fate.problem for fate in fates),
        "messages": [
            {
                "index": fate.index,
                "role": fate.role,
                "components": list(fate.components),
                "put_in": fate.put_in,
                "before": fate.before,
                "after": fate.after,
                "data": dict(fate.data),
                "reason": fate.reason,
            }
            for fate in fates
        ],
    }


def _diff(fate: "MessageFate") -> str:
    if fate.after is None or fate.after == fate.before:
        return ""
    lines = unified_diff(fate.before.splitlines(), fate.after.splitlines(), n=2, lineterm="")
    return "".join(f"    {line}\n" for line in list(lines)[2:])
