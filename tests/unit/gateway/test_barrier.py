import asyncio
from collections.abc import Sequence

import pytest

from ray_promptopt.core.ids import CorrelationId, RunId, TrialId
from ray_promptopt.core.trace import Exchange
from ray_promptopt.core.usage import NO_SPEND
from ray_promptopt.gateway.binding import TrialBinding
from ray_promptopt.gateway.recorder import TraceRecorder
from ray_promptopt.gateway.state import (
    CallClosed,
    CallOpened,
    GatewayState,
    TraceEvent,
    TraceLost,
)
from ray_promptopt.llm.models import UpstreamModel

CID = CorrelationId("trace_1")
TRIAL = TrialId("trial-1")
EXCHANGE = Exchange((), "yes", "m", NO_SPEND, 0.1, 200)


def state_with_trial(
    *, longest_barrier_s: float = 60.0, longest_silence_s: float = 60.0
) -> GatewayState:
    state = GatewayState(longest_barrier_s=longest_barrier_s, longest_silence_s=longest_silence_s)
    state.register(TrialBinding(TRIAL, RunId("pl_1"), UpstreamModel("embedded", "m")))
    return state


async def test_barrier_when_every_call_is_closed_then_gives_them_in_order_of_arrival() -> None:
    state = state_with_trial()
    other = Exchange((), "no", "m", NO_SPEND, 0.1, 200)
    state.record([CallOpened(CID, "a"), CallOpened(CID, "b"), CallClosed(CID, "b", other)])
    state.record([CallClosed(CID, "a", EXCHANGE), CallClosed(CID, "a", EXCHANGE)])
    trace = await state.barrier(CID, TRIAL)
    assert trace.exchanges == (EXCHANGE, other)
    assert (await state.barrier(CID, TRIAL)).exchanges == ()


async def test_barrier_when_a_call_is_open_then_waits_for_it() -> None:
    state = state_with_trial()
    state.record([CallOpened(CID, "a")])
    waiting = asyncio.create_task(state.barrier(CID, TRIAL))
    await asyncio.sleep(0)
    assert not waiting.done()
    state.record([CallClosed(CID, "a", EXCHANGE)])
    assert (await waiting).exchanges == (EXCHANGE,)


async def test_barrier_when_nothing_more_is_heard_of_a_call_then_it_is_a_failed_one() -> None:
    state = state_with_trial(longest_silence_s=0.01)
    state.record([CallOpened(CID, "a")])
    (exchange,) = (await state.barrier(CID, TRIAL)).exchanges
    assert exchange.failure_code == "gateway_lost"


async def test_barrier_when_a_call_takes_longer_than_any_may_then_it_is_a_failed_one() -> None:
    state = state_with_trial(longest_barrier_s=0.01)
    state.record([CallOpened(CID, "a")])
    (exchange,) = (await state.barrier(CID, TRIAL)).exchanges
    assert exchange.failure_code == "gateway_lost"


async def test_barrier_when_the_trial_is_unknown_then_the_record_counts_as_lost() -> None:
    state = GatewayState()
    state.record([CallOpened(CID, "a"), CallClosed(CID, "a", EXCHANGE)])
    with pytest.raises(TraceLost):
        await state.barrier(CID, TRIAL)


async def test_recorder_when_a_call_stays_open_then_reminds_the_state_until_it_is_closed() -> None:
    heard: list[TraceEvent] = []
    enough = asyncio.Event()

    class State:
        async def resolve(self, reference: str) -> TrialBinding | None:
            return None

        async def record(self, events: Sequence[TraceEvent]) -> None:
            heard.extend(events)
            if len(heard) >= 4:
                enough.set()

    recorder = TraceRecorder(State(), remind_every_s=0.001)
    opened = CallOpened(CID, "a")
    await recorder.record(opened)
    await enough.wait()
    await recorder.record(CallClosed(CID, "a", EXCHANGE))
    await recorder.drain()
    assert set(heard[:-1]) == {opened}
    assert heard[-1] == CallClosed(CID, "a", EXCHANGE)


async def test_recorder_when_the_state_is_away_then_nothing_is_lost_and_order_is_kept() -> None:
    state = state_with_trial()
    attempts = 0

    class Flaky:
        async def resolve(self, reference: str) -> TrialBinding | None:
            return None

        async def record(self, events: Sequence[TraceEvent]) -> None:
            nonlocal attempts
            attempts += 1
            if attempts == 1:
                raise ConnectionError("restarting")
            state.record(events)

    recorder = TraceRecorder(Flaky())
    recorder.record(CallOpened(CID, "a"))
    await recorder.record(CallClosed(CID, "a", EXCHANGE))
    await recorder.drain()
    assert (await state.barrier(CID, TRIAL)).exchanges == (EXCHANGE,)
