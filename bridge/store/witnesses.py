"""Which other sites could tell why one site shows other limits than expected."""

from __future__ import annotations

from sqlalchemy import Connection, Text, cast, func, select

from bridge.store.due import has_product, with_membership
from bridge.store.tables import MembershipRecord, SiteRecord
from bridge.store.upserts import table_of

_memberships = table_of(MembershipRecord)
_sites = table_of(SiteRecord)

_LOOKED_AT = 50


def sites_with(
    connection: Connection, network_id: int, product_id: int, *, plan_id: int, besides: int
) -> list[tuple[int, int]]:
    """Site and membership of some sites that have a product; of each membership one.

    Those with the plan given come first, and of them those with few add-ons: they say most
    about the product. ``besides`` is a membership that is left out.
    """
    query = (
        select(_sites.c.id, _memberships.c.id)
        .join(_memberships, with_membership())
        .where(
            _sites.c.network_id == network_id,
            _memberships.c.id != besides,
            has_product(product_id),
        )
        .order_by(
            _memberships.c.plan_id != plan_id,
            func.length(cast(_memberships.c.addons, Text)),
            _sites.c.id,
        )
        .limit(_LOOKED_AT)
    )
    found: dict[int, int] = {}
    for site_id, membership_id in connection.execute(query):
        found.setdefault(membership_id, site_id)
    return [(site_id, membership_id) for membership_id, site_id in found.items()]


def sites_beside(
    connection: Connection, network_id: int, membership_id: int, *, site_id: int
) -> list[int]:
    """The other sites of a membership, some of them."""
    query = (
        select(_sites.c.id)
        .where(
            _sites.c.network_id == network_id,
            _sites.c.membership_id == membership_id,
            _sites.c.id != site_id,
        )
        .order_by(_sites.c.id)
        .limit(_LOOKED_AT)
    )
    return list(connection.scalars(query))
