"""The tables. SQLite by default, PostgreSQL by URL."""

from sqlalchemy import (
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    text,
)

METADATA = MetaData()

RUNS = Table(
    "runs",
    METADATA,
    Column("run_id", String(64), primary_key=True),
    Column("created_at_s", Float, nullable=False),
    Column("name", String(200), nullable=False),
    Column("config", Text, nullable=False),
)

EVENTS = Table(
    "events",
    METADATA,
    Column("run_id", String(64), ForeignKey("runs.run_id"), primary_key=True),
    Column("seq", Integer, primary_key=True, autoincrement=False),
    Column("at_s", Float, nullable=False),
    Column("work_id", String(200)),
    Column("body", Text, nullable=False),
)

# A result is counted once: the database itself refuses a second outcome of one work item.
Index(
    "one_outcome_per_work_item",
    EVENTS.c.run_id,
    EVENTS.c.work_id,
    unique=True,
    sqlite_where=text("work_id IS NOT NULL"),
    postgresql_where=text("work_id IS NOT NULL"),
)

ORDERS = Table(
    "orders",
    METADATA,
    Column("run_id", String(64), ForeignKey("runs.run_id"), primary_key=True),
    Column("wanted", String(20), nullable=False),
)

EXCHANGES = Table(
    "exchanges",
    METADATA,
    Column("run_id", String(64), ForeignKey("runs.run_id"), primary_key=True),
    Column("work_id", String(200), primary_key=True),
    Column("body", Text, nullable=False),
)
