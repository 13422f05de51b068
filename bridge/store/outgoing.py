"""Events for the operator's systems, written in the transaction of what they tell of."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from sqlalchemy import Connection, delete, select
from sqlalchemy.dialects import postgresql, sqlite

from bridge.domain.outgoing import EventType, wanted
from bridge.store.tables import DeliveryState, HookDelivery, HookEndpoint, OutgoingEvent
from bridge.store.upserts import table_of

REMEMBERED: Final = timedelta(days=30)
"""How long events can be sent again."""

_events = table_of(OutgoingEvent)
_endpoints = table_of(HookEndpoint)
_deliveries = table_of(HookDelivery)


@dataclass(frozen=True, slots=True)
class Fact:
    """One thing to tell. ``subject`` makes it one: a type and a subject are told once.

    ``data`` in plain values; times are written as ISO 8601 in UTC, enums as their value.
    """

    type: EventType
    subject: str
    membership_id: int | None = None
    data: Mapping[str, Any] = field(default_factory=dict)


def tell(connection: Connection, network_id: int, facts: Sequence[Fact], *, now: datetime) -> int:
    """Have facts told to whoever wants them, in the caller's transaction; how many were new.

    Nothing is kept where the network has no endpoint.
    """
    if not facts:
        return 0
    endpoints = connection.execute(
        select(_endpoints.c.id, _endpoints.c.types, _endpoints.c.enabled).where(
            _endpoints.c.network_id == network_id
        )
    ).all()
    told = 0
    for fact in facts if endpoints else ():
        takers = [one for one in endpoints if wanted(one.types, fact.type)]
        event_id = _keep(connection, network_id, fact, now=now) if takers else None
        if event_id is None:
            continue
        told += 1
        connection.execute(
            _deliveries.insert(),
            [_delivery(one.id, event_id, enabled=one.enabled, now=now) for one in takers],
        )
    return told


def tell_one(
    connection: Connection, endpoint_id: str, network_id: int, fact: Fact, *, now: datetime
) -> str:
    """Have a fact told to one endpoint, whatever it wants; the event's id."""
    event_id = _keep(connection, network_id, fact, now=now)
    assert event_id is not None, "its subject is not new"
    connection.execute(
        _deliveries.insert(), [_delivery(endpoint_id, event_id, enabled=True, now=now)]
    )
    return event_id


def forget_old_events(connection: Connection, *, now: datetime) -> None:
    """Forget events, with their deliveries, that can no longer be sent again."""
    connection.execute(delete(_events).where(_events.c.created_at < now - REMEMBERED))


def _keep(connection: Connection, network_id: int, fact: Fact, *, now: datetime) -> str | None:
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    event_id = f"evt_{secrets.token_hex(12)}"
    statement = dialect.insert(_events).values(
        id=event_id,
        network_id=network_id,
        type=fact.type.value,
        subject=fact.subject,
        membership_id=fact.membership_id,
        data={name: _plain(value) for name, value in fact.data.items()},
        created_at=now,
    )
    done = connection.execute(
        statement.on_conflict_do_nothing(
            index_elements=["network_id", "type", "subject"]
        ).returning(_events.c.id)
    )
    return event_id if done.first() is not None else None


def _delivery(endpoint_id: str, event_id: str, *, enabled: bool, now: datetime) -> dict[str, Any]:
    return {
        "endpoint_id": endpoint_id,
        "event_id": event_id,
        "state": DeliveryState.WAITING if enabled else DeliveryState.HELD,
        "attempts": 0,
        "due_at": now,
        "answer": "",
        "reason": "",
        "created_at": now,
        "updated_at": now,
    }


def iso(when: datetime) -> str:
    """A time as events carry it: ``2026-11-25T00:50:04.123Z``."""
    text = when.astimezone(UTC).isoformat(timespec="milliseconds")
    return text.removesuffix("+00:00") + "Z"


def _plain(value: object) -> object:
    return iso(value) if isinstance(value, datetime) else value
