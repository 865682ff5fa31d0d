"""The ledger of model calls that a rollout waits for, and how events come to it."""

import asyncio
from collections.abc import Sequence

from ray_promptopt.core.ids import home_of, new_correlation_id
from ray_promptopt.core.trace import Exchange
from ray_promptopt.core.usage import NO_SPEND
from ray_promptopt.gateway.binding import TrialBinding
from ray_promptopt.gateway.recorder import TraceRecorder
from ray_promptopt.gateway.traces import (
    LONGEST_BARRIER_S,
    CallClosed,
    CallOpened,
    TraceEvent,
    TraceLedger,
)
from ray_promptopt.llm.upstream import Upstream

EXCHANGE = Exchange((), "yes", "m", NO_SPEND, 0.1, 200)
HOME = "a" * 36


async def test_barrier_when_every_call_is_closed_then_gives_them_in_order_of_arrival() -> None:
    ledger = TraceLedger()
    cid = ledger.expect()
    other = Exchange((), "no", "m", NO_SPEND, 0.1, 200)
    ledger.record([CallOpened(cid, "a"), CallOpened(cid, "b"), CallClosed(cid, "b", other)])
    ledger.record([CallClosed(cid, "a", EXCHANGE), CallClosed(cid, "a", EXCHANGE)])
    trace = await ledger.barrier(cid)
    assert trace.exchanges == (EXCHANGE, other)


async def test_barrier_when_a_call_is_open_then_waits_for_it() -> None:
    ledger = TraceLedger()
    cid = ledger.expect()
    ledger.record([CallOpened(cid, "a")])
    waiting = asyncio.create_task(ledger.barrier(cid))
    await asyncio.sleep(0)
    assert not waiting.done()
    ledger.record([CallClosed(cid, "a", EXCHANGE)])
    assert (await waiting).exchanges == (EXCHANGE,)


async def test_barrier_when_nothing_more_is_heard_of_a_call_then_it_is_a_failed_one() -> None:
    ledger = TraceLedger(longest_silence_s=0.01)
    cid = ledger.expect()
    ledger.record([CallOpened(cid, "a")])
    (exchange,) = (await ledger.barrier(cid)).exchanges
    assert exchange.failure_code == "gateway_lost"


async def test_barrier_when_a_call_takes_longer_than_any_may_then_it_is_a_failed_one() -> None:
    ledger = TraceLedger(longest_barrier_s=0.01)
    cid = ledger.expect()
    ledger.record([CallOpened(cid, "a")])
    (exchange,) = (await ledger.barrier(cid)).exchanges
    assert exchange.failure_code == "gateway_lost"


def test_rollouts_and_ending_replicas_wait_longer_than_a_call_may_take() -> None:
    assert Upstream({}).timeout_s < LONGEST_BARRIER_S


async def test_ledger_keeps_nothing_of_a_rollout_that_it_does_not_wait_for() -> None:
    ledger = TraceLedger(HOME)
    cid = ledger.expect()
    await ledger.barrier(cid)
    forged = new_correlation_id(HOME)
    ledger.record([CallOpened(late, "a") for late in (cid, forged)])
    assert ledger.num_expected == 0


def test_correlation_ids_of_a_ledger_say_where_it_is() -> None:
    cid = TraceLedger(HOME).expect()
    assert home_of(cid) == HOME
    assert len(cid) == len("trace_") + 32 + 36
    assert home_of(new_correlation_id()) == ""


class Ledgers:
    """`StatePort` over a ledger per home; as often as told, it is away."""

    def __init__(self, times_away: int = 0) -> None:
        self.times_away = times_away
        self.heard: list[TraceEvent] = []
        self.homes: list[str] = []
        self.enough = asyncio.Event()
        self.ledger = TraceLedger(HOME)

    async def resolve(self, reference: str) -> TrialBinding | None:
        return None

    async def record(self, home: str, events: Sequence[TraceEvent]) -> None:
        if self.times_away:
            self.times_away -= 1
            raise ConnectionError("restarting")
        self.homes.append(home)
        self.heard.extend(events)
        self.ledger.record(events)
        if len(self.heard) >= 4:
            self.enough.set()


async def test_recorder_when_a_call_stays_open_then_reminds_its_ledger_until_it_is_closed() -> None:
    ledgers = Ledgers()
    recorder = TraceRecorder(ledgers, remind_every_s=0.001)
    opened = CallOpened(ledgers.ledger.expect(), "a")
    await recorder.record(opened)
    await ledgers.enough.wait()
    await recorder.record(CallClosed(opened.correlation_id, "a", EXCHANGE))
    await recorder.drain()
    assert set(ledgers.heard[:-1]) == {opened}
    assert ledgers.heard[-1] == CallClosed(opened.correlation_id, "a", EXCHANGE)


async def test_recorder_when_the_ledger_is_away_then_nothing_is_lost_and_order_is_kept() -> None:
    ledgers = Ledgers(times_away=1)
    cid = ledgers.ledger.expect()
    recorder = TraceRecorder(ledgers)
    recorder.record(CallOpened(cid, "a"))
    await recorder.record(CallClosed(cid, "a", EXCHANGE))
    await recorder.drain()
    assert (await ledgers.ledger.barrier(cid)).exchanges == (EXCHANGE,)


async def test_recorder_sends_each_call_to_the_ledger_that_waits_for_it() -> None:
    ledgers = Ledgers()
    recorder = TraceRecorder(ledgers)
    homes = [f"{number:036x}" for number in range(3)]
    for home in homes:
        recorder.record(CallOpened(new_correlation_id(home), home))
    await recorder.drain()
    assert sorted(ledgers.homes) == homes


async def test_recorder_when_a_reply_is_ready_then_its_opening_goes_without_a_pause() -> None:
    ledgers = Ledgers()
    recorder = TraceRecorder(ledgers, pause_s=3600.0)
    openings = [CallOpened(ledgers.ledger.expect(), "a") for _ in range(3)]
    for opened in openings:
        await recorder.arrived(opened, recorder.record(opened))
    assert ledgers.heard == openings
    await recorder.drain()
