"""The name of an engine's process, held by one process at a time."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager

from sqlalchemy import Engine

from bridge.store.locks import Locked, exclusive

_PATIENCE = 2.0
_PAUSE = 0.1


@contextmanager
def held(store: Engine, name: str) -> Iterator[None]:
    """Hold the name of an engine for the block.

    Raises:
        Locked: its process lives.
    """
    with exclusive(store, f"engine-{name}", what=f"An engine named {name}"):
        yield


class HeldName:
    """An executor's name on a store: two processes of one name would run work twice.

    The lock dies with the process. A thread of its own holds it, since it may be taken and
    given back in different ones.
    """

    def __init__(self, store: Engine, name: str) -> None:
        self._store = store
        self._name = name
        self._over = threading.Event()
        self._holder: threading.Thread | None = None

    def take(self) -> None:
        """Hold the name from now on. One who takes over from it soon lets it go.

        Raises:
            Locked: another engine has it.
        """
        deadline = time.monotonic() + _PATIENCE
        while True:
            try:
                self._take()
                return
            except Locked:
                if time.monotonic() > deadline:
                    raise
            time.sleep(_PAUSE)

    def _take(self) -> None:
        self._over.clear()
        taken: Future[None] = Future()
        holder = threading.Thread(
            target=self._hold, args=(taken,), name=f"name-{self._name}", daemon=True
        )
        holder.start()
        taken.result()
        self._holder = holder

    def give_back(self) -> None:
        """Let somebody else have it."""
        self._over.set()
        if self._holder is not None:
            self._holder.join()
            self._holder = None

    def _hold(self, taken: Future[None]) -> None:
        try:
            with held(self._store, self._name):
                taken.set_result(None)
                self._over.wait()
        except Exception as refused:
            taken.set_exception(refused)
