"""The way of one rollout over real HTTP: executor, worker, task app, gateway, model. No Ray."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from ray_promptopt.core.candidate import Candidate
from ray_promptopt.core.examples import Example, Part
from ray_promptopt.core.ids import RunId, TrialId, WorkId, new_trial_id
from ray_promptopt.core.work import (
    EvaluateCandidate,
    FailedOutcome,
    Outcome,
    ProposalOutcome,
    ProposeText,
    Purpose,
    RolloutOutcome,
)
from ray_promptopt.gateway.app import GatewayApp
from ray_promptopt.gateway.binding import TrialBinding
from ray_promptopt.gateway.state import GatewayState
from ray_promptopt.gateway.traces import TraceEvent, TraceLedger
from ray_promptopt.llm.models import UpstreamModel
from ray_promptopt.llm.retry import RetryPolicy
from ray_promptopt.llm.upstream import Upstream
from ray_promptopt.prompts.learning import LearnedBaseline
from ray_promptopt.rollouts.plan import RolloutSettings
from ray_promptopt.rollouts.result import RolloutResult
from ray_promptopt.rollouts.runner import RolloutRunner
from ray_promptopt.runs.execution import Executor, RunStopped
from ray_promptopt.runs.failure_policy import FailurePolicy
from ray_promptopt.runs.ledger import BudgetLedger, RunLimits
from ray_promptopt.store.events import AttemptFailed, RolloutFinished, WorkFailed
from ray_promptopt.store.journal import RunStore, sqlite_url
from ray_promptopt.taskapp.client import TaskAppClient
from tests.fakes.http import CarelessApp, ScriptedModel, serving

RUN = RunId("pl_" + "1" * 32)
ITEM = EvaluateCandidate(
    WorkId("v.1"), Candidate(()), Example(Part.VALIDATION, 1), Purpose.VALIDATION
)


class RestartableState:
    """The gateway's state as its actor gives it: `restart` loses everything that it knew."""

    def __init__(self) -> None:
        self.now = GatewayState()
        self.ledger = TraceLedger(longest_barrier_s=5.0)

    def restart(self) -> None:
        """As after a kill -9."""
        self.now = GatewayState()

    async def resolve(self, reference: str) -> TrialBinding | None:
        return self.now.resolve(reference)

    async def record(self, home: str, events: Sequence[TraceEvent]) -> None:
        self.ledger.record(events)


@dataclass
class Trials:
    """A `TrialPort` on the state: baseline trials, a fresh one whenever asked again."""

    state: RestartableState
    upstream: UpstreamModel
    trial_id: TrialId | None = None
    after_registration: Callable[[], None] = lambda: None

    async def register(
        self, candidate: Candidate | None, baseline: LearnedBaseline | None, *, again: bool
    ) -> TrialId:
        if self.trial_id is None or again:
            self.trial_id = new_trial_id()
            self.state.now.register(TrialBinding(self.trial_id, RUN, self.upstream))
            self.after_registration()
        return self.trial_id

    async def serve_best(self, candidate: Candidate, baseline: LearnedBaseline) -> None:
        raise AssertionError("not part of a rollout")

    async def revoke_all(self) -> None:
        self.state.now.revoke_run(RUN)


class Worker:
    """A `RolloutPort` without a process of its own."""

    def __init__(self, settings: RolloutSettings, state: RestartableState) -> None:
        self.client = TaskAppClient(settings.task_app_url, "", timeout_s=10.0)
        self._runner = RolloutRunner(settings, self.client, state.ledger)

    async def run(
        self, item: EvaluateCandidate, trial_id: TrialId, baseline: LearnedBaseline | None
    ) -> RolloutResult:
        return await self._runner.run(item.example, trial_id, baseline)


class NoProposals:
    async def propose(self, item: ProposeText) -> ProposalOutcome:
        raise AssertionError("no proposal is asked for here")


