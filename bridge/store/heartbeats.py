"""Who carries out changes, and when each was last alive."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import delete
from sqlmodel import Session, col, or_, select

from bridge.store.tables import Heartbeat
from bridge.store.upserts import upsert


def beat(session: Session, executor_id: str, *, now: datetime, started_at: datetime) -> None:
    """Note that a process is alive."""
    row = {
        "executor_id": executor_id,
        "started_at": started_at,
        "beat_at": now,
        "stopped_at": None,
    }
    upsert(session.connection(), Heartbeat, [row])


def stop(session: Session, executor_id: str, *, now: datetime) -> None:
    """Note that a process ended in order: what it left may be taken over at once."""
    found = session.get(Heartbeat, executor_id)
    if found is not None:
        found.stopped_at = now
        session.add(found)


def heartbeats(session: Session) -> Sequence[Heartbeat]:
    """All processes on record, by name."""
    return session.exec(select(Heartbeat).order_by(Heartbeat.executor_id)).all()


def silent(session: Session, executor_id: str, *, since: datetime) -> Sequence[Heartbeat]:
    """Others that stopped, or have not been heard of after ``since``."""
    return session.exec(
        select(Heartbeat)
        .where(
            Heartbeat.executor_id != executor_id,
            or_(col(Heartbeat.beat_at) < since, col(Heartbeat.stopped_at).is_not(None)),
        )
        .order_by(col(Heartbeat.beat_at))
    ).all()


def forget(session: Session, executor_id: str) -> None:
    """Forget a process whose work others have."""
    session.connection().execute(delete(Heartbeat).where(col(Heartbeat.executor_id) == executor_id))
