"""A whole run: learn the baseline, search, evaluate on held-out seeds. Resumes wherever it was."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from ray_promptopt.config.schema import RunConfig
from ray_promptopt.core.errors import JournalError, PromptOptError
from ray_promptopt.core.ids import RunId
from ray_promptopt.core.work import Decision, DecisionKind, FailedOutcome, Purpose
from ray_promptopt.llm.prices import LIST_VERSION
from ray_promptopt.prompts.learning import LearnedBaseline
from ray_promptopt.runs.batch import execute_all
from ray_promptopt.runs.execution import Executor, RunStopped
from ray_promptopt.runs.failure_policy import FailurePolicy
from ray_promptopt.runs.gate import Stopwatch
from ray_promptopt.runs.ledger import BudgetLedger, Category, RunLimits, Spent
from ray_promptopt.runs.plans import baseline_work, held_out_candidates, held_out_work, num_held_out
from ray_promptopt.runs.ports import OptimizerPort, PortLost, ProposalPort, RolloutPort, TrialPort
from ray_promptopt.runs.progress import Phase, ProgressSnapshot, eta_s
from ray_promptopt.runs.recovery import known_program, known_reference
from ray_promptopt.runs.search import SearchLoop
from ray_promptopt.runs.stages import learn_from
from ray_promptopt.store.events import (
    BaselineLearned,
    ProgramRead,
    ReferenceRead,
    RunContinued,
    RunFailed,
    RunFinished,
    RunInterrupted,
    RunPaused,
    RunStarted,
    SearchEnded,
    outcome_id,
)
from ray_promptopt.store.journal import RunStore
from ray_promptopt.store.orders import GivenOrder, Order
from ray_promptopt.store.run_folder import write_run_folder
from ray_promptopt.store.run_view import RunStatus, RunView, catch_up, load_view


@dataclass(frozen=True)
class Ports:
    """The outside of a run. The optimizer starts when the baseline is known; `read_program` gives
    the task app's program source, empty when it offers none, `read_reference` the texts of the
    reference corpus; `next_order` waits until the order
    from outside is another than the one it is given."""

    trials: TrialPort
    rollouts: RolloutPort
    proposals: ProposalPort
    start_optimizer: Callable[[], Awaitable[OptimizerPort]]
    read_program: Callable[[], Awaitable[str]]
    read_reference: Callable[[], Awaitable[tuple[str, ...]]]
    next_order: Callable[[Order], Awaitable[GivenOrder]]
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep


class RunCoordinator:
    """Owns the journal of its run while it lives."""

    def __init__(
        self,
        run_id: RunId,
        config: RunConfig,
        store: RunStore,
        ports: Ports,
        results_folder: Path,
        clock: Callable[[], float],
    ) -> None:
        self._run_id = run_id
        self._config = config
        self._store = store
        self._ports = ports
        self._results_folder = results_folder
        self._stop = asyncio.Event()
        self._stop_reason = "stopped"
        self._search: SearchLoop | None = None
        self._view = view = load_view(store, run_id)
        self._stopwatch = Stopwatch(clock, view.running_s)
        self._done_before = view.search_rollouts
        self._executor = Executor(
            run_id,
            store,
            _ledger(view, config),
            FailurePolicy(config.execution.max_attempts, config.max_concurrent),
            ports.trials,
            ports.rollouts,
            ports.proposals,
            sleep=ports.sleep,
            failed_attempts=len(view.failed_attempts),
            held_out=view.rollouts_by_purpose.get(Purpose.HELD_OUT, 0),
        )
        self._progress = _first_snapshot(view, config)

    def request_stop(self, reason: str) -> None:
        """Stop cleanly: nothing new is sent out, what is in flight is awaited for a while."""
        if self._stop.is_set():
            return
        self._stop_reason = reason
        self._stop.set()
        self._executor.gate.open()
        self._stopwatch.go_on()
        self._progress = replace(self._progress, phase=Phase.STOPPING)
        if self._search is not None:
            self._search.stop()

    def pause(self, by: str) -> None:
        """Send nothing new out and let no time count; what is in flight comes home."""
        gate = self._executor.gate
        if self._stopping() or not gate.is_open:
            return
        gate.shut()
        self._stopwatch.halt()
        self._store.append(self._run_id, [RunPaused(by)])

    def go_on(self, by: str) -> None:
        """End a pause."""
        gate = self._executor.gate
        if gate.is_open:
            return
        gate.open()
        self._stopwatch.go_on()
        self._store.append(self._run_id, [RunContinued(by)])
        if self._search is not None:
            self._search.wake()

    async def run(self, *, held_out_only: bool = False) -> RunStatus:
        """Drive the run to its end, or until it is stopped; what came of it is in the journal.

        Raises JournalError when the store cannot be written.
        """
        self._store.append(self._run_id, [RunStarted(LIST_VERSION)])
        obeying = asyncio.create_task(self._obey())
        try:
            status = await self._phases(held_out_only)
        except PromptOptError as error:
            self._store.append(self._run_id, [RunFailed(str(error))])
            status = RunStatus.FAILED
        except BaseException as error:
            self._store.append(self._run_id, [RunInterrupted(f"{type(error).__name__}: {error}")])
            raise
        finally:
            obeying.cancel()
        write_run_folder(self._results_folder, load_view(self._store, self._run_id))
        with suppress(PortLost):
            await self._ports.trials.revoke_all()
        self._progress = replace(self.progress(), phase=Phase.DONE)
        return status

    def progress(self) -> ProgressSnapshot:
        """Where the run stands now."""
        ledger, watch = self._executor.ledger, self._stopwatch
        rollouts = int(ledger.rollouts.spent)
        return replace(
            self._progress,
            phase=self._progress.phase if self._executor.gate.is_open else Phase.PAUSED,
            rollouts=rollouts,
            cost_usd=ledger.cost_usd.spent,
            total_tokens=int(ledger.tokens.spent),
            policy_spend=ledger.spends[Category.ROLLOUT],
            reflection_spend=ledger.spends[Category.MUTATION],
            failed_attempts=self._executor.failed_attempts,
            in_flight=self._executor.in_flight,
            elapsed_s=watch.total_s,
            eta_s=eta_s(rollouts, self._progress.rollout_budget, self._done_before, watch.here_s),
            held_out_rollouts=self._executor.held_out,
        )

    async def _obey(self) -> None:
        """Follow the orders that come from outside, to the one to stop."""
        present = Order.GO
        while present is not Order.STOP:
            present, by = await self._ports.next_order(present)
            try:
                match present:
                    case Order.PAUSE:
                        self.pause(by)
                    case Order.GO:
                        self.go_on(by)
                    case Order.STOP:
                        self.request_stop(f"stopped by {by}")
            except JournalError as error:
                self.request_stop(str(error))

    def _stopping(self) -> bool:
        return self._stop.is_set()

    async def _phases(self, held_out_only: bool) -> RunStatus:
        view = load_view(self._store, self._run_id)
        self._executor.baseline = await self._learn_baseline(view)
        if self._executor.baseline is None:
            return self._interrupted()
        if view.best is not None:
            await self._ports.trials.serve_best(view.best.candidate, self._executor.baseline)
        reason = view.reason
        if not view.search_ended:
            if held_out_only:
                raise RunStopped(
                    f"the search of {self._run_id} has not ended: finish it with "
                    f"`ray-promptopt resume {self._run_id}`, then evaluate it"
                )
            await self._read_context()
            ended = await self._run_search(len(view.decisions))
            if ended is None:
                return self._interrupted()
            reason = ended
        await self._evaluate_held_out()
        if self._stopping():
            return self._interrupted()
        self._store.append(self._run_id, [RunFinished(reason)])
        return RunStatus.SUCCEEDED

    def _interrupted(self) -> RunStatus:
        self._store.append(self._run_id, [RunInterrupted(self._stop_reason)])
        return RunStatus.INTERRUPTED

    async def _learn_baseline(self, view: RunView) -> LearnedBaseline | None:
        """From the journal, else from a few rollouts. None when stopped meanwhile."""
        if view.baseline_json is not None:
            return LearnedBaseline.from_json(view.baseline_json)
        self._progress = replace(self._progress, phase=Phase.BASELINE)
        settled = {outcome_id(stored.event) for stored in self._store.events(self._run_id)}
        work = baseline_work(self._config)
        outcomes = await execute_all(
            self._executor,
            [item for item in work if item.work_id not in settled],
            max_concurrent=self._config.max_concurrent,
            in_budget=True,
            stop=self._stop,
        )
        lost = [outcome for outcome in outcomes if isinstance(outcome, FailedOutcome)]
        if lost:
            raise RunStopped(f"the baseline cannot be learned: {lost[0].error}")
        if self._stopping():
            return None
        traces = [self._store.trace(self._run_id, item.work_id) for item in work]
        calls = [
            [exchange.messages for exchange in trace.exchanges] if trace else [] for trace in traces
        ]
        baseline = learn_from(calls, self._config)
        self._store.append(self._run_id, [BaselineLearned(baseline.to_json())])
        return baseline

    async def _read_context(self) -> None:
        """Once per run, into the journal: so a replay gives the same prompts."""
        journal = [stored.event for stored in self._store.events(self._run_id)]
        if known_program(journal) is None:
            self._store.append(self._run_id, [ProgramRead(await self._ports.read_program())])
        has_corpus = self._config.mipro is not None and bool(self._config.splits.reference)
        if has_corpus and known_reference(journal) is None:
            self._store.append(self._run_id, [ReferenceRead(await self._ports.read_reference())])

    async def _run_search(self, num_decided: int) -> str | None:
        self._progress = replace(self._progress, phase=Phase.SEARCH)
        optimizer = await self._ports.start_optimizer()
        self._search = SearchLoop(
            optimizer,
            self._executor,
            max_concurrent=self._config.max_concurrent,
            elapsed_s=lambda: self._stopwatch.total_s,
            sleep=self._ports.sleep,
            on_decision=self._decided,
            num_decided=num_decided,
        )
        if self._stopping():
            return None
        counts = await self._search.counts()
        self._progress = replace(self._progress, front_size=len(counts.front))
        reason = await self._search.run()
        if reason is None:
            if not self._stopping():
                raise RunStopped("the search asks for nothing and does not say that it is over")
            return None
        counts = await self._search.counts()
        self._store.append(self._run_id, [SearchEnded(reason, counts.best, counts.front)])
        return reason

    async def _decided(self, decision: Decision) -> None:
        progress = replace(self._progress, last_decision=decision.message)
        match decision.kind:
            case DecisionKind.CANDIDATE_REJECTED:
                progress = replace(progress, rejected=progress.rejected + 1)
            case DecisionKind.CANDIDATE_ACCEPTED:
                progress = replace(progress, accepted=progress.accepted + 1)
            case DecisionKind.CANDIDATE_SCORED if self._search is not None:
                counts = await self._search.counts()
                progress = replace(progress, front_size=len(counts.front))
            case DecisionKind.NEW_BEST:
                progress = await self._new_best(decision, progress)
        self._progress = progress

    async def _new_best(self, decision: Decision, progress: ProgressSnapshot) -> ProgressSnapshot:
        baseline = self._executor.baseline
        if decision.candidate is not None and baseline is not None:
            await self._ports.trials.serve_best(decision.candidate, baseline)
        catch_up(self._view, self._store)
        write_run_folder(self._results_folder, self._view)
        first = progress.baseline_score is None
        return replace(
            progress,
            best_score=decision.score,
            baseline_score=decision.score if first else progress.baseline_score,
        )

    async def _evaluate_held_out(self) -> None:
        view = load_view(self._store, self._run_id)
        if view.initial is None or view.best is None:
            return
        done = {outcome_id(stored.event) for stored in self._store.events(self._run_id)}
        candidates = held_out_candidates(view, self._config)
        work = held_out_work(self._config, candidates, [key for key in done if key])
        self._progress = replace(
            self._progress,
            phase=Phase.HELD_OUT,
            held_out_total=self._executor.held_out + len(work),
        )
        await execute_all(
            self._executor,
            work,
            max_concurrent=self._config.max_concurrent,
            in_budget=False,
            stop=self._stop,
        )


def _ledger(view: RunView, config: RunConfig) -> BudgetLedger:
    """The budgets, less what the journal says was used."""
    limits = config.limits
    ledger = BudgetLedger(
        RunLimits(
            limits.max_rollouts,
            limits.max_tokens,
            limits.max_cost_usd,
            limits.max_seconds,
            limits.max_category_costs_usd,
        ),
        held_out_left=num_held_out(config),
    )
    rollouts = sum(view.rollouts_by_purpose.values())
    ledger.restore(
        view.search_rollouts,
        {
            Category.ROLLOUT: Spent(rollouts, view.policy_spend + view.held_out_spend),
            Category.MUTATION: Spent(view.proposals, view.reflection_spend),
        },
    )
    return ledger


def _first_snapshot(view: RunView, config: RunConfig) -> ProgressSnapshot:
    kinds = [decision.kind for decision in view.decisions]
    return ProgressSnapshot(
        rollout_budget=config.limits.max_rollouts,
        baseline_score=view.initial.validation_mean if view.initial else None,
        best_score=view.best.validation_mean if view.best else None,
        front_size=len(view.front),
        accepted=kinds.count(DecisionKind.CANDIDATE_ACCEPTED),
        rejected=kinds.count(DecisionKind.CANDIDATE_REJECTED),
    )
