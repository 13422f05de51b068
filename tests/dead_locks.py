"""Waiting for the lock of a process that was killed."""

from __future__ import annotations

import time

from sqlalchemy import Engine

from bridge.store.locks import Locked, exclusive


def until_free(engine: Engine, purpose: str, *, seconds: float = 60.0) -> None:
    """Wait until PostgreSQL has noticed that the dead process hung up, and ended what it asked.

    It does so when it next looks at the connection. On SQLite the lock is free at once.
    """
    deadline = time.monotonic() + seconds
    while True:
        try:
            with exclusive(engine, purpose, what="waiting"):
                return
        except Locked:
            assert time.monotonic() < deadline, "the lock of a dead process was never let go"
            time.sleep(0.01)
