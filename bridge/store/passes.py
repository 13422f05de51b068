"""Where the passes over a network stand: started, resumed, advanced, completed.

The passes of one run share its ``run_id``. A run that was interrupted is taken up again:
its complete passes are not repeated, its unfinished one goes on at the page it had reached.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import delete, func
from sqlmodel import Session, col, select

from bridge.errors import StoreError
from bridge.store.mirror import Written
from bridge.store.tables import SyncPass

RUNNING: Final = "running"
FAILED: Final = "failed"
COMPLETE: Final = "complete"
ABANDONED: Final = "abandoned"

STALE_AFTER: Final = timedelta(days=4)
"""An interrupted run older than this is begun anew: too much has changed since. A large network
that is read at night only takes several nights."""

_KEPT_RUNS = timedelta(days=30)


class PassOvertaken(StoreError):
    """Another process went on with the same pass over {entity}."""

    hint = "Nothing was lost; let one process sync a network."


@dataclass(frozen=True, slots=True)
class OpenRun:
    """A run to work on. ``passes`` has the pass of every entity it has begun or ended."""

    id: str
    passes: dict[str, SyncPass]

    def pass_of(self, entity: str) -> SyncPass | None:
        """The entity's pass in this run, or None when it has not begun."""
        return self.passes.get(entity)


def open_run(
    session: Session,
    network_id: int,
    entities: Sequence[str],
    *,
    new_id: str,
    now: datetime,
) -> OpenRun:
    """The interrupted run over these entities if there is a fresh one, else a new run.

    A run is interrupted when one of its passes is still running. A pass that failed while
    its run went on without it is taken into the new run, at the page it had reached.
    Whatever else is unfinished is abandoned, and passes ended long ago are forgotten.
    """
    unfinished = session.exec(
        select(SyncPass)
        .where(SyncPass.network_id == network_id, col(SyncPass.state).in_((RUNNING, FAILED)))
        .order_by(col(SyncPass.id))
    ).all()
    fresh = [
        each
        for each in unfinished
        if each.entity in entities and now - each.started_at <= STALE_AFTER
    ]
    interrupted = [each.run_id for each in fresh if each.state == RUNNING]
    run_id = interrupted[-1] if interrupted else new_id
    taken_up = {
        each.entity: each
        for each in fresh
        if each.run_id == run_id or (not interrupted and each.state == FAILED)
    }
    for each in unfinished:
        if taken_up.get(each.entity) is each:
            each.state, each.run_id = RUNNING, run_id
        else:
            each.state, each.finished_at = ABANDONED, now
        session.add(each)
    _forget_old(session, network_id, now)
    ended = session.exec(
        select(SyncPass).where(
            SyncPass.network_id == network_id,
            SyncPass.run_id == run_id,
            SyncPass.state == COMPLETE,
        )
    )
    session.flush()
    return OpenRun(run_id, {**{each.entity: each for each in ended}, **taken_up})


def begin_pass(
    session: Session, network_id: int, entity: str, *, run_id: str, now: datetime
) -> SyncPass:
    """A new pass over one entity, at its first page."""
    started = SyncPass(network_id=network_id, entity=entity, run_id=run_id, started_at=now)
    session.add(started)
    session.flush()
    return started


def advance(session: Session, pass_id: int, *, page: int, written: Written) -> SyncPass:
    """Note that a page has been stored; to be committed together with its rows.

    Raises:
        PassOvertaken: the pass is no longer at this page.
    """
    found = session.get(SyncPass, pass_id, with_for_update=True, populate_existing=True)
    if found is None or found.state != RUNNING or found.next_page != page:
        raise PassOvertaken(entity=found.entity if found else "?")
    found.next_page = page + 1
    found.error = ""
    return count(session, found, written)


def count(session: Session, found: SyncPass, written: Written) -> SyncPass:
    """Add what became of some rows to the figures of the pass."""
    found.rows += len(written.created) + len(written.changed) + len(written.unchanged)
    found.created += len(written.created)
    found.changed += len(written.changed)
    session.add(found)
    session.flush()
    return found


def complete(session: Session, pass_id: int, *, removed: int, now: datetime) -> SyncPass:
    """End a pass that has seen everything."""
    found = session.get_one(SyncPass, pass_id)
    found.state = COMPLETE
    found.removed = removed
    found.finished_at = now
    session.add(found)
    session.flush()
    return found


def record_delta(
    session: Session,
    network_id: int,
    entity: str,
    *,
    run_id: str,
    started_at: datetime,
    written: Written,
    removed: int,
    now: datetime,
) -> None:
    """Note an incremental pass that has come to its end: the next one begins where it began.

    One that was cut off leaves no note, and is simply done again.
    """
    ended = SyncPass(
        network_id=network_id,
        entity=entity,
        run_id=run_id,
        state=COMPLETE,
        removed=removed,
        started_at=started_at,
        finished_at=now,
    )
    count(session, ended, written)


def newest_run(session: Session, network_id: int) -> Sequence[SyncPass]:
    """The passes of the run that began last, in the order in which they began."""
    newest = session.exec(
        select(SyncPass.run_id)
        .where(SyncPass.network_id == network_id)
        .order_by(col(SyncPass.id).desc())
        .limit(1)
    ).first()
    return session.exec(
        select(SyncPass)
        .where(SyncPass.network_id == network_id, SyncPass.run_id == (newest or ""))
        .order_by(col(SyncPass.id))
    ).all()


def last_complete(session: Session, network_id: int) -> dict[str, datetime]:
    """When the last pass over each entity that saw everything, or every change, began."""
    rows = session.exec(
        select(SyncPass.entity, func.max(SyncPass.started_at))
        .where(SyncPass.network_id == network_id, SyncPass.state == COMPLETE)
        .group_by(SyncPass.entity)
    )
    return dict(rows.all())


def stop(session: Session, pass_id: int, sentence: str, *, alone: bool) -> None:
    """Keep why a pass stopped; it stays resumable.

    ``alone`` tells that its run goes on without it.
    """
    found = session.get_one(SyncPass, pass_id)
    found.error = sentence
    found.state = FAILED if alone else RUNNING
    session.add(found)
    session.flush()


def _forget_old(session: Session, network_id: int, now: datetime) -> None:
    session.connection().execute(
        delete(SyncPass).where(
            col(SyncPass.network_id) == network_id,
            col(SyncPass.state).in_((COMPLETE, ABANDONED)),
            col(SyncPass.started_at) < now - _KEPT_RUNS,
        )
    )
