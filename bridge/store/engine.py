"""Engines and sessions for SQLite (WAL, synchronous FULL) and PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import orjson
from sqlalchemy import Engine, event, make_url
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import ConnectionPoolEntry
from sqlmodel import create_engine

from bridge.errors import StoreError


class DatabaseTrouble(StoreError):
    """The database cannot be used: {what}."""

    hint = "PLANBRIDGE_DATABASE_URL names it; without one it is in PLANBRIDGE_DATA_DIR."


def trouble(error: DBAPIError) -> DatabaseTrouble:
    """What a person reads of a database's error: its own words, no statement and no values."""
    said = str(error.orig).strip().partition("\n")[0]
    return DatabaseTrouble(what=said.rstrip(" .?"))


def make_engine(url: str, *, pool_size: int = 10) -> Engine:
    """An engine for ``sqlite:///path`` or ``postgresql+psycopg://…``.

    A bare ``postgresql://`` URL is given the psycopg driver. On SQLite every connection
    uses WAL with synchronous=FULL (a committed event survives a power cut), foreign keys
    on, and waits up to 10 s for a lock; the folder of the file is made if it is missing.

    Raises:
        DatabaseTrouble: the folder cannot be made.
    """
    parsed = make_url(url)
    if parsed.drivername in ("postgresql", "postgres"):
        parsed = parsed.set(drivername="postgresql+psycopg")
    if parsed.get_backend_name() == "sqlite":
        if parsed.database and parsed.database != ":memory:":
            _make_folder(Path(parsed.database).parent)
        engine = create_engine(
            parsed,
            json_serializer=_dumps,
            json_deserializer=orjson.loads,
            connect_args={"timeout": 10, "check_same_thread": False},
        )
        event.listen(engine, "connect", _configure_sqlite)
        return engine
    return create_engine(
        parsed,
        json_serializer=_dumps,
        json_deserializer=orjson.loads,
        pool_size=pool_size,
        pool_pre_ping=True,
    )


@contextmanager
def hasty(engine: Engine) -> Iterator[Engine]:
    """The same database for writes that a power cut may undo, as long as it undoes them whole.

    A commit then waits for no disk (synchronous=NORMAL on SQLite, synchronous_commit=off on
    PostgreSQL), which is what a page of the mirror costs most; everybody else's commits stay
    as they are.
    """
    sqlite = engine.dialect.name == "sqlite"
    if sqlite and engine.url.database in (None, "", ":memory:"):
        yield engine
        return
    second = make_engine(engine.url.render_as_string(hide_password=False))
    event.listen(second, "connect", _hurry_sqlite if sqlite else _hurry_postgresql)
    try:
        yield second
    finally:
        second.dispose()


def _hurry_sqlite(connection: Any, _entry: ConnectionPoolEntry) -> None:
    cursor = connection.cursor()
    cursor.execute("PRAGMA synchronous=NORMAL")
    cursor.close()


def _hurry_postgresql(connection: Any, _entry: ConnectionPoolEntry) -> None:
    connection.execute("SET synchronous_commit TO off")
    connection.commit()  # else the pool's first rollback undoes it


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        what = f"its folder {folder} cannot be made ({error.strerror})"
        raise DatabaseTrouble(what=what) from None


def _dumps(value: object) -> str:
    try:
        return orjson.dumps(value).decode()
    except TypeError:  # rare, and looking for other keys than text slows all the rest down
        return orjson.dumps(value, option=orjson.OPT_NON_STR_KEYS).decode()


def _configure_sqlite(connection: Any, _entry: ConnectionPoolEntry) -> None:
    cursor = connection.cursor()
    cursor.execute("PRAGMA journal_mode=WAL")
    cursor.execute("PRAGMA synchronous=FULL")
    cursor.execute("PRAGMA foreign_keys=ON")
    cursor.execute("PRAGMA busy_timeout=10000")
    cursor.close()