@dataclass
class Outside:
    """One executor with everything real behind it but Ray and a real model."""

    executor: Executor
    store: RunStore
    state: RestartableState
    trials: Trials

    async def execute(self) -> Outcome:
        assert self.executor.try_reserve(ITEM)
        return await self.executor.execute(ITEM)

    def failures(self) -> list[AttemptFailed]:
        events = [stored.event for stored in self.store.events(RUN)]
        return [event for event in events if isinstance(event, AttemptFailed)]


@contextlib.asynccontextmanager
async def outside(
    folder: Path, app: Callable[..., object], model: Callable[..., object]
) -> AsyncIterator[Outside]:
    state = RestartableState()
    store = RunStore(sqlite_url(folder))
    store.create_run(RUN, name="test", config="{}")
    upstream = Upstream({}, retry=RetryPolicy(max_attempts=1))
    gateway = GatewayApp(state, upstream=upstream)
    async with (
        serving(model) as model_url,
        serving(gateway) as gateway_url,
        serving(app) as app_url,
    ):
        settings = RolloutSettings(
            run_id=RUN,
            task_app_url=app_url,
            task_app_api_key="",
            gateway_url=gateway_url,
            model="m",
            provider="openai",
            env_name="test",
            env_config={},
            splits={},
            temperature=0.0,
            max_completion_tokens=None,
            timeout_s=10.0,
        )
        worker = Worker(settings, state)
        trials = Trials(state, UpstreamModel("embedded", "m", f"{model_url}/v1"))
        executor = Executor(
            RUN,
            store,
            BudgetLedger(RunLimits(rollouts=1)),
            FailurePolicy(3, 1),
            trials,
            worker,
            NoProposals(),
            sleep=lambda _seconds: asyncio.sleep(0),
        )
        yield Outside(executor, store, state, trials)
        await worker.client.aclose()
    await gateway.aclose()
    store.close()


async def test_rollout_when_its_model_call_failed_then_is_tried_again_and_scored_once(
    tmp_path: Path,
) -> None:
    model, app = ScriptedModel(500, 502), CarelessApp()
    async with outside(tmp_path, app.app, model.app) as world:
        outcome = await world.execute()
        assert isinstance(outcome, RolloutOutcome)
        assert outcome.score == 1.0
        assert app.num_rollouts == model.num_calls == 3
        assert [failed.kind for failed in world.failures()] == ["infrastructure"] * 2
        (last,) = [
            stored.event
            for stored in world.store.events(RUN)
            if isinstance(stored.event, RolloutFinished)
        ]
        assert last.attempts == 3
        assert world.executor.ledger.rollouts.spent == 1


async def test_rollout_when_every_model_call_fails_then_is_never_scored_and_costs_no_rollout(
    tmp_path: Path,
) -> None:
    async with outside(tmp_path, CarelessApp().app, ScriptedModel(*[500] * 9).app) as world:
        outcome = await world.execute()
        assert isinstance(outcome, FailedOutcome)
        assert "a model call failed" in outcome.error
        events = [stored.event for stored in world.store.events(RUN)]
        assert not any(isinstance(event, RolloutFinished) for event in events)
        assert isinstance(events[-1], WorkFailed)
        assert world.executor.ledger.rollouts.spent == 0
        assert world.executor.ledger.rollouts.reserved == 0


async def test_rollout_when_one_of_its_calls_failed_then_the_others_do_not_hide_it(
    tmp_path: Path,
) -> None:
    model = ScriptedModel(200, 500, 200)
    app = CarelessApp(calls_per_rollout=3)
    async with outside(tmp_path, app.app, model.app) as world:
        outcome = await world.execute()
        assert isinstance(outcome, RolloutOutcome)
        assert outcome.score == 1.0
        assert app.num_rollouts == 2
        trace = world.store.trace(RUN, ITEM.work_id)
        assert trace is not None
        assert [exchange.status_code for exchange in trace.exchanges] == [200] * 3
        # What the failed attempt's good calls cost is spent all the same.
        assert world.executor.ledger.tokens.spent == 5 * 9


