"""Rounds over what is collected, in a thread of their own."""

from __future__ import annotations

import threading

import structlog

from bridge.upgrades.collecting import Collecting

_log = structlog.get_logger(__name__)


class CollectionRounds:
    """Looks again and again for collections to begin, finish or take back.

    ``seconds`` is the time between two looks; `wake` makes it look at once.
    """

    def __init__(self, collecting: Collecting, *, seconds: float = 2.0) -> None:
        self._collecting = collecting
        self._seconds = seconds
        self._signal = threading.Event()
        self._stopping = False
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Begin to look, what was left by a dead process first."""
        if self._thread is None:
            self._stopping = False
            self._thread = threading.Thread(target=self._look, name="collections", daemon=True)
            self._thread.start()

    def stop(self) -> None:
        """Finish the round under way and stop."""
        self._stopping = True
        self._signal.set()
        if self._thread is not None:
            self._thread.join()
            self._thread = None

    def wake(self) -> None:
        """Look now. Cheap; any thread."""
        self._signal.set()

    def _look(self) -> None:
        while not self._stopping:
            self._signal.clear()
            try:
                self._collecting.sweep()
            except Exception:
                # Most likely the database is away; the collections stand where they are.
                _log.exception("collection rounds disturbed")
            self._signal.wait(self._seconds)
