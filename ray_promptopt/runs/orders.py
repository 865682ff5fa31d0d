"""Waits for orders from outside, at the cost of one short query and two looks at files a time."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

from ray_promptopt.core.errors import JournalError
from ray_promptopt.core.ids import RunId
from ray_promptopt.store.journal import RunStore
from ray_promptopt.store.orders import GivenOrder, Order, given_order

POLL_S = 0.5


@dataclass(frozen=True)
class OrderWatch:
    """The orders to one run."""

    store: RunStore
    results_folder: Path
    run_id: RunId
    sleep: Callable[[float], Awaitable[None]]

    async def next_order(self, present: Order) -> GivenOrder:
        """The order that holds, as soon as it is another than the present one."""
        while True:
            try:
                given = given_order(self.store, self.results_folder, self.run_id)
            except JournalError:
                given = None  # whoever writes the journal next says what is wrong with the store
            if given is not None and given.order is not present:
                return given
            await self.sleep(POLL_S)
