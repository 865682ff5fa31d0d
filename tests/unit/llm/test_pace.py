"""The number of calls at once: grows while a model answers, shrinks when it refuses."""

import asyncio

import pytest

from ray_promptopt.core.errors import UpstreamError
from ray_promptopt.llm.pace import Line, Pace, PacePolicy

POLICY = PacePolicy(first=8, fewest=1, most=12, decrease=0.5)


def test_a_round_of_answers_makes_room_for_one_more_call_up_to_the_most() -> None:
    pace = Pace(POLICY)
    for _ in range(9):
        pace.answered()
    assert 9.0 <= pace.limit < 10.0
    for _ in range(1000):
        pace.answered()
    assert pace.limit == 12


def test_a_refusal_halves_what_was_under_way_and_its_companions_count_as_the_same() -> None:
    pace = Pace(POLICY)
    pace.in_flight = 6
    pace.refused(0)
    pace.refused(0)
    assert pace.limit == 3
    pace.refused(1)
    assert pace.limit == 1.5
    pace.in_flight = 1
    pace.refused(2)
    assert pace.limit == 1
    assert not pace.may_start


async def test_who_waits_is_let_in_first_come_first_served() -> None:
    line = Line("m", PacePolicy(first=1, most=1))
    first = await line.enter(1.0)
    order: list[int] = []

    async def wait(number: int) -> None:
        slot = await line.enter(5.0)
        order.append(number)
        slot.leave(None)

    waiting = [asyncio.create_task(wait(number)) for number in range(3)]
    await asyncio.sleep(0)
    assert order == []
    first.leave(True)
    await asyncio.gather(*waiting)
    assert order == [0, 1, 2]
    assert line.pace.in_flight == 0


async def test_a_wait_that_is_too_long_ends_in_words_and_its_place_is_free() -> None:
    line = Line("m", PacePolicy(first=1, most=1))
    slot = await line.enter(1.0)
    with pytest.raises(UpstreamError, match="m takes 1 calls at once") as caught:
        await line.enter(0.01)
    assert (caught.value.code, caught.value.status_code) == ("upstream_busy", 429)
    slot.leave(True)
    (await line.enter(1.0)).leave(True)
    assert line.pace.in_flight == 0


async def test_a_slot_granted_to_a_call_that_is_cancelled_is_given_to_the_next() -> None:
    line = Line("m", PacePolicy(first=1, most=1))
    first = await line.enter(1.0)
    cancelled = asyncio.create_task(line.enter(5.0))
    following = asyncio.create_task(line.enter(5.0))
    await asyncio.sleep(0)
    first.leave(True)
    cancelled.cancel()
    (await following).leave(True)
    with pytest.raises(asyncio.CancelledError):
        await cancelled
    assert line.pace.in_flight == 0
