"""Who is dead, and who takes over: silence and a free name together, and one survivor only."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

import pytest
from sqlalchemy import Engine
from sqlmodel import Session

from bridge.store import heartbeats
from bridge.upgrades.names import HeldName
from bridge.upgrades.takeover import BEAT, SILENCE, Heart
from tests.conftest import NOW


class Clock:
    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> datetime:
        return self.now


class Process:
    """A process as others see it: a name, a lock on it, a sign of life."""

    def __init__(self, store: Engine, name: str, clock: Clock) -> None:
        self.store = store
        self.recovered: list[str] = []
        self.left = 0
        self.name = HeldName(store, name)
        self.heart = Heart(store, name, clock=clock, recover=self._recover)
        self.name.take()
        self.heart.show()

    def _recover(self, name: str) -> int:
        self.recovered.append(name)
        return self.left

    def die(self) -> None:
        """The lock goes with the process; nothing else is said."""
        self.name.give_back()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def dying(engine: Engine, clock: Clock) -> Iterator[Process]:
    process = Process(engine, "dying", clock)
    yield process
    process.die()


@pytest.fixture
def survivor(engine: Engine, clock: Clock) -> Iterator[Process]:
    process = Process(engine, "survivor", clock)
    yield process
    process.die()


def names(engine: Engine) -> list[str]:
    with Session(engine) as session:
        return [each.executor_id for each in heartbeats.heartbeats(session)]


def test_the_dead_are_found_within_a_minute() -> None:
    """Silence, one beat until a survivor looks, and the time of the takeover itself."""
    assert SILENCE + 2 * BEAT <= 45


def test_the_silent_and_dead_are_taken_over_once(
    engine: Engine, clock: Clock, dying: Process, survivor: Process
) -> None:
    """Then nothing is left of them, and a second look finds nobody."""
    dying.die()
    clock.now += timedelta(seconds=SILENCE + 1)
    assert survivor.heart.look() == ["dying"]
    assert survivor.recovered == ["dying"]
    assert names(engine) == ["survivor"]
    assert survivor.heart.look() == []


def test_one_who_was_heard_of_is_left_alone(
    clock: Clock, dying: Process, survivor: Process
) -> None:
    """A process that has just died may as well be starting again."""
    dying.die()
    clock.now += timedelta(seconds=SILENCE - 1)
    assert survivor.heart.look() == []
    assert survivor.recovered == []


def test_one_who_is_silent_but_lives_is_left_alone(
    engine: Engine, clock: Clock, dying: Process, survivor: Process
) -> None:
    """A process that hangs, or whose clock is wrong, still has its name."""
    clock.now += timedelta(hours=1)
    assert survivor.heart.look() == []
    assert survivor.recovered == []
    assert "dying" in names(engine)


def test_one_who_ended_in_order_is_taken_over_at_once(
    engine: Engine, dying: Process, survivor: Process
) -> None:
    """It may never come back; what waits in its changes must not."""
    dying.heart.bow_out()
    dying.die()
    assert survivor.heart.look() == ["dying"]
    assert names(engine) == ["survivor"]


def test_what_another_version_began_is_left_to_it(
    engine: Engine, clock: Clock, dying: Process, survivor: Process
) -> None:
    """The dead one stays on record until somebody can end its work."""
    dying.die()
    clock.now += timedelta(hours=1)
    survivor.left = 2
    assert survivor.heart.look() == []
    assert "dying" in names(engine)


def test_a_name_can_be_had_again_after_a_takeover(
    clock: Clock, dying: Process, survivor: Process
) -> None:
    """The dead process starts again and is alive like any other."""
    dying.die()
    clock.now += timedelta(hours=1)
    survivor.heart.show()
    survivor.heart.look()
    dying.name.take()
    dying.heart.show()
    assert survivor.heart.look() == []
    assert dying.heart.look() == []
