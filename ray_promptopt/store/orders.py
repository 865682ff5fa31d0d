"""Orders to a running run from outside: a row in the store, or a file in the run's folder.

The coordinator polls both; the stronger one counts. Who takes a run up withdraws them first.
"""

from enum import StrEnum
from pathlib import Path
from typing import NamedTuple

from ray_promptopt.core.errors import JournalError
from ray_promptopt.core.ids import RunId
from ray_promptopt.store.journal import RunStore
from ray_promptopt.store.run_folder import run_folder


class Order(StrEnum):
    """What a run is to do, the weakest first."""

    GO = "go"
    PAUSE = "pause"
    STOP = "stop"


class GivenOrder(NamedTuple):
    """An order, and who gave it, for the journal."""

    order: Order
    by: str


_BY_COMMAND = {
    Order.GO: "`ray-promptopt continue`",
    Order.PAUSE: "`ray-promptopt pause`",
    Order.STOP: "`ray-promptopt stop`",
}
_BY_FILE = (Order.STOP, Order.PAUSE)


def order_file(results_folder: Path, run_id: RunId, order: Order) -> Path:
    """The file whose presence gives this order: `STOP` or `PAUSE` in the run's folder."""
    return run_folder(results_folder, run_id) / order.name


def given_order(store: RunStore, results_folder: Path, run_id: RunId) -> GivenOrder:
    """The order that holds now. Raises JournalError when the store cannot be read."""
    written = Order(store.order(run_id) or Order.GO)
    for order in _BY_FILE:
        if order is written:
            return GivenOrder(order, _BY_COMMAND[order])
        if order_file(results_folder, run_id, order).exists():
            return GivenOrder(order, f"the file {order.name}")
    return GivenOrder(Order.GO, _BY_COMMAND[Order.GO])


def give_order(store: RunStore, results_folder: Path, run_id: RunId, order: Order) -> None:
    """Give an order; to go on withdraws the files too. Raises JournalError."""
    if order is Order.GO:
        for by_file in _BY_FILE:
            path = order_file(results_folder, run_id, by_file)
            try:
                path.unlink(missing_ok=True)
            except OSError as error:
                raise JournalError(
                    f"{path} cannot be removed ({error.strerror}); while it is there it gives the "
                    f"order to {by_file}: remove it"
                ) from error
    store.set_order(run_id, order)
