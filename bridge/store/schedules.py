"""When the jobs of each network are due, and how they ended last. The caller commits."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Final

from sqlalchemy import and_, or_, update
from sqlmodel import Session, col, select

from bridge.domain.outgoing import EventType
from bridge.store.outgoing import Fact, tell
from bridge.store.tables import JobSchedule, Network

_LONGEST: Final = 2000
_READING: Final = ("changes", "mirror")


def ensure(session: Session, wanted: Mapping[tuple[int, str], datetime]) -> None:
    """Add the schedules that are missing, first due at the given times, by network and job."""
    known = {
        (row.network_id, row.job)
        for row in session.exec(
            select(JobSchedule).where(
                col(JobSchedule.network_id).in_({network_id for network_id, _ in wanted})
            )
        )
    }
    for (network_id, job), due_at in wanted.items():
        if (network_id, job) not in known:
            session.add(JobSchedule(network_id=network_id, job=job, due_at=due_at))
    session.flush()


def due(session: Session, jobs: Iterable[str], *, now: datetime) -> Sequence[JobSchedule]:
    """Schedules of these jobs that are due and not paused, the longest due first."""
    return session.exec(
        select(JobSchedule)
        .where(
            col(JobSchedule.job).in_(list(jobs)),
            col(JobSchedule.paused).is_(False),
            JobSchedule.due_at <= now,
        )
        .order_by(col(JobSchedule.due_at))
    ).all()


def schedules(session: Session, network_id: int | None = None) -> Sequence[JobSchedule]:
    """All schedules, or those of one network."""
    query = select(JobSchedule).order_by(col(JobSchedule.network_id), col(JobSchedule.job))
    if network_id is not None:
        query = query.where(JobSchedule.network_id == network_id)
    return session.exec(query).all()


def find(session: Session, network_id: int, job: str) -> JobSchedule | None:
    """The schedule of a job as it stands now; None where there is none (any more)."""
    return session.get(JobSchedule, (network_id, job), populate_existing=True)


def pause(session: Session, network_id: int, jobs: Iterable[str], *, paused: bool) -> None:
    """Hold jobs, or let them go on; one under way comes to its end."""
    session.connection().execute(
        update(JobSchedule)
        .where(col(JobSchedule.network_id) == network_id, col(JobSchedule.job).in_(list(jobs)))
        .values(paused=paused)
    )


def networks_paused(session: Session, job: str) -> set[int]:
    """The networks whose operators hold a job."""
    return set(
        session.exec(
            select(JobSchedule.network_id).where(
                JobSchedule.job == job, col(JobSchedule.paused).is_(True)
            )
        )
    )


def in_trouble(
    session: Session, *, overdue_since: datetime, failures: int
) -> Sequence[tuple[str, str, int]]:
    """Jobs that failed so often in a row, or that nobody took up since then.

    As (network's name, job, failures in a row); those that are held or under way are not
    among them.
    """
    overdue = and_(col(JobSchedule.due_at) < overdue_since, col(JobSchedule.running_by) == "")
    rows = session.exec(
        select(Network.name, JobSchedule.job, JobSchedule.failures)
        .join(JobSchedule, col(JobSchedule.network_id) == Network.id)
        .where(
            col(JobSchedule.paused).is_(False),
            or_(col(JobSchedule.failures) >= failures, overdue),
        )
        .order_by(Network.name, JobSchedule.job)
    )
    return [(name, job, failed) for name, job, failed in rows]


def begin(session: Session, schedule: JobSchedule, *, by: str, now: datetime) -> None:
    """Note that a process has a job in hand; only who holds its lock may."""
    schedule.running_by = by
    schedule.started_at = now
    session.add(schedule)
    session.flush()


def put_off(session: Session, schedule: JobSchedule, *, due_at: datetime) -> None:
    """Let a job that was due be due later; it was not begun."""
    schedule.due_at = due_at
    session.add(schedule)
    session.flush()


def end(
    session: Session,
    schedule: JobSchedule,
    *,
    succeeded: bool | None,
    result: str,
    due_at: datetime,
    now: datetime,
) -> None:
    """Note how a job ended and when it is due again; ``succeeded`` None: it was put off."""
    schedule.running_by = ""
    schedule.finished_at = now
    schedule.due_at = due_at
    schedule.result = result[:_LONGEST]
    if succeeded is not None:
        schedule.succeeded = succeeded
        schedule.failures = 0 if succeeded else schedule.failures + 1
    if succeeded is False and schedule.failures == 1 and schedule.job in _READING:
        fact = Fact(
            EventType.SYNC_FAILED,
            f"{schedule.job}:{now.isoformat()}",
            data={"job": schedule.job, "reason": schedule.result},
        )
        tell(session.connection(), schedule.network_id, [fact], now=now)
    if succeeded:
        schedule.succeeded_at = now
    session.add(schedule)
    session.flush()