async def test_rollout_when_the_key_is_refused_then_the_run_stops_with_the_reason(
    tmp_path: Path,
) -> None:
    async with outside(tmp_path, CarelessApp().app, ScriptedModel(401).app) as world:
        with pytest.raises(RunStopped, match=r"401|key"):
            await world.execute()
        assert world.executor.ledger.rollouts.spent == 0


async def test_rollout_when_the_gateways_state_has_lost_its_trial_then_is_tried_under_a_fresh_one(
    tmp_path: Path,
) -> None:
    model, app = ScriptedModel(), CarelessApp(calls_per_rollout=2)
    async with outside(tmp_path, app.app, model.app) as world:
        registered: list[TrialId | None] = []

        def restart_once() -> None:
            registered.append(world.trials.trial_id)
            if len(registered) == 1:
                world.state.restart()

        world.trials.after_registration = restart_once
        outcome = await world.execute()
        assert isinstance(outcome, RolloutOutcome)
        assert outcome.score == 1.0
        assert len(set(registered)) == 2
        (lost,) = world.failures()
        assert lost.kind == "infrastructure"
        assert "a model call failed" in lost.message


async def test_rollout_when_the_gateways_state_is_lost_meanwhile_then_its_record_is_whole(
    tmp_path: Path,
) -> None:
    model, app = ScriptedModel(), CarelessApp(calls_per_rollout=2)
    async with outside(tmp_path, app.app, model.app) as world:
        app.after_call = world.state.restart
        outcome = await world.execute()
        assert isinstance(outcome, RolloutOutcome)
        assert outcome.spend.calls == 2
        assert world.failures() == []


async def test_barrier_when_a_call_is_still_open_then_the_rollout_waits_for_its_exchange(
    tmp_path: Path,
) -> None:
    """An app that answers before its model call has ended is scored with the whole record."""
    started, may_answer = asyncio.Event(), asyncio.Event()

    class SlowModel(ScriptedModel):
        async def _answer(self, request: Request) -> Response:
            started.set()
            await may_answer.wait()
            return await super()._answer(request)

    background: list[asyncio.Task[object]] = []
    inner = CarelessApp()

    async def impatient(request: Request) -> Response:
        background.append(asyncio.create_task(inner._rollout(request)))
        await started.wait()
        return Response('{"metrics": {"mean_return": 0.25}}', media_type="application/json")

    app = Starlette(routes=[Route("/rollout", impatient, methods=["POST"])])
    async with outside(tmp_path, app, SlowModel().app) as world:
        executing = asyncio.create_task(world.execute())
        await started.wait()
        done, _ = await asyncio.wait([executing], timeout=0.3)
        assert not done
        may_answer.set()
        outcome = await executing
        assert isinstance(outcome, RolloutOutcome)
        assert outcome.score == 0.25
        assert outcome.spend.calls == 1
        await asyncio.gather(*background)


@pytest.mark.parametrize(
    "answer",
    [
        Response("no json", media_type="application/json"),
        Response('{"metrics": {"mean_return": "much"}}', media_type="application/json"),
        Response("[]", media_type="application/json"),
        Response(b"\xff\xfe", media_type="application/json"),
        Response('{"metr', headers={"content-length": "500"}, media_type="application/json"),
    ],
)
async def test_rollout_when_the_app_answers_nonsense_then_is_given_up_in_words_and_not_scored(
    tmp_path: Path, answer: Response
) -> None:
    async def nonsense(request: Request) -> Response:
        return answer

    app = Starlette(routes=[Route("/rollout", nonsense, methods=["POST"])])
    async with outside(tmp_path, app, ScriptedModel().app) as world:
        outcome = await world.execute()
        assert isinstance(outcome, FailedOutcome)
        assert "task app http://127.0.0.1" in outcome.error
        assert world.executor.ledger.rollouts.spent == 0
