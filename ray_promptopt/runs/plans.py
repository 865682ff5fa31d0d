"""The work that no algorithm asks for: learning the baseline, and the held-out evaluation."""

from collections.abc import Iterable

from ray_promptopt.config.schema import RunConfig
from ray_promptopt.core.candidate import Candidate
from ray_promptopt.core.examples import Example, Part
from ray_promptopt.core.ids import CandidateId, WorkId
from ray_promptopt.core.work import DecisionKind, EvaluateCandidate, Purpose
from ray_promptopt.runs.optimizers import num_baseline_rollouts
from ray_promptopt.store.run_view import RunView

_AS_SENT = Candidate(())
"""In a baseline trial the app's own prompt goes through as it is."""


def baseline_work(config: RunConfig) -> list[EvaluateCandidate]:
    """Rollouts on a few training seeds, spread so that their data differ."""
    seeds = config.splits.train
    number = num_baseline_rollouts(config)
    chosen = [seeds[index * len(seeds) // number] for index in range(number)]
    return [
        EvaluateCandidate(WorkId(f"baseline.{example}"), _AS_SENT, example, Purpose.BASELINE)
        for example in (Example(Part.TRAIN, seed) for seed in chosen)
    ]


def num_held_out(config: RunConfig) -> int:
    """How many rollouts the held-out evaluation takes at most."""
    return len(config.splits.test) * (1 + _top_k(config))


def held_out_candidates(view: RunView, config: RunConfig) -> list[Candidate]:
    """The baseline, then the best by validation score, as many as `validation_top_k` says; of
    equals the earlier. Empty before the baseline was scored."""
    if view.initial is None or view.best is None:
        return []
    scored = {
        decision.candidate.id: decision.score or 0.0
        for decision in view.decisions
        if decision.kind is DecisionKind.CANDIDATE_SCORED and decision.candidate
    }
    first = view.best.candidate.id

    def rank(key: CandidateId) -> tuple[bool, float]:
        return (key != first, -scored[key])

    top = sorted(scored, key=rank)[: _top_k(config)]
    return [view.initial.candidate, *(view.candidates[key].candidate for key in top)]


def _top_k(config: RunConfig) -> int:
    settings = config.gepa or config.mipro
    return (settings.validation_top_k if settings else None) or 1


def held_out_work(
    config: RunConfig, candidates: Iterable[Candidate], done: Iterable[WorkId]
) -> list[EvaluateCandidate]:
    """Each candidate on each test seed, seed by seed, but for what is done already."""
    settled = set(done)
    distinct = {candidate.id: candidate for candidate in candidates}
    items = [
        EvaluateCandidate(
            WorkId(f"held-out.{candidate.id}.{example}"), candidate, example, Purpose.HELD_OUT
        )
        for example in (Example(Part.TEST, seed) for seed in config.splits.test)
        for candidate in distinct.values()
    ]
    return [item for item in items if item.work_id not in settled]
