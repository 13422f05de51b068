"""The name of an engine's process, held by one process at a time."""

from __future__ import annotations

import threading
from concurrent.futures import Future

from sqlalchemy import Engine

from bridge.store.locks import exclusive


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
        """Hold the name from now on.

        Raises:
            Locked: another engine has it.
        """
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
        purpose = f"engine-{self._name}"
        try:
            with exclusive(self._store, purpose, what=f"An engine named {self._name}"):
                taken.set_result(None)
                self._over.wait()
        except Exception as refused:
            taken.set_exception(refused)
