"""Tries are counted for all processes together, on both databases."""

from __future__ import annotations

import threading
from datetime import timedelta

from sqlalchemy import Engine, func, select

from bridge.store.engine import make_engine
from bridge.store.tables import TryCount
from bridge.store.tries import Allowed, take
from bridge.store.upserts import table_of
from tests.conftest import NOW

THREE = Allowed(3, timedelta(minutes=1))
SECOND = timedelta(seconds=1)


def rows(engine: Engine) -> int:
    with engine.connect() as connection:
        return connection.execute(select(func.count()).select_from(table_of(TryCount))).scalar_one()


def test_as_many_as_are_allowed_within_any_minute(engine: Engine) -> None:
    """The window moves: each try is free again a minute after it was made."""
    tried = [take(engine, {("a",): THREE}, now=NOW + SECOND * at) for at in (0, 20, 40, 50, 59)]
    assert tried == [True, True, True, False, False]
    assert take(engine, {("a",): THREE}, now=NOW + SECOND * 60)
    assert not take(engine, {("a",): THREE}, now=NOW + SECOND * 61)
    assert take(engine, {("b",): THREE}, now=NOW + SECOND * 61)


def test_one_that_is_refused_counts_nowhere(engine: Engine) -> None:
    both = {("a",): THREE, ("b",): Allowed(1, timedelta(hours=1))}
    assert [take(engine, both, now=NOW) for _ in range(3)] == [True, False, False]
    assert [take(engine, {("a",): THREE}, now=NOW) for _ in range(3)] == [True, True, False]


def test_processes_share_what_they_count(engine: Engine) -> None:
    """Each with connections of its own, all at the same moment: none gets one too many."""
    wanted = {("one",): Allowed(10, timedelta(hours=1)), ("other",): THREE}
    taken: list[bool] = []
    start = threading.Barrier(6)

    def process() -> None:
        own = make_engine(engine.url.render_as_string(hide_password=False))
        start.wait()
        taken.extend(take(own, wanted, now=NOW) for _ in range(3))
        own.dispose()

    threads = [threading.Thread(target=process) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(taken, reverse=True) == [True] * 3 + [False] * 15


def test_what_has_expired_is_forgotten(engine: Engine) -> None:
    for name in ("a", "b", "c"):
        take(engine, {(name,): THREE}, now=NOW)
    assert rows(engine) == 3
    take(engine, {("d",): THREE}, now=NOW + timedelta(minutes=2))
    assert rows(engine) == 1


def test_nothing_that_was_typed_is_kept(engine: Engine) -> None:
    take(engine, {("account", "person@example.com"): THREE}, now=NOW)
    with engine.connect() as connection:
        kept = connection.execute(select(table_of(TryCount))).all()
    assert "person" not in str(kept)
