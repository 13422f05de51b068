"""The rows of a network, typed: fields named as in domain/entities.md §2.

Amounts are minor units of the row's currency, times aware UTC. A field that some releases
do not show (null) is None here, never a made-up default.
"""

from __future__ import annotations

from typing import Any

from bridge.network.entities import Entity
from bridge.network.memberships import CustomerRow, MembershipRow
from bridge.network.products import DiscountCodeRow, ProductRow
from bridge.network.records import DomainRow, EventRow, PaymentRow, SiteRow, WebhookRow
from bridge.network.row import Row

__all__ = [
    "ROWS",
    "CustomerRow",
    "DiscountCodeRow",
    "DomainRow",
    "EventRow",
    "MembershipRow",
    "PaymentRow",
    "ProductRow",
    "Row",
    "SiteRow",
    "WebhookRow",
    "parse_row",
]

ROWS: dict[Entity, type[Row]] = {
    kind.entity: kind
    for kind in (
        ProductRow,
        MembershipRow,
        CustomerRow,
        SiteRow,
        DiscountCodeRow,
        PaymentRow,
        DomainRow,
        EventRow,
        WebhookRow,
    )
}


def parse_row(entity: Entity, raw: dict[str, Any], *, network: str = "") -> Row:
    """Read one row of an entity from its JSON.

    Raises:
        UnreadableRow: a field has a value outside all known shapes.
    """
    return ROWS[entity].parse(raw, network=network)
