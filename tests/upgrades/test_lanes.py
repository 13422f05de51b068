"""Several memberships of a network side by side, never one by two, no network behind another."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from bridge.upgrades.lanes import Key, Lanes

PATIENCE = 10.0


class Work:
    """Work that lasts until it is let go, and sees who is at it."""

    def __init__(self) -> None:
        self.going = threading.Event()
        self.changed = threading.Condition()
        self.at_work: list[Key] = []
        self.done: list[Key] = []
        self.most = 0

    def __call__(self, key: Key) -> bool:
        with self.changed:
            assert key not in self.at_work, "by two at once"
            self.at_work.append(key)
            ofnet = [one for one in self.at_work if one[0] == key[0]]
            self.most = max(self.most, len(ofnet))
            self.changed.notify_all()
        if key[0] == 1:
            assert self.going.wait(PATIENCE)
        with self.changed:
            self.at_work.remove(key)
            self.done.append(key)
            self.changed.notify_all()
        return True

    def wait_for(self, count: int, *, done: bool = False) -> None:
        with self.changed:
            rows = self.done if done else self.at_work
            assert self.changed.wait_for(lambda: len(rows) >= count, PATIENCE)


@contextmanager
def lanes(work: Work, width: int = 2) -> Iterator[Lanes]:
    made = Lanes(work, width=width)
    try:
        yield made
    finally:
        work.going.set()
        made.close()


def test_a_slow_network_holds_up_nobody_else() -> None:
    """Network 1 answers nothing; those of network 2 are done meanwhile."""
    work = Work()
    with lanes(work) as made:
        made.begin([(1, member) for member in range(20)])
        made.begin([(2, member) for member in range(5)])
        work.wait_for(5, done=True)
        assert {key[0] for key in work.done} == {2}


def test_no_more_than_so_many_of_a_network_at_a_time() -> None:
    """WordPress has few workers."""
    work = Work()
    with lanes(work, width=3) as made:
        made.begin([(1, member) for member in range(10)])
        work.wait_for(3)
        work.going.set()
        work.wait_for(10, done=True)
        assert work.most == 3


def test_what_waits_or_is_at_work_is_not_taken_twice() -> None:
    """The next round finds it due still."""
    work = Work()
    with lanes(work, width=1) as made:
        made.begin([(1, 7), (1, 8)])
        work.wait_for(1)
        made.begin([(1, 7), (1, 8)])
        work.going.set()
        work.wait_for(2, done=True)
        made.close()
        assert sorted(work.done) == [(1, 7), (1, 8)]


def test_running_waits_for_the_end_and_counts() -> None:
    """What there was nothing to do for is not counted."""
    made = Lanes(lambda key: key[1] != 3, width=4)
    assert made.run([(1, 1), (1, 2), (1, 3), (2, 1)]) == 3
    assert made.run([]) == 0


def test_a_failure_does_not_stop_the_others() -> None:
    """It is logged; what is due stands where it is."""

    def work(key: Key) -> bool:
        if key[1] == 1:
            raise RuntimeError("the database is away")
        return True

    assert Lanes(work, width=1).run([(1, 1), (1, 2), (1, 3)]) == 2


def test_closing_leaves_what_waits_and_waits_for_what_is_at_work() -> None:
    """Nothing is cut off."""
    work = Work()
    made = Lanes(work, width=1)
    made.begin([(1, 7), (1, 8)])
    work.wait_for(1)
    closing = threading.Thread(target=made.close)
    closing.start()
    closing.join(0.05)
    assert closing.is_alive()
    work.going.set()
    closing.join(PATIENCE)
    assert work.done == [(1, 7)]


@pytest.mark.parametrize("width", [1, 4])
def test_nothing_is_lost_between_rounds(width: int) -> None:
    """Hundreds of keys, begun from several threads at once."""
    seen: list[Key] = []
    lock = threading.Lock()

    def work(key: Key) -> bool:
        with lock:
            seen.append(key)
        return True

    made = Lanes(work, width=width)
    keys = [(network, member) for network in range(5) for member in range(100)]
    threads = [
        threading.Thread(target=made.run, args=(keys[start::4],), daemon=True) for start in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE)
    assert sorted(seen) == keys
