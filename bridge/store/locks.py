"""Locks that die with their holder: one pass at a time per network, and no lock left behind.

PostgreSQL gives them by itself (advisory locks of a session). On SQLite all processes are
on one machine, so a second, empty database file beside the first is locked: the operating
system lets it go when the process ends, however it ends.
"""

from __future__ import annotations

import sqlite3
import zlib
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager

from sqlalchemy import Engine, text

from bridge.errors import Conflict, StoreError


class Locked(Conflict):
    """{what} is under way already."""

    hint = "Wait until it has ended, or stop it."


@contextmanager
def exclusive(engine: Engine, purpose: str, *, what: str) -> Iterator[None]:
    """Hold the lock of a purpose, such as ``sync-3``, for the block.

    Raises:
        Locked: somebody else holds it; ``what`` names it in the sentence.
        StoreError: on SQLite, no file can be made beside the database.
    """
    holding = _on_postgresql if engine.dialect.name == "postgresql" else _on_sqlite
    with holding(engine, purpose, what):
        yield


@contextmanager
def _on_postgresql(engine: Engine, purpose: str, what: str) -> Iterator[None]:
    key = {"room": zlib.crc32(b"planbridge") >> 1, "key": zlib.crc32(purpose.encode()) >> 1}
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        if not connection.scalar(text("SELECT pg_try_advisory_lock(:room, :key)"), key):
            raise Locked(what=what)
        try:
            yield
        finally:
            connection.execute(text("SELECT pg_advisory_unlock(:room, :key)"), key)


@contextmanager
def _on_sqlite(engine: Engine, purpose: str, what: str) -> Iterator[None]:
    database = engine.url.database
    path = f"{database}.{purpose}.lock" if database and database != ":memory:" else ":memory:"
    with ExitStack() as stack:
        try:
            connection = stack.enter_context(
                closing(sqlite3.connect(path, timeout=0, isolation_level=None))
            )
            connection.execute("BEGIN EXCLUSIVE")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode == sqlite3.SQLITE_BUSY:
                raise Locked(what=what) from None
            raise StoreError(what=f"{path}: {error}") from None
        yield
