"""All queries on drift: which sites to look at, what was found, how far a scan has come."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import ColumnElement, and_, delete, func, or_
from sqlmodel import Session, col, select

from bridge.domain.limits import LIMITED_SITE_TYPE
from bridge.domain.outgoing import EventType
from bridge.store.outgoing import Fact, tell
from bridge.store.tables import (
    DriftFinding,
    DriftPolicy,
    DriftScan,
    DriftState,
    Network,
    SiteRecord,
)

STALE_AFTER: Final = timedelta(hours=24)
"""A scan that was cut off longer ago is begun anew."""

_REMEMBERED = timedelta(days=30)


def load_scan(session: Session, network_id: int) -> DriftScan:
    """The newest scan of a network; a blank one where there was none."""
    found = session.get(DriftScan, network_id, populate_existing=True)
    return found or DriftScan(network_id=network_id)


def set_policy(session: Session, network_id: int, policy: DriftPolicy) -> None:
    """Decide what happens to the differences that later scans find."""
    scan = load_scan(session, network_id)
    scan.policy = policy
    session.add(scan)
    session.flush()


def open_scan(session: Session, network_id: int, *, now: datetime) -> DriftScan:
    """The scan to go on with: the one that was cut off if it is fresh, else a new one."""
    scan = load_scan(session, network_id)
    cut_off = scan.started_at is not None and scan.finished_at is None
    if not cut_off or scan.started_at is None or now - scan.started_at > STALE_AFTER:
        scan = DriftScan(network_id=network_id, policy=scan.policy, started_at=now)
    scan.error = ""
    scan = session.merge(scan)
    session.flush()
    return scan


def sites_to_look_at(
    session: Session, network_id: int, *, after: int, limit: int
) -> Sequence[SiteRecord]:
    """Customers' sites with a greater blog id, by blog id."""
    return session.exec(
        select(SiteRecord)
        .where(_limited(network_id), col(SiteRecord.id) > after)
        .order_by(col(SiteRecord.id))
        .limit(limit)
    ).all()


def count_of_sites(session: Session, network_id: int) -> int:
    """How many sites a scan looks at."""
    counted = select(func.count()).select_from(SiteRecord).where(_limited(network_id))
    return session.exec(counted).one()


def findings(
    session: Session, network_id: int, *, states: Sequence[DriftState] = tuple(DriftState)
) -> Sequence[DriftFinding]:
    """What was found, by blog id."""
    return session.exec(
        select(DriftFinding)
        .where(DriftFinding.network_id == network_id, col(DriftFinding.state).in_(states))
        .order_by(col(DriftFinding.site_id))
    ).all()


def unsolved(session: Session) -> Sequence[tuple[str, int]]:
    """How many sites differ on which networks, by the network's name."""
    rows = session.exec(
        select(Network.name, func.count())
        .join(DriftFinding, col(DriftFinding.network_id) == Network.id)
        .where(col(DriftFinding.state).in_((DriftState.OPEN, DriftState.STUCK)))
        .group_by(Network.name)
        .order_by(Network.name)
    )
    return [(name, count) for name, count in rows]


def find(session: Session, network_id: int, site_id: int) -> DriftFinding | None:
    """What was found on a site, or None."""
    return session.get(DriftFinding, (network_id, site_id), populate_existing=True)


def keep(session: Session, finding: DriftFinding) -> None:
    """Keep a finding in the place of the one before.

    As long as it is the same, the time of the first stays, and it stays stuck.
    """
    known = find(session, finding.network_id, finding.site_id)
    if known is not None and known.differences == finding.differences:
        if finding.state is DriftState.OPEN and known.state is DriftState.STUCK:
            finding.state, finding.note = known.state, known.note
        if finding.state is known.state:
            finding.found_at = known.found_at
    session.merge(finding)
    session.flush()
    _tell(session, finding)


def _tell(session: Session, finding: DriftFinding) -> None:
    """Tell the operator's systems of a finding, once for as long as it is the same."""
    when = finding.found_at
    data: dict[str, Any] = {"site": finding.site_id, "differences": finding.differences}
    if finding.state is DriftState.REPAIRED and finding.repaired_at is not None:
        event, when = EventType.DRIFT_REPAIRED, finding.repaired_at
        data["repaired_at"] = when
    elif finding.state is DriftState.OPEN:
        event = EventType.DRIFT_FOUND
        data |= {"overrides": finding.overrides, "found_at": when}
    else:
        return
    fact = Fact(event, f"{finding.site_id}:{when.isoformat()}", finding.membership_id, data)
    tell(session.connection(), finding.network_id, [fact], now=finding.seen_at)


def settle(session: Session, network_id: int, site_id: int) -> None:
    """Forget a difference that is no longer there; what was repaired stays on record."""
    known = find(session, network_id, site_id)
    if known is not None and known.state is not DriftState.REPAIRED:
        session.delete(known)
        session.flush()


def forget_old(session: Session, network_id: int, *, now: datetime) -> None:
    """Forget what ended long ago."""
    session.connection().execute(
        delete(DriftFinding).where(
            col(DriftFinding.network_id) == network_id,
            col(DriftFinding.state).in_((DriftState.REPAIRED, DriftState.GONE)),
            col(DriftFinding.seen_at) < now - _REMEMBERED,
        )
    )


def _limited(network_id: int) -> ColumnElement[bool]:
    """Customers' sites; up to 2.4.12, where the type is not told, those of a membership."""
    untold = and_(col(SiteRecord.type) == "", col(SiteRecord.membership_id) > 0)
    return and_(
        col(SiteRecord.network_id) == network_id,
        or_(col(SiteRecord.type) == LIMITED_SITE_TYPE, untold),
    )
