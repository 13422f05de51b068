"""Figures over all networks, for the operator's first look: counts, lags, times to proof."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import ColumnElement, func, select
from sqlmodel import Session, col

from bridge.store.tables import (
    Billing,
    Change,
    ChangeState,
    EventPass,
    EventState,
    MembershipRecord,
    Network,
    SiteRecord,
    WebhookEvent,
)

_MOST = 50_000


@dataclass(frozen=True, slots=True)
class ProofTimes:
    """How long changes of one day took from payment to proof, in seconds."""

    day: date
    count: int
    p50: float
    p99: float


@dataclass(frozen=True, slots=True)
class NetworkFigures:
    """One network at a glance; ``compared_to`` is until when Stripe's events were compared."""

    id: int
    name: str
    url: str
    synced_at: datetime | None
    checked_at: datetime | None
    compared_to: datetime | None
    alarm: str
    last_event_at: datetime | None
    collects: bool


def proof_times(session: Session, since: datetime) -> list[ProofTimes]:
    """By day of the proof (UTC), oldest first; days without one are left out."""
    seconds: defaultdict[date, list[float]] = defaultdict(list)
    for proven, took in _proofs(session, since):
        seconds[proven.date()].append(took)
    return [
        ProofTimes(day, len(times), percentile(times, 50), percentile(times, 99))
        for day, times in sorted(seconds.items())
    ]


def proof_seconds(session: Session, since: datetime) -> list[float]:
    """From payment to proof, of every paid change that was proven since then."""
    return [took for _, took in _proofs(session, since)]


def _proofs(session: Session, since: datetime) -> Iterator[tuple[datetime, float]]:
    rows = session.connection().execute(
        select(col(Change.paid_at), col(Change.proven_at))
        .where(col(Change.proven_at) >= since, col(Change.paid_at).is_not(None))
        .limit(_MOST)
    )
    for paid, proven in rows:
        if paid is not None and proven is not None:  # asked for above; the types do not know
            yield proven, max((proven - paid).total_seconds(), 0.0)


def percentile(values: Sequence[float], rank: int) -> float:
    """The smallest value that ``rank`` per cent of the values do not exceed."""
    ordered = sorted(values)
    return ordered[max(-(-len(ordered) * rank // 100) - 1, 0)]


def events_by_day(session: Session, since: datetime) -> dict[date, dict[EventState, int]]:
    """Events by the day they came in (UTC) and what became of them."""
    day = _day(session, col(WebhookEvent.received_at))
    rows = session.connection().execute(
        select(day, col(WebhookEvent.state), func.count())
        .where(col(WebhookEvent.received_at) >= since)
        .group_by(day, col(WebhookEvent.state))
    )
    found: defaultdict[date, dict[EventState, int]] = defaultdict(dict)
    for when, state, count in rows:
        found[when if isinstance(when, date) else date.fromisoformat(when)][state] = count
    return dict(sorted(found.items()))


def changes_by_state(session: Session) -> dict[ChangeState, int]:
    """How many changes there are in each state; states without any are left out."""
    rows = session.connection().execute(
        select(col(Change.state), func.count()).group_by(col(Change.state))
    )
    return dict(rows.all())


def networks_at_a_glance(session: Session) -> list[NetworkFigures]:
    """All networks by name."""
    newest = (
        select(func.max(col(WebhookEvent.id)))
        .where(col(WebhookEvent.network_id) == Network.id)
        .correlate(Network)
        .scalar_subquery()
    )
    received = (
        select(col(WebhookEvent.received_at))
        .where(col(WebhookEvent.id) == newest)
        .correlate(Network)
        .scalar_subquery()
    )
    rows = session.connection().execute(
        select(
            col(Network.id),
            col(Network.name),
            col(Network.url),
            col(Network.synced_at),
            col(Network.checked_at),
            col(EventPass.compared_to),
            col(EventPass.alarm),
            received,
            col(Network.sealed_stripe_key) != "",
        )
        .outerjoin(EventPass, col(EventPass.network_id) == col(Network.id))
        .order_by(col(Network.name))
    )
    return [
        NetworkFigures(
            id=row[0] or 0,
            name=row[1],
            url=row[2],
            synced_at=row[3],
            checked_at=row[4],
            compared_to=row[5],
            alarm=row[6] or "",
            last_event_at=row[7],
            collects=row[8],
        )
        for row in rows
    ]


def waiting_for_operator(session: Session) -> Mapping[str, int]:
    """What only the operator can decide: how many changes, events and billings."""

    def count(*conditions: ColumnElement[bool]) -> int:
        return int(session.connection().scalar(select(func.count()).where(*conditions)) or 0)

    return {
        "changes": count(col(Change.state) == ChangeState.ATTENTION),
        "events": count(col(WebhookEvent.state).in_((EventState.ATTENTION, EventState.FAILED))),
        "billings": count(col(Billing.needs_operator).is_(True)),
    }


def network_counts(session: Session, network_id: int) -> dict[str, int]:
    """How many memberships and sites the mirror of a network has."""
    connection = session.connection()

    def count(table: Any) -> int:
        counted = select(func.count()).where(col(table.network_id) == network_id)
        return int(connection.scalar(counted.select_from(table)) or 0)

    return {"memberships": count(MembershipRecord), "sites": count(SiteRecord)}


def _day(session: Session, when: Any) -> ColumnElement[Any]:
    if session.get_bind().dialect.name == "postgresql":
        return func.date(func.timezone("UTC", when))
    return func.date(when)
