"""Taking over what a dead process left: nobody else would go on with it.

Silence alone is no proof of death: the process may be slow, or its clock wrong. It is dead
when it is silent and the lock on its name, which dies with it, can be had. The lock is
held meanwhile, so that it cannot start again in between, nor two survivors begin at once.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final

import structlog
from sqlalchemy import Engine
from sqlmodel import Session

from bridge.store import heartbeats
from bridge.store.locks import Locked
from bridge.upgrades.names import held

_log = structlog.get_logger(__name__)

BEAT: Final = 5.0
"""Seconds between two signs of life."""

SILENCE: Final = 20.0
"""Seconds of silence after which a process may be dead."""


class Heart:
    """Shows that this process is alive, and looks after the others.

    Args:
        store: The database that the processes share.
        executor_id: The name of this process.
        clock: Aware UTC time.
        recover: Takes over the work of the process of a name; returns how many changes
            are left that this process cannot carry out.
        beat: Seconds between two signs of life.
        silence: Seconds without one after which a process may be dead.
    """

    def __init__(
        self,
        store: Engine,
        executor_id: str,
        *,
        clock: Callable[[], datetime],
        recover: Callable[[str], int],
        beat: float = BEAT,
        silence: float = SILENCE,
    ) -> None:
        self._store = store
        self._executor_id = executor_id
        self._clock = clock
        self._recover = recover
        self._beat = beat
        self._silence = timedelta(seconds=silence)
        self._over = threading.Event()
        self._thread: threading.Thread | None = None
        self._started_at = clock()

    def show(self) -> None:
        """Give a first sign of life, before there is work that could be left."""
        self._started_at = self._clock()
        self._sign()

    def start(self) -> None:
        """Give one again and again, and take over from the dead."""
        self._over.clear()
        self._thread = threading.Thread(target=self._live, name="heartbeat", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Give no more signs."""
        self._over.set()
        if self._thread is not None:
            self._thread.join()
            self._thread = None

    def bow_out(self) -> None:
        """Tell the others that this process ended in order, and may have left work."""
        try:
            with Session(self._store) as session, session.begin():
                heartbeats.stop(session, self._executor_id, now=self._clock())
        except Exception:
            # Without it they only wait until the silence is long enough.
            _log.exception("end not noted")

    def look(self) -> list[str]:
        """Take over from whoever is dead; their names."""
        with Session(self._store, expire_on_commit=False) as session:
            since = self._clock() - self._silence
            silent = heartbeats.silent(session, self._executor_id, since=since)
        return [each.executor_id for each in silent if self._take_over(each.executor_id)]

    def _take_over(self, name: str) -> bool:
        try:
            with held(self._store, name):
                left = self._recover(name)
                if left:
                    # Another version of planbridge began them: one of it must end them.
                    _log.warning("changes left to another version", process=name, changes=left)
                    return False
                with Session(self._store) as session, session.begin():
                    heartbeats.forget(session, name)
        except Locked:
            return False  # it lives, or another survivor is at it
        _log.warning("took over from a dead process", process=name)
        return True

    def _sign(self) -> None:
        with Session(self._store) as session, session.begin():
            heartbeats.beat(
                session, self._executor_id, now=self._clock(), started_at=self._started_at
            )

    def _live(self) -> None:
        while not self._over.wait(self._beat):
            try:
                self._sign()
                self.look()
            except Exception:
                # Most likely the database is away: then nobody can take over either.
                _log.exception("heartbeat disturbed")
