"""The run store: append to a run's journal, read it back. One writer per run, any readers."""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter
from sqlalchemy import Engine, create_engine, delete, func, insert, select
from sqlalchemy import event as sql_event
from sqlalchemy.exc import DatabaseError, IntegrityError

from ray_promptopt.core.errors import JournalError
from ray_promptopt.core.ids import RunId, WorkId
from ray_promptopt.core.trace import Trace
from ray_promptopt.store.events import Event, event_from_json, event_to_json, outcome_id
from ray_promptopt.store.schema import EVENTS, EXCHANGES, METADATA, ORDERS, RUNS

_TRACES = TypeAdapter(Trace)


@dataclass(frozen=True, slots=True)
class RunRow:
    """A run as it was created. `config` is the resolved config as JSON, without secrets."""

    run_id: RunId
    created_at_s: float
    name: str
    config: str


@dataclass(frozen=True, slots=True)
class StoredEvent:
    """An event with its place in the journal (from 1) and the time it was committed."""

    seq: int
    at_s: float
    event: Event


_FILE = "store.sqlite3"


def sqlite_url(results_folder: Path) -> str:
    """The store of a results folder."""
    return f"sqlite:///{(results_folder / _FILE).resolve()}"


def has_store(results_folder: Path) -> bool:
    """Whether a run was ever begun there. Raises JournalError when it is no folder."""
    if results_folder.exists() and not results_folder.is_dir():
        raise JournalError(
            f"the results folder {results_folder} is a file; name another with --results, "
            "results_folder or RAY_PROMPTOPT_RESULTS"
        )
    return (results_folder / _FILE).exists()


class RunStore:
    """All runs of one database."""

    def __init__(self, url: str, *, clock: Callable[[], float] = time.time) -> None:
        self.url = url
        self._clock = clock
        if url.startswith("sqlite:///"):
            _make_folder(Path(url.removeprefix("sqlite:///")).parent)
        self._engine = _engine(url)
        with self._translated():
            METADATA.create_all(self._engine)

    def close(self) -> None:
        """Give the connections back."""
        self._engine.dispose()

    def create_run(self, run_id: RunId, *, name: str, config: str) -> None:
        """Raises JournalError when the run exists already."""
        with self._translated(), self._engine.begin() as connection:
            connection.execute(
                insert(RUNS).values(
                    run_id=run_id, created_at_s=self._clock(), name=name, config=config
                )
            )

    def append(
        self, run_id: RunId, events: Sequence[Event], traces: Sequence[tuple[WorkId, Trace]] = ()
    ) -> None:
        """Commit events in one transaction; the traces of their rollouts go with them.

        Raises JournalError when an event settles a work item that was settled before.
        """
        with self._translated(), self._engine.begin() as connection:
            last = connection.scalar(
                select(func.max(EVENTS.c.seq)).where(EVENTS.c.run_id == run_id)
            )
            rows = [
                {
                    "run_id": run_id,
                    "seq": (last or 0) + number,
                    "at_s": self._clock(),
                    "work_id": outcome_id(event),
                    "body": event_to_json(event),
                }
                for number, event in enumerate(events, start=1)
            ]
            connection.execute(insert(EVENTS), rows)
            bodies = [
                {
                    "run_id": run_id,
                    "work_id": work_id,
                    "body": _TRACES.dump_json(trace).decode(),
                }
                for work_id, trace in traces
            ]
            if bodies:
                connection.execute(insert(EXCHANGES), bodies)

    def events(self, run_id: RunId, *, after: int = 0) -> list[StoredEvent]:
        """The journal from `after` (exclusive) on. Raises JournalError on a damaged entry."""
        query = (
            select(EVENTS.c.seq, EVENTS.c.at_s, EVENTS.c.body)
            .where(EVENTS.c.run_id == run_id, EVENTS.c.seq > after)
            .order_by(EVENTS.c.seq)
        )
        with self._translated(), self._engine.connect() as connection:
            rows = connection.execute(query).all()
        try:
            return [StoredEvent(row.seq, row.at_s, event_from_json(row.body)) for row in rows]
        except ValueError as error:
            raise JournalError(
                f"the journal of {run_id} in {self.url} is damaged or of another version: {error}"
            ) from error

    def trace(self, run_id: RunId, work_id: WorkId) -> Trace | None:
        """The recorded calls of a rollout; None when it has none."""
        query = select(EXCHANGES.c.body).where(
            EXCHANGES.c.run_id == run_id, EXCHANGES.c.work_id == work_id
        )
        with self._translated(), self._engine.connect() as connection:
            body = connection.scalar(query)
        return None if body is None else _TRACES.validate_json(body)

    def order(self, run_id: RunId) -> str | None:
        """What the run was last ordered to do (see `orders.py`); None when it never was."""
        query = select(ORDERS.c.wanted).where(ORDERS.c.run_id == run_id)
        with self._translated(), self._engine.connect() as connection:
            wanted: str | None = connection.scalar(query)
        return wanted

    def set_order(self, run_id: RunId, wanted: str) -> None:
        """Order the run to do something; the last order counts."""
        with self._translated(), self._engine.begin() as connection:
            connection.execute(delete(ORDERS).where(ORDERS.c.run_id == run_id))
            connection.execute(insert(ORDERS).values(run_id=run_id, wanted=wanted))

    def run(self, run_id: RunId) -> RunRow:
        """Raises JournalError when there is no such run."""
        for row in self.runs():
            if row.run_id == run_id:
                return row
        raise JournalError(f"run {run_id} is not in {self.url}; `ray-promptopt results` lists all")

    def runs(self) -> list[RunRow]:
        """All runs, the oldest first."""
        with self._translated(), self._engine.connect() as connection:
            rows = connection.execute(select(RUNS).order_by(RUNS.c.created_at_s)).all()
        return [RunRow(RunId(row.run_id), row.created_at_s, row.name, row.config) for row in rows]

    def find_run(self, prefix: str) -> RunId:
        """The one run whose id begins so; `latest` is the newest run.

        Raises JournalError when there is none, or more than one.
        """
        runs = self.runs()
        if prefix == "latest" and runs:
            return runs[-1].run_id
        found = [row.run_id for row in runs if row.run_id.startswith((prefix, f"pl_{prefix}"))]
        if len(found) == 1:
            return found[0]
        known = ", ".join(row.run_id for row in runs[-5:]) or "none"
        what = "several runs begin" if found else "no run begins"
        raise JournalError(f"run {prefix!r}: {what} so in {self.url}; the newest are: {known}")

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except IntegrityError as error:
            raise JournalError(f"{self.url}: this was recorded before ({error.orig})") from error
        except DatabaseError as error:
            raise JournalError(
                f"the store {self.url} cannot be used ({error.orig}): is it damaged, locked by "
                "another program, or on a full disk?"
            ) from error


def _engine(url: str) -> Engine:
    engine = create_engine(url)
    if engine.dialect.name == "sqlite":

        @sql_event.listens_for(engine, "connect")
        def configure(connection: Any, _record: object) -> None:
            cursor = connection.cursor()
            # WAL: readers never wait for the writer. FULL: a commit survives a power cut.
            cursor.execute("PRAGMA journal_mode=WAL")
            cursor.execute("PRAGMA synchronous=FULL")
            cursor.execute("PRAGMA busy_timeout=20000")
            cursor.close()

    return engine


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise JournalError(
            f"the results folder {folder} cannot be made ({error.strerror}); name another with "
            "--results, results_folder or RAY_PROMPTOPT_RESULTS"
        ) from error
