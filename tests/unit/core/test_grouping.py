import asyncio
from collections.abc import Sequence

import pytest

from ray_promptopt.core.grouping import Grouped

FOR_EVER_S = 3600.0


class Courier:
    """Carries groups out when it is let, and fails as often as it is told to."""

    def __init__(self, failures: int = 0) -> None:
        self.go = asyncio.Event()
        self.groups: list[list[int]] = []
        self.failures = failures

    async def send(self, items: Sequence[int]) -> list[str]:
        self.groups.append(list(items))
        await self.go.wait()
        if self.failures:
            self.failures -= 1
            raise ConnectionError("lost")
        return [f"answer to {item}" for item in items]


async def test_what_is_put_while_a_group_is_under_way_goes_with_the_next_in_order() -> None:
    courier = Courier()
    grouped = Grouped(courier.send)
    first = grouped.put(1)
    await asyncio.sleep(0)
    rest = [grouped.put(number) for number in (2, 3, 4)]
    courier.go.set()
    assert await asyncio.gather(first, *rest) == [f"answer to {number}" for number in (1, 2, 3, 4)]
    assert courier.groups == [[1], [2, 3, 4]]


async def test_what_is_put_in_one_breath_goes_together() -> None:
    courier = Courier()
    courier.go.set()
    grouped = Grouped(courier.send)
    await asyncio.gather(*(grouped.put(number) for number in range(3)))
    assert courier.groups == [[0, 1, 2]]


async def test_a_group_that_fails_fails_for_all_of_it_and_for_nobody_else() -> None:
    courier = Courier(failures=1)
    courier.go.set()
    grouped = Grouped(courier.send)
    failed = [grouped.put(number) for number in (1, 2)]
    for answer in failed:
        with pytest.raises(ConnectionError):
            await answer
    assert await grouped.put(3) == "answer to 3"


async def test_an_item_that_is_withdrawn_before_its_group_goes_is_not_sent() -> None:
    courier = Courier()
    courier.go.set()
    grouped = Grouped(courier.send)
    withdrawn, kept = grouped.put(1), grouped.put(2)
    withdrawn.cancel()
    assert await kept == "answer to 2"
    assert courier.groups == [[2]]


async def test_a_second_group_waits_until_somebody_is_in_a_hurry_for_one_of_its_answers() -> None:
    courier = Courier()
    courier.go.set()
    grouped = Grouped(courier.send, pause_s=FOR_EVER_S)
    first = grouped.put(1)
    await first
    second = grouped.put(2)
    grouped.hurry(first)
    done, _ = await asyncio.wait([second], timeout=0.01)
    assert not done
    grouped.hurry(second)
    assert await second == "answer to 2"


async def test_drained_means_that_all_has_been_answered_without_a_pause() -> None:
    courier = Courier()
    courier.go.set()
    grouped = Grouped(courier.send, pause_s=FOR_EVER_S)
    await grouped.put(1)
    last = grouped.put(2)
    await grouped.drained()
    assert last.done()
    assert grouped.idle
