"""Reading ahead: one request at a time, a bounded way ahead, everything in its order."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from datetime import datetime

import pytest

from bridge.network.faults import ConnectionLost
from bridge.network.listing import RawPage
from sync.ahead import read_ahead
from tests.sync.conftest import Ticking


class Listing:
    """Pages that are made when they are asked for, and how many were asked for at once."""

    def __init__(self, pages: int, *, fails_at: int = 0) -> None:
        self.asked: list[int] = []
        self.at_once = 0
        self._pages = pages
        self._fails_at = fails_at
        self._asking = threading.Lock()

    def __iter__(self) -> Iterator[RawPage]:
        for number in range(1, self._pages + 1):
            self.at_once = max(self.at_once, 1 + self._asking.locked())
            with self._asking:
                self.asked.append(number)
                if number == self._fails_at:
                    raise ConnectionLost(network="lab", request="GET /site", reason="cut")
            yield RawPage(number, [], None)


def wait_until(so: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 10
    while not so():
        assert time.monotonic() < deadline
        time.sleep(0.001)


def test_pages_come_in_order_each_with_its_time(clock: Ticking) -> None:
    """One request at a time; the time is from before the page was asked for."""
    listing = Listing(7)
    found = list(read_ahead(iter(listing), clock=clock))
    assert [page.number for _, page in found] == [1, 2, 3, 4, 5, 6, 7]
    times: list[datetime] = [asked_at for asked_at, _ in found]
    assert times == sorted(set(times))
    assert listing.at_once == 1


def test_it_stays_two_pages_ahead(clock: Ticking) -> None:
    """However slow the caller is, no more pages lie in memory."""
    listing = Listing(9)
    pages = read_ahead(iter(listing), clock=clock)
    for number in (1, 2, 3):
        next(pages)
        wait_until(lambda ahead=number + 2: len(listing.asked) == ahead)  # type: ignore[misc]
    pages.close()  # type: ignore[attr-defined]
    assert listing.asked == [1, 2, 3, 4, 5]


def test_an_error_comes_where_its_page_would(clock: Ticking) -> None:
    """What was read before it is stored first."""
    pages = read_ahead(iter(Listing(5, fails_at=3)), clock=clock)
    assert [next(pages)[1].number, next(pages)[1].number] == [1, 2]
    with pytest.raises(ConnectionLost):
        next(pages)


def test_who_leaves_is_not_read_for(clock: Ticking) -> None:
    """After an interruption no further page is asked for."""
    listing = Listing(9)
    pages = read_ahead(iter(listing), clock=clock)
    next(pages)
    wait_until(lambda: len(listing.asked) == 3)
    pages.close()  # type: ignore[attr-defined]
    wait_until(lambda: not any(each.name == "read-ahead" for each in threading.enumerate()))
    assert listing.asked == [1, 2, 3]
