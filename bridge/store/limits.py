"""Limits rows: what products, memberships and sites have, and what is in force on sites."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, and_, delete, update
from sqlalchemy import select as select_columns
from sqlmodel import Session, col, select

from bridge.store.tables import LimitsRecord, MembershipRecord, SiteRecord
from bridge.store.upserts import CHUNK, upsert

OWN = "own"
"""The row the owner itself has: from the catalogue, since no stock REST shows it."""

EFFECTIVE = "effective"
"""What the network shows as in force on a site."""


@dataclass(frozen=True, slots=True)
class LimitsOwner:
    """Whose limits: ``kind`` is product, membership or site."""

    kind: str
    id: int


def load_limits(
    session: Session, network_id: int, owner: LimitsOwner, kind: str
) -> LimitsRecord | None:
    """The row as last read or taken, with its source and time, or None."""
    return session.get(LimitsRecord, (network_id, owner.kind, owner.id, kind))


def own_limits(session: Session, network_id: int, owner_kind: str) -> dict[int, dict[str, Any]]:
    """All known own rows of one kind of owner, by the owner's id."""
    rows = session.exec(
        select(LimitsRecord).where(_of(network_id, owner_kind, OWN)),
    )
    return {row.owner_id: row.limits for row in rows}


def effective_limits(session: Session, network_id: int, site_id: int) -> dict[str, Any] | None:
    """What was last read as in force on a site; None when the network never showed it."""
    found = load_limits(session, network_id, LimitsOwner("site", site_id), EFFECTIVE)
    return None if found is None else found.limits


def shows_effective(session: Session, network_id: int) -> bool:
    """Whether the network ever showed what is in force on a site."""
    found = session.exec(
        select(LimitsRecord.owner_id).where(_of(network_id, "site", EFFECTIVE)).limit(1)
    )
    return found.first() is not None


def save_limits(
    session: Session,
    network_id: int,
    rows: Mapping[LimitsOwner, Mapping[str, Any]],
    *,
    kind: str,
    source: str,
    now: datetime,
) -> set[LimitsOwner]:
    """Keep limits rows as given, whole; returns the owners whose row is new or different.

    ``source`` says where they come from: ``read``, ``file``, ``learned``. A row that is
    equal is left as it is, time included.
    """
    different: set[LimitsOwner] = set()
    values: list[dict[str, Any]] = []
    for owner_kind in {owner.kind for owner in rows}:
        wanted = {owner.id: limits for owner, limits in rows.items() if owner.kind == owner_kind}
        known = {
            row.owner_id: row.limits
            for row in session.exec(
                select(LimitsRecord).where(
                    _of(network_id, owner_kind, kind), col(LimitsRecord.owner_id).in_(wanted)
                )
            )
        }
        for owner_id, limits in wanted.items():
            if known.get(owner_id) == limits:
                continue
            different.add(LimitsOwner(owner_kind, owner_id))
            values.append(
                {
                    "network_id": network_id,
                    "owner": owner_kind,
                    "owner_id": owner_id,
                    "kind": kind,
                    "limits": dict(limits),
                    "source": source,
                    "read_at": now,
                }
            )
    upsert(session.connection(), LimitsRecord, values)
    session.expire_all()
    return different


def confirm_limits(session: Session, network_id: int, owner: LimitsOwner, *, at: datetime) -> None:
    """Note that an own row is what the network was told at a moment; the caller commits."""
    session.connection().execute(
        update(LimitsRecord)
        .where(
            _of(network_id, owner.kind, OWN),
            col(LimitsRecord.owner_id) == owner.id,
            col(LimitsRecord.read_at) < at,
        )
        .values(read_at=at)
    )


def delete_limits(
    session: Session, network_id: int, owner_kind: str, owner_ids: Iterable[int]
) -> None:
    """Forget every row of owners that are gone."""
    session.connection().execute(
        delete(LimitsRecord).where(
            col(LimitsRecord.network_id) == network_id,
            col(LimitsRecord.owner) == owner_kind,
            col(LimitsRecord.owner_id).in_(list(owner_ids)),
        )
    )


def _of(network_id: int, owner_kind: str, kind: str) -> ColumnElement[bool]:
    return and_(
        col(LimitsRecord.network_id) == network_id,
        col(LimitsRecord.owner) == owner_kind,
        col(LimitsRecord.kind) == kind,
    )


@dataclass(frozen=True, slots=True)
class EffectiveSite:
    """A customer's site with what is in force on it and what its membership has."""

    id: int
    membership_id: int
    plan_id: int
    addons: Mapping[int, int]
    limits: Mapping[str, Any]


def effective_sites(session: Session, network_id: int) -> Iterator[EffectiveSite]:
    """Every site whose effective limits and membership are known, by blog id."""
    rows = session.connection().execute(
        select_columns(
            col(SiteRecord.id),
            col(MembershipRecord.id),
            col(MembershipRecord.plan_id),
            col(MembershipRecord.addons),
            col(LimitsRecord.limits),
        )
        .join(
            MembershipRecord,
            _membership_of_site(),
        )
        .join(
            LimitsRecord,
            and_(_of(network_id, "site", EFFECTIVE), col(LimitsRecord.owner_id) == SiteRecord.id),
        )
        .where(col(SiteRecord.network_id) == network_id)
        .order_by(col(SiteRecord.id))
        .execution_options(yield_per=CHUNK)
    )
    for site_id, membership_id, plan_id, addons, limits in rows:
        counted = {int(product): count for product, count in addons.items() if count > 0}
        yield EffectiveSite(site_id, membership_id, plan_id, counted, limits)


def site_with_only(session: Session, network_id: int, product_id: int) -> int | None:
    """A site whose membership has this plan and nothing else, if there is one."""
    rows = session.exec(
        select(SiteRecord.id, MembershipRecord.addons)
        .join(MembershipRecord, _membership_of_site())
        .where(
            SiteRecord.network_id == network_id,
            MembershipRecord.plan_id == product_id,
        )
        .order_by(col(SiteRecord.id))
    )
    return next((site_id for site_id, addons in rows if not any(addons.values())), None)


def _membership_of_site() -> ColumnElement[bool]:
    return and_(
        col(MembershipRecord.network_id) == SiteRecord.network_id,
        col(MembershipRecord.id) == SiteRecord.membership_id,
    )
