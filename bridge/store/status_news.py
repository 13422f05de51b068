"""What is told of memberships whose status on the network is another one than before."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, select

from bridge.domain.outgoing import EventType
from bridge.store.outgoing import Fact, tell
from bridge.store.tables import HookEndpoint, MembershipRecord
from bridge.store.upserts import CHUNK, table_of

_members = table_of(MembershipRecord)
_endpoints = table_of(HookEndpoint)


def tell_statuses(
    connection: Connection,
    network_id: int,
    shown: Mapping[int, Mapping[str, Any]],
    *,
    now: datetime,
) -> None:
    """Compare rows about to be written with those that are known, before they are.

    ``shown`` are columns of memberships by id; one that is new has no other status than
    before.
    """
    someone = select(_endpoints.c.id).where(_endpoints.c.network_id == network_id).limit(1)
    if not shown or connection.execute(someone).first() is None:
        return
    ids = list(shown)
    for start in range(0, len(ids), CHUNK):
        known = connection.execute(
            select(_members.c.id, _members.c.status).where(
                _members.c.network_id == network_id,
                _members.c.id.in_(ids[start : start + CHUNK]),
            )
        )
        facts = [
            Fact(
                EventType.STATUS_CHANGED,
                f"{row.id}:{now.isoformat()}",
                row.id,
                {
                    "from": row.status,
                    "to": shown[row.id]["status"],
                    "plan": shown[row.id]["plan_id"],
                },
            )
            for row in known
            if row.status != shown[row.id]["status"]
        ]
        tell(connection, network_id, facts, now=now)
