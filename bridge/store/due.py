"""All queries on sites that are to be read again, because a product of theirs changed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, Text, and_, cast, delete, or_, select, update

from bridge.store.tables import DueProduct, MembershipRecord, SiteRecord
from bridge.store.upserts import table_of, upsert

_due = table_of(DueProduct)
_memberships = table_of(MembershipRecord)
_sites = table_of(SiteRecord)


@dataclass(frozen=True, slots=True)
class Portion:
    """Sites to read again, by blog id, and the products for whose sake.

    ``products`` maps each to the time of its change. ``last`` tells that no more are left.
    """

    sites: tuple[int, ...]
    products: Mapping[int, datetime]
    last: bool


def mark(
    connection: Connection, network_id: int, product_ids: Iterable[int], *, since: datetime
) -> None:
    """Note that products changed: the sites of their memberships are due, from the first on."""
    rows = [
        {"network_id": network_id, "product_id": each, "since": since, "cursor": 0}
        for each in product_ids
    ]
    upsert(connection, DueProduct, rows)


def portion(connection: Connection, network_id: int, *, most: int) -> Portion:
    """The next sites that are due, ``most`` at most; a site with two such products once."""
    rows = connection.execute(select(_due).where(_due.c.network_id == network_id)).all()
    if not rows:
        return Portion((), {}, last=True)
    query = (
        select(_sites.c.id)
        .join(_memberships, with_membership())
        .where(
            _sites.c.network_id == network_id,
            _sites.c.id > min(row.cursor for row in rows),
            or_(*(and_(_sites.c.id > row.cursor, has_product(row.product_id)) for row in rows)),
        )
        .order_by(_sites.c.id)
        .limit(most)
    )
    sites = tuple(connection.scalars(query))
    return Portion(sites, {row.product_id: row.since for row in rows}, last=len(sites) < most)


def settle(connection: Connection, network_id: int, read: Portion) -> None:
    """Note that a portion has been read; a product that changed meanwhile stays due."""
    for product_id, since in read.products.items():
        same = and_(
            _due.c.network_id == network_id,
            _due.c.product_id == product_id,
            _due.c.since == since,
        )
        if read.last:
            connection.execute(delete(_due).where(same))
        else:
            behind = and_(same, _due.c.cursor < read.sites[-1])
            connection.execute(update(_due).where(behind).values(cursor=read.sites[-1]))


def settle_all(connection: Connection, network_id: int, *, started_at: datetime) -> None:
    """Note that all sites have been read since a moment."""
    connection.execute(
        delete(_due).where(_due.c.network_id == network_id, _due.c.since <= started_at)
    )


def with_membership() -> ColumnElement[bool]:
    """What joins a site with its membership."""
    return and_(
        _memberships.c.network_id == _sites.c.network_id,
        _memberships.c.id == _sites.c.membership_id,
    )


def has_product(product_id: int) -> ColumnElement[bool]:
    """Whether a membership has a product as its plan or as an add-on."""
    # Keys of the JSON are ids in quotes, values are quantities: nothing else looks like it.
    addons = cast(_memberships.c.addons, Text)
    return or_(_memberships.c.plan_id == product_id, addons.contains(f'"{product_id}":'))
