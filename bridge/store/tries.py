"""How often something may be tried, counted in the database for all processes together."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy import Connection, Engine, delete, select
from sqlalchemy.dialects import postgresql, sqlite

from bridge.store.tables import TryCount
from bridge.store.turns import writing
from bridge.store.upserts import table_of

_tries = table_of(TryCount)
_MICROSECOND = timedelta(microseconds=1)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Allowed:
    """``count`` tries within any ``window``."""

    count: int
    window: timedelta


def take(engine: Engine, wanted: Mapping[tuple[str, ...], Allowed], *, now: datetime) -> bool:
    """Count one try under every name; False, and none is counted, where one has had enough.

    The rows are held from the first look to the end, so that two processes never both take
    the last try. In a transaction of its own: a try counts whatever becomes of the request.
    Counters that have expired are forgotten on the way.
    """
    counters = {_key(names): allowed for names, allowed in wanted.items()}
    moment = (now - _EPOCH) // _MICROSECOND
    with writing(engine) as connection:
        # Always in the same order: nobody waits for a row while holding the one wanted before.
        held = {
            key: _hold(connection, key, expires_at=now + counters[key].window)
            for key in sorted(counters)
        }
        counting = {
            key: [at for at in times if at > moment - counters[key].window // _MICROSECOND]
            for key, times in held.items()
        }
        free = all(len(times) < counters[key].count for key, times in counting.items())
        for key, times in counting.items():
            values: dict[str, object] = {"times": [*times, moment] if free else times}
            if free:
                values["expires_at"] = now + counters[key].window
            connection.execute(_tries.update().where(_tries.c.counter == key).values(values))
        # What another process holds is left to it, or both would wait for each other.
        over = select(_tries.c.counter).where(_tries.c.expires_at < now)
        over = over.with_for_update(skip_locked=True)
        connection.execute(delete(_tries).where(_tries.c.counter.in_(over)))
    return free


def _hold(connection: Connection, key: str, *, expires_at: datetime) -> list[int]:
    """The times of a counter, which nobody else changes before the transaction has ended."""
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    statement = dialect.insert(_tries).values(counter=key, times=[], expires_at=expires_at)
    found = connection.execute(
        statement.on_conflict_do_update(
            index_elements=["counter"], set_={"counter": statement.excluded.counter}
        ).returning(_tries.c.times)
    )
    times: list[int] = found.scalar_one()
    return times


def _key(names: tuple[str, ...]) -> str:
    return hashlib.sha256("\0".join(names).encode()).hexdigest()
