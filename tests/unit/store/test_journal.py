import sqlite3
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine
from sqlalchemy import event as sql_event

from ray_promptopt.core.candidate import Candidate
from ray_promptopt.core.errors import JournalError
from ray_promptopt.core.examples import Example, Part
from ray_promptopt.core.ids import CorrelationId, RunId, WorkId
from ray_promptopt.core.trace import Trace
from ray_promptopt.core.usage import Spend, Usage
from ray_promptopt.core.work import (
    Decision,
    DecisionKind,
    Evidence,
    FailedOutcome,
    ProposalOutcome,
    Purpose,
    RolloutOutcome,
)
from ray_promptopt.store import events
from ray_promptopt.store.journal import RunStore, sqlite_url

RUN = RunId("pl_" + "a" * 32)
OTHER = RunId("pl_" + "ab" * 16)
CANDIDATE = Candidate.of({"system": "Be kind."})


def finished(work_id: str = "w1", score: float = 1.0) -> events.RolloutFinished:
    outcome = RolloutOutcome(WorkId(work_id), score, Evidence("in", "out", "good"))
    example = Example(Part.TRAIN, 1)
    return events.RolloutFinished(outcome, Purpose.VALIDATION, example, CANDIDATE.id, 1)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[RunStore]:
    opened = RunStore(sqlite_url(tmp_path), clock=lambda: 5.0)
    opened.create_run(RUN, name="test", config="{}")
    yield opened
    opened.close()


def test_append_when_read_back_then_every_kind_of_event_is_the_same(store: RunStore) -> None:
    spend = Spend(Usage(3, 4), 0.5, 1)
    decision = Decision(DecisionKind.NEW_BEST, "better", CANDIDATE, (CANDIDATE.id,), 0.5, 2)
    lost = FailedOutcome(WorkId("w3"), "gone", spend)
    written: list[events.Event] = [
        events.RunStarted(),
        events.BaselineLearned("{}"),
        finished(),
        events.ProposalFinished(ProposalOutcome(WorkId("w2"), "text", True, spend, 0.1)),
        events.AttemptFailed(WorkId("w3"), Purpose.VALIDATION, "infrastructure", "x", spend),
        events.WorkFailed(lost, Purpose.VALIDATION),
        events.Decided(decision, 7),
        events.SearchEnded("budget", CANDIDATE.id),
        events.RunInterrupted("Ctrl-C"),
        events.RunFailed("no key"),
        events.RunFinished("budget"),
    ]
    store.append(RUN, written[:4])
    store.append(RUN, written[4:])
    read = store.events(RUN)
    assert [stored.event for stored in read] == written
    assert [stored.seq for stored in read] == list(range(1, len(written) + 1))
    assert [stored.event for stored in store.events(RUN, after=9)] == written[9:]


def test_append_when_a_work_item_was_settled_then_is_refused_whole(store: RunStore) -> None:
    store.append(RUN, [finished("w1")])
    trace = Trace(CorrelationId("trace_1"), ())
    with pytest.raises(JournalError, match="recorded before"):
        store.append(RUN, [events.RunStarted(), finished("w1", 0.0)], [(WorkId("w1"), trace)])
    assert [stored.event for stored in store.events(RUN)] == [finished("w1")]
    assert store.trace(RUN, WorkId("w1")) is None


def test_append_when_another_run_settles_the_same_id_then_both_count(store: RunStore) -> None:
    store.create_run(OTHER, name="other", config="{}")
    store.append(RUN, [finished("w1")])
    store.append(OTHER, [finished("w1")])
    assert len(store.events(OTHER)) == 1


def test_append_when_two_processes_write_their_runs_at_once_then_nothing_is_lost(
    tmp_path: Path, store: RunStore
) -> None:
    store.create_run(OTHER, name="other", config="{}")
    failures: list[Exception] = []

    def write(run_id: RunId) -> None:
        own = RunStore(sqlite_url(tmp_path))
        try:
            for number in range(60):
                own.append(run_id, [finished(f"w{number}")])
        except JournalError as error:
            failures.append(error)
        finally:
            own.close()

    writers = [threading.Thread(target=write, args=(run_id,)) for run_id in (RUN, OTHER)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert failures == []
    assert len(store.events(RUN)) == len(store.events(OTHER)) == 60


def test_trace_when_committed_with_its_outcome_then_comes_back(store: RunStore) -> None:
    trace = Trace(CorrelationId("trace_1"), ())
    store.append(RUN, [finished("w1")], [(WorkId("w1"), trace)])
    assert store.trace(RUN, WorkId("w1")) == trace
    assert store.trace(RUN, WorkId("w2")) is None


@pytest.mark.parametrize("body", ["no json", '{"type": "unheard_of"}', '{"type": "run_failed"}'])
def test_events_when_an_entry_is_damaged_then_says_so(
    tmp_path: Path, store: RunStore, body: str
) -> None:
    store.append(RUN, [events.RunStarted()])
    with sqlite3.connect(tmp_path / "store.sqlite3") as database:
        database.execute("UPDATE events SET body = ?", (body,))
    database.close()
    with pytest.raises(JournalError, match="damaged or of another version"):
        store.events(RUN)


def test_store_when_the_file_is_no_database_then_says_so(tmp_path: Path) -> None:
    (tmp_path / "store.sqlite3").write_text("this is a text file and no database at all" * 50)
    with pytest.raises(JournalError, match="cannot be used"):
        RunStore(sqlite_url(tmp_path))


def test_append_when_the_disk_is_full_then_says_so_and_keeps_what_was_committed(
    tmp_path: Path, store: RunStore
) -> None:
    store.append(RUN, [finished("w1")])
    store.close()

    def fill(connection: sqlite3.Connection, _record: object) -> None:
        (pages,) = connection.execute("PRAGMA page_count").fetchone()
        connection.execute(f"PRAGMA max_page_count = {pages}").fetchall()

    sql_event.listen(Engine, "connect", fill)
    try:
        full = RunStore(sqlite_url(tmp_path))
        with pytest.raises(JournalError, match="full"):
            full.append(RUN, [events.RunFailed("x" * 100_000)])
        assert [stored.event for stored in full.events(RUN)] == [finished("w1")]
        full.close()
    finally:
        sql_event.remove(Engine, "connect", fill)


@pytest.mark.parametrize("prefix", [RUN, "pl_aaaa", "aaaa", "latest"])
def test_find_run_when_one_begins_so_then_it_is_found(store: RunStore, prefix: str) -> None:
    assert store.find_run(prefix) == RUN


@pytest.mark.parametrize(
    ("prefix", "words"), [("b", "no run begins"), ("pl_a", "several runs begin"), ("", "several")]
)
def test_find_run_when_not_one_begins_so_then_names_the_newest(
    store: RunStore, prefix: str, words: str
) -> None:
    store.create_run(OTHER, name="other", config="{}")
    with pytest.raises(JournalError, match=words) as raised:
        store.find_run(prefix)
    assert RUN in str(raised.value)
    assert OTHER in str(raised.value)


def test_find_run_when_there_is_none_then_says_so(tmp_path: Path) -> None:
    empty = RunStore(sqlite_url(tmp_path / "empty"))
    with pytest.raises(JournalError, match="none"):
        empty.find_run("latest")
    with pytest.raises(JournalError, match="is not in"):
        empty.run(RUN)
    empty.close()


def test_create_run_when_the_id_exists_then_is_refused(store: RunStore) -> None:
    with pytest.raises(JournalError, match="recorded before"):
        store.create_run(RUN, name="again", config="{}")
