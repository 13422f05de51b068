"""Owners of sites on networks that do not show them."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import update
from sqlmodel import Session, col, select

from bridge.store.tables import MembershipRecord, SiteRecord
from bridge.store.upserts import CHUNK


def ownerless_sites(session: Session, network_id: int) -> set[int]:
    """Blog ids of sites whose membership nobody knows."""
    return set(
        session.exec(
            select(SiteRecord.id).where(
                SiteRecord.network_id == network_id, col(SiteRecord.membership_id).is_(None)
            )
        )
    )


def site_ids_of(session: Session, network_id: int, membership_ids: Sequence[int]) -> list[int]:
    """Blog ids of the sites of some memberships."""
    found: list[int] = []
    for start in range(0, len(membership_ids), CHUNK):
        found += session.exec(
            select(SiteRecord.id).where(
                SiteRecord.network_id == network_id,
                col(SiteRecord.membership_id).in_(membership_ids[start : start + CHUNK]),
            )
        )
    return sorted(found)


def membership_ids(session: Session, network_id: int) -> list[tuple[int, int]]:
    """Membership and customer of every membership, newest first."""
    rows = session.exec(
        select(MembershipRecord.id, MembershipRecord.customer_id)
        .where(MembershipRecord.network_id == network_id)
        .order_by(col(MembershipRecord.id).desc())
    )
    return [(membership_id, customer_id) for membership_id, customer_id in rows]


def settle_owner(
    session: Session, network_id: int, site_id: int, *, membership_id: int, customer_id: int
) -> None:
    """Note whose a site is."""
    session.connection().execute(
        update(SiteRecord)
        .where(col(SiteRecord.network_id) == network_id, col(SiteRecord.id) == site_id)
        .values(membership_id=membership_id, customer_id=customer_id)
    )


def settle_without_owner(session: Session, network_id: int) -> None:
    """Note that the sites whose owner is still unknown have none."""
    session.connection().execute(
        update(SiteRecord)
        .where(col(SiteRecord.network_id) == network_id, col(SiteRecord.membership_id).is_(None))
        .values(membership_id=0, customer_id=0)
    )
