"""A whole outside for the run coordinator, in memory: task app, gateway, models, optimizer.

Scores come from the landscape of `tests.fakes.landscape`. Faults are scripted by attempt number,
so that every test is repeatable. The store is in memory, where no commit waits for a disk, unless
the test is about what other commands left in a folder (`on_disk`).
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ray_promptopt.config.dump import resolved_json
from ray_promptopt.config.loader import parse_config
from ray_promptopt.config.schema import RunConfig
from ray_promptopt.core.candidate import Candidate
from ray_promptopt.core.errors import UpstreamError
from ray_promptopt.core.ids import CorrelationId, RunId, TrialId
from ray_promptopt.core.messages import ChatMessage
from ray_promptopt.core.trace import Exchange, Trace
from ray_promptopt.core.usage import Spend, Usage
from ray_promptopt.core.work import (
    EvaluateCandidate,
    Outcome,
    ProposalOutcome,
    ProposeText,
    RolloutOutcome,
    SearchCounts,
)
from ray_promptopt.prompts.learning import LearnedBaseline
from ray_promptopt.rollouts.result import ErrorKind, ErrorRecord, RolloutResult
from ray_promptopt.runs.coordinator import Ports, RunCoordinator
from ray_promptopt.runs.ports import PortLost, Step
from ray_promptopt.runs.recovery import RecordedOptimizer, recover_optimizer
from ray_promptopt.store.journal import RunStore, sqlite_url
from ray_promptopt.store.orders import GivenOrder, Order
from ray_promptopt.store.run_view import RunStatus
from tests.fakes.landscape import Landscape

RUN = RunId("pl_" + "1" * 32)
PROGRAM = "def program(): ..."
INSTRUCTION = "Follow the rules that are written here."
CALL = Spend(Usage(100, 10), 0.001, 1)
REFLECTION = Spend(Usage(500, 50), 0.01, 1)


def config(**changes: object) -> RunConfig:
    """A small GEPA run: 12 training, 6 validation and 6 test seeds."""
    table: dict[str, object] = {
        "algorithm": "gepa",
        "task_app_url": "http://127.0.0.1:1",
        "policy": {"provider": "embedded", "model": "embedded/reader"},
        "gepa": {
            "schedule": "reference",
            "rollout": {"budget": 90, "minibatch_size": 3, "max_concurrent": 4},
            "evaluation": {
                "train_seeds": list(range(12)),
                "validation_seeds": list(range(20, 26)),
                "test_pool": list(range(40, 46)),
            },
        },
        **changes,
    }
    return parse_config(table, source="test", environ={})


@dataclass
class World:
    """Everything outside the coordinator. `fault` may give an error for the n-th attempt."""

    folder: Path
    fault: Callable[[EvaluateCandidate, int], ErrorRecord | Exception | None] = (
        lambda item, attempt: None
    )
    proposal_fault: Callable[[int], UpstreamError | None] = lambda attempt: None
    config: RunConfig = field(default_factory=config)
    store: RunStore = field(default_factory=lambda: RunStore("sqlite://"))
    landscape: Landscape = field(default_factory=Landscape)
    attempts: int = 0
    proposal_attempts: int = 0
    served: list[Candidate] = field(default_factory=list)
    registered: int = 0
    programs_read: int = 0
    references_read: int = 0
    reflections: list[str] = field(default_factory=list)
    revoked: int = 0
    optimizer: RecordedOptimizer | None = None
    optimizer_calls: int = 0
    lose_optimizer_at: Callable[[int], bool] = lambda call: False
    in_flight: int = 0
    most_in_flight: int = 0
    now_s: float = 0.0

    def __post_init__(self) -> None:
        self._attempted = asyncio.Condition()
        self.orders = asyncio.Queue[GivenOrder]()

    def create(self) -> None:
        """Put the run into the store."""
        self.store.create_run(RUN, name="test", config=resolved_json(self.config))

    def coordinator(self) -> RunCoordinator:
        """A fresh coordinator on the store, as after a restart."""
        self.optimizer = None
        self._attempted = asyncio.Condition()
        self.orders = asyncio.Queue[GivenOrder]()
        ports = Ports(
            self,
            self,
            self,
            self._start_optimizer,
            self._read_program,
            self._read_reference,
            self._next_order,
            _no_sleep,
        )
        return RunCoordinator(RUN, self.config, self.store, ports, self.folder, lambda: self.now_s)

    async def attempted(self, number: int, running: "asyncio.Task[RunStatus]") -> None:
        """Wait until so many attempts were begun, or the run is over."""
        reached = asyncio.create_task(self._reached(number))
        await asyncio.wait([reached, running], return_when=asyncio.FIRST_COMPLETED)
        reached.cancel()

    async def _reached(self, number: int) -> None:
        async with self._attempted:
            await self._attempted.wait_for(lambda: self.attempts >= number)

    async def register(
        self, candidate: Candidate | None, baseline: LearnedBaseline | None, *, again: bool
    ) -> TrialId:
        self.registered += 1
        return TrialId("trial-" + (candidate.id if candidate else "baseline"))

    async def serve_best(self, candidate: Candidate, baseline: LearnedBaseline) -> None:
        self.served.append(candidate)

    async def revoke_all(self) -> None:
        self.revoked += 1

    async def run(
        self, item: EvaluateCandidate, trial_id: TrialId, baseline: LearnedBaseline | None
    ) -> RolloutResult:
        self.attempts += 1
        async with self._attempted:
            self._attempted.notify_all()
        self.in_flight += 1
        self.most_in_flight = max(self.most_in_flight, self.in_flight)
        try:
            await asyncio.sleep(0)
            fault = self.fault(item, self.attempts)
        finally:
            self.in_flight -= 1
        if isinstance(fault, Exception):
            raise fault
        exchange = Exchange(
            messages=(
                ChatMessage("system", INSTRUCTION),
                ChatMessage("user", f"question number {item.example.seed}"),
            ),
            reply="reply",
            model="m",
            spend=CALL,
            latency_s=0.0,
            status_code=200,
        )
        trace = Trace(CorrelationId(f"trace_{self.attempts}"), (exchange,))
        if fault is not None:
            return RolloutResult(trace, 0.0, error=fault, spend=CALL)
        outcome = self.landscape.answer(item)
        assert isinstance(outcome, RolloutOutcome)
        return RolloutResult(trace, 0.0, score=outcome.score, evidence=outcome.evidence, spend=CALL)

    async def propose(self, item: ProposeText) -> ProposalOutcome:
        self.proposal_attempts += 1
        self.reflections.append(item.messages[-1].content)
        fault = self.proposal_fault(self.proposal_attempts)
        if fault is not None:
            raise fault
        outcome = self.landscape.answer(item)
        assert isinstance(outcome, ProposalOutcome)
        return ProposalOutcome(item.work_id, outcome.text, spend=REFLECTION)

    async def _read_program(self) -> str:
        self.programs_read += 1
        return PROGRAM

    async def _read_reference(self) -> tuple[str, ...]:
        self.references_read += 1
        return tuple(f"reference row {seed}" for seed in self.config.splits.reference)

    async def _next_order(self, present: Order) -> GivenOrder:
        return await self.orders.get()

    async def _start_optimizer(self) -> "LosableOptimizer":
        return LosableOptimizer(self)


class LosableOptimizer:
    """An optimizer port that dies before or after it did what it was asked, and is rebuilt."""

    def __init__(self, world: World) -> None:
        self._world = world

    async def advance(self, outcomes: Sequence[Outcome], decided: int, capacity: int) -> Step:
        step = self._alive().advance(outcomes, decided, capacity)
        self._perhaps_die()
        return step

    async def stop_reason(self) -> str | None:
        return self._alive().stop_reason()

    async def counts(self) -> SearchCounts:
        return self._alive().counts()

    def _alive(self) -> RecordedOptimizer:
        self._perhaps_die()
        if self._world.optimizer is None:
            self._world.optimizer = recover_optimizer(self._world.store, RUN)
        return self._world.optimizer

    def _perhaps_die(self) -> None:
        self._world.optimizer_calls += 1
        if self._world.lose_optimizer_at(self._world.optimizer_calls):
            self._world.optimizer = None
            raise PortLost("the optimizer died")


def on_disk(folder: Path) -> World:
    """A world whose store is that of the results folder, as it is after earlier commands."""
    return World(folder, store=RunStore(sqlite_url(folder)))


def infrastructure(message: str = "connection refused") -> ErrorRecord:
    return ErrorRecord(ErrorKind.INFRASTRUCTURE, message)


async def _no_sleep(seconds: float) -> None:
    await asyncio.sleep(0)
