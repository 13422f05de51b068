"""Taking turns at writing, where the database has one writer.

A connection that finds SQLite locked sleeps and looks again, up to a tenth of a second
later. Threads of one process that write often wait for each other here instead, and go on
the moment it is their turn. Between processes SQLite's own waiting remains.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from weakref import WeakKeyDictionary

from sqlalchemy import Connection, Engine

_turns: WeakKeyDictionary[Engine, threading.Lock] = WeakKeyDictionary()
_adding = threading.Lock()


@contextmanager
def turn(engine: Engine) -> Iterator[None]:
    """Be the only one in this process who writes through the engine; no wait on PostgreSQL.

    Keep it short, and ask for no second one inside.
    """
    if engine.dialect.name != "sqlite":
        yield
        return
    with _adding:
        lock = _turns.setdefault(engine, threading.Lock())
    with lock:
        yield


@contextmanager
def writing(engine: Engine) -> Iterator[Connection]:
    """``engine.begin()`` when it is our turn."""
    with turn(engine), engine.begin() as connection:
        yield connection
