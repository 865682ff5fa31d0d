"""The two things a replica keeps: bindings that it has resolved, events that it has yet to send."""

import asyncio
from collections.abc import Sequence

from ray_promptopt.core.ids import RunId, TrialId, new_correlation_id
from ray_promptopt.gateway.binding import TrialBinding
from ray_promptopt.gateway.recorder import TraceRecorder
from ray_promptopt.gateway.resolver import TrialResolver
from ray_promptopt.gateway.traces import CallOpened, TraceEvent
from ray_promptopt.llm.models import UpstreamModel

MODEL = UpstreamModel("openai", "gpt-4o-mini")
TRIAL = TrialBinding(TrialId("trial-1"), RunId("pl_1"), MODEL)
BEST = TrialBinding(TrialId("trial-1"), RunId("pl_1"), MODEL)


class SlowState:
    """Answers when it is let; fails as often as it is told to."""

    def __init__(self, failures: int = 0) -> None:
        self.go = asyncio.Event()
        self.arrived = asyncio.Event()
        self.failures = failures
        self.asked: list[str] = []
        self.groups: list[list[TraceEvent]] = []
        self.known: dict[str, TrialBinding] = {"trial-1": TRIAL, "pl_1": BEST}

    async def resolve(self, reference: str) -> TrialBinding | None:
        self.asked.append(reference)
        await self.go.wait()
        return self.known.get(reference)

    async def record(self, home: str, events: Sequence[TraceEvent]) -> None:
        if self.failures:
            self.failures -= 1
            raise ConnectionError
        self.groups.append(list(events))
        self.arrived.set()
        await self.go.wait()


async def test_many_calls_of_a_new_trial_ask_the_state_once() -> None:
    state = SlowState()
    resolver = TrialResolver(state)
    asking = [asyncio.create_task(resolver.resolve("trial-1")) for _ in range(50)]
    await asyncio.sleep(0)
    state.go.set()
    assert await asyncio.gather(*asking) == [TRIAL] * 50
    assert await resolver.resolve("trial-1") is TRIAL
    assert state.asked == ["trial-1"]


async def test_a_caller_that_gives_up_does_not_take_the_answer_from_the_others() -> None:
    state = SlowState()
    resolver = TrialResolver(state)
    first, second = (asyncio.create_task(resolver.resolve("trial-1")) for _ in range(2))
    await asyncio.sleep(0)
    first.cancel()
    state.go.set()
    assert await second is TRIAL


async def test_a_runs_best_prompt_is_asked_for_again_after_a_second_and_an_unknown_id_always() -> (
    None
):
    now = 0.0
    state = SlowState()
    state.go.set()
    resolver = TrialResolver(state, clock=lambda: now)
    await resolver.resolve("pl_1")
    await resolver.resolve("pl_1")
    now = 1.1
    await resolver.resolve("pl_1")
    assert await resolver.resolve("trial-2") is None
    state.known["trial-2"] = TRIAL
    assert await resolver.resolve("trial-2") is TRIAL
    assert state.asked == ["pl_1", "pl_1", "trial-2", "trial-2"]


async def test_what_arrives_while_a_group_is_on_its_way_goes_with_the_next_in_order() -> None:
    state = SlowState(failures=1)
    recorder = TraceRecorder(state)
    events = [CallOpened(new_correlation_id(), str(number)) for number in range(5)]
    first = recorder.record(events[0])
    await state.arrived.wait()
    rest = [recorder.record(event) for event in events[1:]]
    assert not first.done()
    state.go.set()
    await recorder.drain()
    assert state.groups == [events[:1], events[1:]]
    assert all(acknowledged.done() for acknowledged in [first, *rest])
