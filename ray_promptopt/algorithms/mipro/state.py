"""What a search saves of itself, and takes back. Estimates follow from it."""

from collections.abc import Mapping
from dataclasses import dataclass

from pydantic import TypeAdapter

from ray_promptopt.algorithms.mipro.bootstrap import ScoredRollout
from ray_promptopt.algorithms.mipro.catalogue import Catalogue
from ray_promptopt.algorithms.mipro.jobs import Evaluation, Round
from ray_promptopt.algorithms.mipro.search import Search, Tally


@dataclass(frozen=True, slots=True)
class SavedMipro:
    """All but what `algorithms/saved_state.py` saves of every search."""

    catalogue: Catalogue
    tally: Tally
    rounds: tuple[Round, ...]
    evaluations: tuple[Evaluation, ...]
    train_rollouts: dict[int, dict[int, ScoredRollout]]
    summary: str
    best: int
    closing: str | None


_ADAPTER = TypeAdapter(SavedMipro)


def save(search: Search) -> dict[str, object]:
    """What the frame does not hold."""
    saved = SavedMipro(
        catalogue=search.catalogue,
        tally=search.tally,
        rounds=tuple(search.rounds.values()),
        evaluations=tuple(search.evaluations.values()),
        train_rollouts=search.train_rollouts,
        summary=search.summary,
        best=search.best,
        closing=search.closing,
    )
    state: dict[str, object] = _ADAPTER.dump_python(saved, mode="json")
    return state


def restore(search: Search, state: Mapping[str, object]) -> None:
    """Put a saved state into a search of the same settings."""
    saved = _ADAPTER.validate_python(state)
    search.catalogue, search.tally = saved.catalogue, saved.tally
    search.rounds = {job.number: job for job in saved.rounds}
    search.evaluations = {job.number: job for job in saved.evaluations}
    search.train_rollouts, search.summary = saved.train_rollouts, saved.summary
    search.best, search.closing = saved.best, saved.closing
    search.forget_estimates()
