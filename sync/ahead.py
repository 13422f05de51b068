"""Asking for the next page while the one at hand is being stored."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime
from queue import SimpleQueue
from threading import Event, Semaphore, Thread
from typing import Final, TypeAlias

from bridge.network.listing import RawPage

_Found: TypeAlias = tuple[datetime, RawPage]

_AHEAD: Final = 2


def read_ahead(pages: Iterator[RawPage], *, clock: Callable[[], datetime]) -> Iterator[_Found]:
    """Each page with the time at which it was asked for, read ahead of the caller.

    WordPress takes far longer to make a page than we to read and store it, so that costs
    nothing when both go on at once: one page is stored, one lies ready and one is asked for.
    The network is still asked for one page at a time. An error of the listing is raised where
    its page would have come. The reading thread is a daemon: an interrupt does not wait for a
    slow answer.
    """
    found: SimpleQueue[_Found | BaseException | None] = SimpleQueue()
    # More than one, so that the reader has sent its next request before the page that it hands
    # over is worked on: with Python's lock in busy hands each step of it takes milliseconds.
    turn = Semaphore(_AHEAD)
    left = Event()

    def read() -> None:
        while True:
            turn.acquire()
            if left.is_set():
                return
            try:
                asked_at = clock()
                page = next(pages, None)
            except BaseException as error:
                found.put(error)
                return
            found.put(None if page is None else (asked_at, page))
            if page is None:
                return

    Thread(target=read, name="read-ahead", daemon=True).start()
    try:
        while (item := found.get()) is not None:
            if isinstance(item, BaseException):
                raise item
            turn.release()
            yield item
    finally:
        left.set()
        turn.release()
