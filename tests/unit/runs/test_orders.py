import asyncio
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from ray_promptopt.core.errors import JournalError
from ray_promptopt.runs.orders import OrderWatch
from ray_promptopt.store.journal import RunStore, sqlite_url
from ray_promptopt.store.orders import Order, give_order, given_order, order_file
from ray_promptopt.store.run_folder import run_folder
from tests.fakes.world import RUN, World


def world(folder: Path) -> World:
    made = World(folder, store=RunStore(sqlite_url(folder)))
    made.create()
    run_folder(folder, RUN).mkdir()
    return made


def next_after(world: World, present: Order, *steps: Callable[[], object]) -> tuple[Order, str]:
    """The next order, when one step is done between two looks."""
    waiting = list(steps)

    async def sleep(_seconds: float) -> None:
        waiting.pop(0)()

    watch = OrderWatch(world.store, world.folder, RUN, sleep)
    return asyncio.run(watch.next_order(present))


def test_order_when_given_in_the_store_then_is_found_at_the_next_look(tmp_path: Path) -> None:
    made = world(tmp_path)
    pause = lambda: give_order(made.store, tmp_path, RUN, Order.PAUSE)  # noqa: E731
    go = lambda: give_order(made.store, tmp_path, RUN, Order.GO)  # noqa: E731
    assert next_after(made, Order.GO, go, pause) == (Order.PAUSE, "`ray-promptopt pause`")
    assert next_after(made, Order.PAUSE, go) == (Order.GO, "`ray-promptopt continue`")


def test_file_when_it_lies_in_the_runs_folder_then_is_an_order_while_it_is_there(
    tmp_path: Path,
) -> None:
    made = world(tmp_path)
    file = order_file(tmp_path, RUN, Order.PAUSE)
    assert file == tmp_path / RUN / "PAUSE"
    assert next_after(made, Order.GO, file.touch) == (Order.PAUSE, "the file PAUSE")
    assert next_after(made, Order.PAUSE, file.unlink)[0] is Order.GO


def test_orders_when_several_are_given_then_the_strongest_counts(tmp_path: Path) -> None:
    made = world(tmp_path)
    order_file(tmp_path, RUN, Order.STOP).touch()
    give_order(made.store, tmp_path, RUN, Order.PAUSE)
    assert given_order(made.store, tmp_path, RUN) == (Order.STOP, "the file STOP")


def test_go_when_ordered_then_takes_the_files_away(tmp_path: Path) -> None:
    made = world(tmp_path)
    for order in (Order.STOP, Order.PAUSE):
        order_file(tmp_path, RUN, order).touch()
    give_order(made.store, tmp_path, RUN, Order.GO)
    assert given_order(made.store, tmp_path, RUN).order is Order.GO


def test_go_when_a_file_cannot_be_removed_then_names_it(tmp_path: Path) -> None:
    made = world(tmp_path)
    order_file(tmp_path, RUN, Order.PAUSE).mkdir()
    with pytest.raises(JournalError, match="PAUSE cannot be removed"):
        give_order(made.store, tmp_path, RUN, Order.GO)


def test_watch_when_the_store_cannot_be_read_for_a_moment_then_looks_again(tmp_path: Path) -> None:
    made = world(tmp_path)
    file = sqlite3.connect(tmp_path / "store.sqlite3")
    file.execute("DROP TABLE orders")
    file.close()

    def mend() -> None:
        RunStore(sqlite_url(tmp_path)).close()
        order_file(tmp_path, RUN, Order.STOP).touch()

    assert next_after(made, Order.GO, mend) == (Order.STOP, "the file STOP")
