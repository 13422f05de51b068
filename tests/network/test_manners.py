"""How hard a network is asked: at a pace, and so many requests at the same time."""

from __future__ import annotations

import threading

from bridge.network.manners import Manners
from bridge.payments.pace import Pace


class Clock:
    """Time passes only while somebody sleeps."""

    def __init__(self) -> None:
        self.now = 100.0
        self.slept: list[float] = []

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds


def test_requests_begin_apart() -> None:
    """The first at once; time that was lost is not made up for."""
    clock = Clock()
    manners = Manners(wait=Pace(4, monotonic=clock, sleep=clock.sleep).wait)
    for _ in range(3):
        with manners.turn():
            pass
    assert clock.slept == [0.25, 0.25]
    clock.now += 10
    for _ in range(2):
        with manners.turn():
            pass
    assert clock.slept == [0.25, 0.25, 0.25]


def test_so_many_run_at_the_same_time() -> None:
    """The third waits until one of the two before has its answer, however that ends."""
    manners = Manners(at_once=2)
    inside, leave = threading.Semaphore(0), threading.Event()
    entered: list[int] = []

    def ask(number: int) -> None:
        try:
            with manners.turn():
                entered.append(number)
                inside.release()
                leave.wait(20)
                raise OSError
        except OSError:
            pass

    threads = [threading.Thread(target=ask, args=(number,), daemon=True) for number in range(3)]
    for thread in threads:
        thread.start()
    assert inside.acquire(timeout=20)
    assert inside.acquire(timeout=20)
    assert not inside.acquire(timeout=0.05)
    leave.set()
    for thread in threads:
        thread.join(20)
    assert sorted(entered) == [0, 1, 2]


def test_without_limits_nobody_waits() -> None:
    """Neither for time nor for others."""
    clock = Clock()
    manners = Manners(wait=Pace(0, monotonic=clock, sleep=clock.sleep).wait)
    with manners.turn(), manners.turn(), manners.turn():
        assert clock.slept == []
