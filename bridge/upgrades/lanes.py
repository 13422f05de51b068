"""Work at memberships side by side, network by network, so that a slow one holds up nobody else."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Final

import structlog

_log = structlog.get_logger(__name__)

Key = tuple[int, int]
"""(network id, membership id)"""

WIDTH: Final = 4
"""Memberships of one network that are worked at together: WordPress has few workers."""


@dataclass(slots=True)
class _Lane:
    """What waits for a network, what is at work there, and by how many threads."""

    waiting: deque[Key] = field(default_factory=deque)
    taken: set[Key] = field(default_factory=set)
    threads: int = 0


class Lanes:
    """Does ``work`` for keys in threads, at most ``width`` per network at a time.

    A key that waits or is at work is not taken a second time. Threads end when nothing is
    left for their network.

    Args:
        work: Works at one membership; returns whether there was anything to do.
        width: Memberships of a network at a time.
    """

    def __init__(self, work: Callable[[Key], bool], *, width: int = WIDTH) -> None:
        self._work = work
        self._width = width
        self._lanes: dict[int, _Lane] = {}
        self._worked = 0
        self._changed = threading.Condition()
        self._closing = False

    def begin(self, keys: Iterable[Key]) -> None:
        """Let these be worked at, and do not wait for it."""
        with self._changed:
            if self._closing:
                return
            for key in keys:
                lane = self._lanes.setdefault(key[0], _Lane())
                if key in lane.taken:
                    continue
                lane.taken.add(key)
                lane.waiting.append(key)
                if lane.threads < self._width:
                    lane.threads += 1
                    threading.Thread(
                        target=self._drive, args=(key[0], lane), name="lane", daemon=True
                    ).start()

    def run(self, keys: Iterable[Key]) -> int:
        """Work at these and wait for the end; how many there was anything to do for."""
        wanted = set(keys)
        with self._changed:
            before = self._worked
        self.begin(wanted)
        with self._changed:
            self._changed.wait_for(lambda: not wanted & self._under_way())
            return self._worked - before

    def close(self) -> None:
        """Begin with nothing that waits, and wait for what is at work."""
        with self._changed:
            self._closing = True
            for lane in self._lanes.values():
                lane.taken.difference_update(lane.waiting)
                lane.waiting.clear()
            self._changed.notify_all()
            self._changed.wait_for(lambda: not self._under_way())
            self._closing = False

    def _under_way(self) -> set[Key]:
        return {key for lane in self._lanes.values() for key in lane.taken}

    def _drive(self, network: int, lane: _Lane) -> None:
        while True:
            with self._changed:
                if not lane.waiting:
                    lane.threads -= 1
                    if not lane.threads:
                        self._lanes.pop(network, None)
                    return
                key = lane.waiting.popleft()
            worked = False
            try:
                worked = self._work(key)
            except Exception:
                # Most likely our own database is away; what is due stands where it is.
                _log.exception("membership disturbed", network=network, membership=key[1])
            with self._changed:
                self._worked += worked
                lane.taken.discard(key)
                self._changed.notify_all()
