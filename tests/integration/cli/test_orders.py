from pathlib import Path

import pytest

from ray_promptopt.store.orders import Order, given_order
from ray_promptopt.store.run_lock import sole_owner
from tests.fakes.commands import ray_promptopt
from tests.fakes.world import RUN, on_disk


@pytest.mark.parametrize(
    ("command", "order", "words"),
    [
        ("pause", Order.PAUSE, f"ray-promptopt continue {RUN}"),
        ("stop", Order.STOP, f"ray-promptopt resume {RUN}"),
        ("continue", Order.GO, f"continuing {RUN}"),
    ],
)
async def test_order_when_the_run_is_being_run_then_is_given_and_says_what_follows(
    tmp_path: Path, command: str, order: Order, words: str
) -> None:
    world = on_disk(tmp_path)
    world.create()
    with sole_owner(tmp_path, RUN):
        finished = await ray_promptopt(command, "latest", "--results", str(tmp_path))
    assert finished.code == 0, finished.stderr
    assert words in finished.stdout
    assert given_order(world.store, tmp_path, RUN).order is order


@pytest.mark.parametrize("command", ["pause", "continue", "stop"])
async def test_order_when_nobody_runs_the_run_then_is_refused_with_what_to_do(
    tmp_path: Path, command: str
) -> None:
    world = on_disk(tmp_path)
    world.create()
    finished = await ray_promptopt(command, "latest", "--results", str(tmp_path))
    assert finished.code == 1
    assert f"run {RUN} is not being run now" in finished.stderr
    assert f"ray-promptopt resume {RUN}" in finished.stderr
    assert world.store.order(RUN) is None
