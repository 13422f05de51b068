"""One thread watches over all connections, and each is cut at its own time."""

from __future__ import annotations

import threading
import time
from typing import cast

from bridge.network.watchdog import _Watchdog, _Watched


class Connection:
    """Notes when it was cut."""

    def __init__(self) -> None:
        self.gone = threading.Event()

    def cut(self) -> None:
        self.gone.set()


def watch(watchdog: _Watchdog, *, seconds: float) -> Connection:
    connection = Connection()
    watchdog.watch(cast("_Watched", connection), until=time.monotonic() + seconds)
    return connection


def test_each_is_cut_at_its_own_time() -> None:
    """A time earlier than the one that is waited for counts; who left is left alone."""
    watchdog = _Watchdog()
    late = watch(watchdog, seconds=60)
    soon = watch(watchdog, seconds=0.05)
    in_time = watch(watchdog, seconds=0.05)
    watchdog.leave(cast("_Watched", in_time))
    assert soon.gone.wait(10)
    assert not late.gone.is_set()
    again = watch(watchdog, seconds=0.05)
    assert again.gone.wait(10)
    assert not in_time.gone.is_set()


def test_one_thread_is_enough() -> None:
    """However many requests there are."""
    watchdog = _Watchdog()
    before = threading.active_count()
    for _ in range(50):
        watch(watchdog, seconds=60)
    assert threading.active_count() == before + 1
