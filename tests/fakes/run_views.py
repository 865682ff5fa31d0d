"""Runs made by hand, as the report and the command line see them: small, hostile, very large."""

from pathlib import Path

from ray_promptopt.config.dump import resolved_json
from ray_promptopt.core.candidate import Candidate
from ray_promptopt.core.ids import CandidateId, RunId, WorkId
from ray_promptopt.core.usage import Spend, Usage
from ray_promptopt.core.work import Decision, DecisionKind, Evidence, Purpose, RolloutOutcome
from ray_promptopt.report import write_report
from ray_promptopt.store.run_view import CandidateRecord, CurvePoint, Fate, RunStatus, RunView
from tests.fakes.world import config

HOSTILE = "</script><img src=x onerror=\"document.title='owned'\"><script>boom()</script> & <b>"
VALIDATION_SEEDS = range(20, 26)
TEST_SEEDS = range(40, 70)


def outcome(score: float, text: str = "query") -> RolloutOutcome:
    return RolloutOutcome(WorkId("w"), score, Evidence(text, "answer", f"feedback on {text}"))


def empty_view(status: RunStatus = RunStatus.CREATED, reason: str = "") -> RunView:
    """A run of which nothing was counted."""
    run_id = RunId("pl_" + "2" * 32)
    return RunView(run_id, "small", 0.0, resolved_json(config()), status, reason)


def add_candidate(
    view: RunView,
    text: str,
    *,
    score: float | None,
    parents: tuple[CandidateId, ...] = (),
    query: str = "query",
) -> CandidateRecord:
    """An accepted candidate with this validation mean, or with None a rejected one."""
    fate = Fate.REJECTED if score is None else Fate.ACCEPTED
    number = len(view.candidates)
    candidate = Candidate.of({"system": text})
    record = CandidateRecord(candidate, parents, number, "rewrote system", fate)
    view.candidates[candidate.id] = record
    kind = DecisionKind.CANDIDATE_REJECTED
    if score is not None:
        kind = DecisionKind.CANDIDATE_SCORED
        record.validation = {seed: outcome(score, query) for seed in VALIDATION_SEEDS}
        best = view.best.validation_mean if view.best else None
        if best is None or score > best:
            view.best_id = candidate.id
        view.initial_id = view.initial_id or candidate.id
    view.decisions.append(Decision(kind, "because", candidate, parents, score, number))
    counts = view.rollouts_by_purpose
    counts[Purpose.VALIDATION] = counts.get(Purpose.VALIDATION, 0) + 6
    best = view.best.validation_mean if view.best else None
    view.curve.append(CurvePoint(view.search_rollouts, 0.0, kind, candidate.id, score, best))
    return record


def finished_view(*, gained: int = 20, text: str = "Be brief. Think first.") -> RunView:
    """Baseline, a rejected and an accepted child; `gained` of 30 held-out examples got right."""
    view = empty_view(RunStatus.SUCCEEDED, "the budget is used up")
    baseline = add_candidate(view, "Be brief.", score=0.25)
    parent = (baseline.candidate.id,)
    add_candidate(view, "Be rude.", score=None, parents=parent)
    best = add_candidate(view, text, score=0.75, parents=parent, query=text)
    view.search_ended = True
    view.policy_spend = Spend(Usage(1200, 30), 0.02, 12)
    view.reflection_spend = Spend(Usage(500, 50), 0.01, 1)
    for number, seed in enumerate(TEST_SEEDS):
        baseline.held_out[seed] = outcome(0.0)
        best.held_out[seed] = outcome(1.0 if number < gained else 0.0)
    view.rollouts_by_purpose[Purpose.HELD_OUT] = 60
    return view


def large_view(num_candidates: int = 600) -> RunView:
    """Hundreds of accepted candidates with long prompts, every fifth one rejected."""
    view = empty_view(RunStatus.INTERRUPTED, "stopped by Ctrl-C")
    known: list[CandidateId] = []
    for number in range(num_candidates):
        lines = "\n".join(f"- rule {number // (line + 1)}: do {line}" for line in range(40))
        parents = (known[number // 3 % len(known)],) if known else ()
        if number % 7 == 6:
            parents = (*parents, known[-1])
        score = None if number % 5 == 4 else 0.2 + 0.7 * number / num_candidates
        record = add_candidate(view, f"Prompt {number}.\n{lines}", score=score, parents=parents)
        if record.accepted:
            known.append(record.candidate.id)
    return view


def written(view: RunView, folder: Path) -> Path:
    """The report of a view, as a file."""
    path = folder / "report.html"
    write_report(view, path)
    return path
