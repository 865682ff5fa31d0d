"""The whole state of a search as JSON-compatible values, and back.

Estimates, fronts and open work are not saved: they follow from what is.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from pydantic import TypeAdapter, ValidationError

from ray_promptopt.algorithms.mipro.bootstrap import ScoredRollout
from ray_promptopt.algorithms.mipro.catalogue import Catalogue
from ray_promptopt.algorithms.mipro.jobs import Evaluation, Round
from ray_promptopt.algorithms.mipro.search import Search, Tally
from ray_promptopt.core.errors import JournalError
from ray_promptopt.core.ids import CandidateId, WorkId


@dataclass(frozen=True, slots=True)
class SavedMipro:
    """Everything that a restarted optimizer needs besides its settings."""

    version: Literal["mipro-1"]
    initial: CandidateId
    train: tuple[int, ...]
    validation: tuple[int, ...]
    rng_seed: int
    catalogue: Catalogue
    tally: Tally
    rounds: tuple[Round, ...]
    evaluations: tuple[Evaluation, ...]
    train_rollouts: dict[int, dict[int, ScoredRollout]]
    summary: str
    best: int
    settled: tuple[WorkId, ...]
    rollouts_used: int
    closing: str | None
    stop: str | None


_ADAPTER = TypeAdapter(SavedMipro)


def save(search: Search, settled: tuple[WorkId, ...]) -> dict[str, object]:
    """The state as dicts, lists, strings and numbers."""
    settings = search.settings
    saved = SavedMipro(
        version="mipro-1",
        initial=search.initial.id,
        train=settings.train,
        validation=settings.validation,
        rng_seed=settings.rng_seed,
        catalogue=search.catalogue,
        tally=search.tally,
        rounds=tuple(search.rounds.values()),
        evaluations=tuple(search.evaluations.values()),
        train_rollouts=search.train_rollouts,
        summary=search.summary,
        best=search.best,
        settled=settled,
        rollouts_used=int(search.budget.spent),
        closing=search.closing,
        stop=search.stop,
    )
    state: dict[str, object] = _ADAPTER.dump_python(saved, mode="json")
    return state


def restore(search: Search, state: Mapping[str, object]) -> tuple[WorkId, ...]:
    """Put a saved state into a search of the same settings; returns the settled work ids.

    Raises JournalError when the state is damaged or of another run.
    """
    try:
        saved = _ADAPTER.validate_python(state)
    except ValidationError as error:
        raise JournalError(f"saved MIPRO state cannot be read: {error}") from error
    _check_same_run(search, saved)
    search.catalogue, search.tally = saved.catalogue, saved.tally
    search.rounds = {job.number: job for job in saved.rounds}
    search.evaluations = {job.number: job for job in saved.evaluations}
    search.train_rollouts, search.summary = saved.train_rollouts, saved.summary
    search.best, search.closing, search.stop = saved.best, saved.closing, saved.stop
    search.budget.spent = saved.rollouts_used
    in_rounds = sum(job.reserved for job in saved.rounds)
    search.budget.reserved = in_rounds + sum(job.reserved for job in saved.evaluations)
    search.forget_estimates()
    return saved.settled


def _check_same_run(search: Search, saved: SavedMipro) -> None:
    settings = search.settings
    pairs = {
        "initial candidate": (saved.initial, search.initial.id),
        "train": (saved.train, settings.train),
        "validation": (saved.validation, settings.validation),
        "rng_seed": (saved.rng_seed, settings.rng_seed),
    }
    for key, (theirs, ours) in pairs.items():
        if theirs != ours:
            raise JournalError(
                f"saved MIPRO state is of another run: its {key} is {theirs}, not {ours}"
            )
