import asyncio
from collections.abc import Sequence
from pathlib import Path

import pytest

from ray_promptopt.core.errors import JournalError
from ray_promptopt.core.ids import CorrelationId, RunId, WorkId
from ray_promptopt.core.trace import Trace
from ray_promptopt.core.work import FailedOutcome, Purpose
from ray_promptopt.store.events import Event, WorkFailed, outcome_id
from ray_promptopt.store.group_commit import GroupCommit
from ray_promptopt.store.journal import RunStore, sqlite_url

RUN = RunId("pl_1")


def failed(name: str) -> WorkFailed:
    return WorkFailed(FailedOutcome(WorkId(name), "lost"), Purpose.VALIDATION)


class CountingStore(RunStore):
    """Counts transactions."""

    transactions = 0

    def append(
        self, run_id: RunId, events: Sequence[Event], traces: Sequence[tuple[WorkId, Trace]] = ()
    ) -> None:
        self.transactions += 1
        super().append(run_id, events, traces)


@pytest.fixture
def store(tmp_path: Path) -> CountingStore:
    store = CountingStore(sqlite_url(tmp_path))
    store.create_run(RUN, name="test", config="{}")
    return store


async def test_outcomes_that_come_home_together_are_one_transaction_and_told_in_its_order(
    store: CountingStore,
) -> None:
    journal = GroupCommit(store, RUN)
    told: list[str] = []

    async def come_home(name: str) -> None:
        trace = (WorkId(name), Trace(CorrelationId(name), ())) if name != "w2" else None
        await journal.commit(failed(name), trace)
        told.append(name)

    names = ["w3", "w1", "w2", "w4"]
    await asyncio.gather(*(come_home(name) for name in names))
    assert store.transactions == 1
    assert [outcome_id(stored.event) for stored in store.events(RUN)] == names == told
    assert store.trace(RUN, WorkId("w4")) == Trace(CorrelationId("w4"), ())
    assert store.trace(RUN, WorkId("w2")) is None


async def test_what_came_home_is_recorded_though_nobody_waits_for_it_any_more(
    store: CountingStore,
) -> None:
    journal = GroupCommit(store, RUN)
    committing = asyncio.create_task(journal.commit(failed("w1")))
    await asyncio.sleep(0)
    committing.cancel()
    await journal.commit(failed("w2"))
    assert committing.cancelled()
    assert [outcome_id(stored.event) for stored in store.events(RUN)] == ["w1", "w2"]


async def test_a_group_with_an_outcome_that_was_recorded_before_is_refused_whole(
    store: CountingStore,
) -> None:
    journal = GroupCommit(store, RUN)
    await journal.commit(failed("w1"))
    both = [journal.commit(failed(name)) for name in ("w1", "w2")]
    refused = await asyncio.gather(*both, return_exceptions=True)
    assert all(isinstance(error, JournalError) for error in refused)
    assert len(store.events(RUN)) == 1
