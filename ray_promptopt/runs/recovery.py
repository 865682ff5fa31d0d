"""From a journal back to a living search: the config, the learned baseline, every outcome told.

Called when a run starts, when it is resumed, and when the optimizer's process was lost.
"""

from collections.abc import Sequence

from ray_promptopt.algorithms.base import Optimizer
from ray_promptopt.config.dump import config_from_json
from ray_promptopt.core.errors import JournalError
from ray_promptopt.core.ids import RunId
from ray_promptopt.core.work import Decision, Outcome, Purpose, SearchCounts, WorkItem
from ray_promptopt.prompts.learning import LearnedBaseline
from ray_promptopt.runs.optimizers import build_optimizer
from ray_promptopt.runs.ports import Step
from ray_promptopt.store.events import (
    BaselineLearned,
    Event,
    ProgramRead,
    ProposalFinished,
    ReferenceRead,
    RolloutFinished,
    WorkFailed,
)
from ray_promptopt.store.journal import RunStore
from ray_promptopt.store.run_view import SEARCH_PURPOSES


class RecordedOptimizer:
    """An optimizer that remembers every decision, so that none is lost with a lost answer."""

    def __init__(self, optimizer: Optimizer) -> None:
        self._optimizer = optimizer
        self._decisions: list[Decision] = []

    def ask(self, capacity: int) -> list[WorkItem]:
        """See `Optimizer`."""
        return self._optimizer.ask(capacity)

    def tell(self, outcome: Outcome) -> None:
        """See `Optimizer`; what was decided is kept."""
        self._decisions += self._optimizer.tell(outcome)

    def decisions(self, after: int) -> list[Decision]:
        """Everything decided so far, from number `after` on."""
        return self._decisions[after:]

    def advance(self, outcomes: Sequence[Outcome], decided: int, capacity: int) -> Step:
        """See `OptimizerPort`."""
        for outcome in outcomes:
            self.tell(outcome)
        return Step(self.decisions(decided), self.ask(capacity))

    def stop_reason(self) -> str | None:
        """See `Optimizer`."""
        return self._optimizer.stop_reason()

    def counts(self) -> SearchCounts:
        """See `Optimizer`."""
        return self._optimizer.counts()


def recover_optimizer(store: RunStore, run_id: RunId) -> RecordedOptimizer:
    """The search as it stands after the journal.

    Raises JournalError when the baseline is not learned yet, or when an outcome does not fit.
    """
    config = config_from_json(store.run(run_id).config, {})
    journal = [stored.event for stored in store.events(run_id)]
    baseline = learned_baseline(journal)
    if baseline is None:
        raise JournalError(f"run {run_id} has not learned its baseline yet: nothing to recover")
    program = known_program(journal) or ""
    reference = known_reference(journal) or ()
    recorded = RecordedOptimizer(
        build_optimizer(config, baseline.initial_candidate(), program, reference)
    )
    replay(recorded, search_outcomes(journal))
    return recorded


def learned_baseline(journal: list[Event]) -> LearnedBaseline | None:
    """What the run learned; None when it has not yet."""
    for event in journal:
        if isinstance(event, BaselineLearned):
            return LearnedBaseline.from_json(event.baseline_json)
    return None


def known_program(journal: list[Event]) -> str | None:
    """The source of the program, empty when it offers none; None when it was not read yet."""
    return next((event.program for event in journal if isinstance(event, ProgramRead)), None)


def known_reference(journal: list[Event]) -> tuple[str, ...] | None:
    """The texts of the reference corpus; None when they were not read yet."""
    return next((event.texts for event in journal if isinstance(event, ReferenceRead)), None)


def search_outcomes(journal: list[Event]) -> list[Outcome]:
    """The outcomes that the search was told, in the order in which they were committed."""
    outcomes: list[Outcome] = []
    for event in journal:
        match event:
            case RolloutFinished(outcome=scored, purpose=purpose):
                if purpose in SEARCH_PURPOSES and purpose is not Purpose.BASELINE:
                    outcomes.append(scored)
            case ProposalFinished(outcome=proposal):
                outcomes.append(proposal)
            case WorkFailed(outcome=lost):
                outcomes.append(lost)
    return outcomes


def replay(optimizer: RecordedOptimizer, outcomes: list[Outcome]) -> None:
    """Tell a fresh optimizer everything again. Raises JournalError on an outcome it never asked."""
    for outcome in outcomes:
        try:
            optimizer.tell(outcome)
        except ValueError as error:
            raise JournalError(
                f"the journal does not fit this version of the search: {error}; start a new run"
            ) from error
