"""Rounds over what is due, in a thread of their own."""

from __future__ import annotations

import threading
from collections.abc import Callable

import structlog

_log = structlog.get_logger(__name__)


class Rounds:
    """Calls ``sweep`` again and again, such as `Collecting.sweep`.

    ``seconds`` is the time between two looks; `wake` makes it look at once. ``closing`` is
    called after the last round, to wait for what rounds have begun.
    """

    def __init__(
        self,
        sweep: Callable[[], int],
        *,
        name: str,
        seconds: float = 2.0,
        closing: Callable[[], None] = lambda: None,
    ) -> None:
        self._sweep = sweep
        self._closing = closing
        self._name = name
        self._seconds = seconds
        self._signal = threading.Event()
        self._stopping = False
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Begin to look, what was left by a dead process first."""
        if self._thread is None:
            self._stopping = False
            self._thread = threading.Thread(target=self._look, name=self._name, daemon=True)
            self._thread.start()

    def stop(self) -> None:
        """Finish the round under way and stop."""
        self._stopping = True
        self._signal.set()
        if self._thread is not None:
            self._thread.join()
            self._thread = None
            self._closing()

    def wake(self) -> None:
        """Look now. Cheap; any thread."""
        self._signal.set()

    def _look(self) -> None:
        while not self._stopping:
            self._signal.clear()
            try:
                self._sweep()
            except Exception:
                # Most likely the database is away; what is due stands where it is.
                _log.exception("rounds disturbed", rounds=self._name)
            self._signal.wait(self._seconds)
