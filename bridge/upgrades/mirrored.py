"""The mirror's row of a membership, after what the network has just shown."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlmodel import Session

from bridge.domain.periods import UNITS
from bridge.network.rows import MembershipRow
from bridge.store.discounts import discount_to_json
from bridge.store.mirror import Shown, write_rows


def mirror_membership(
    session: Session, network_id: int, row: MembershipRow, *, asked_at: datetime
) -> None:
    """Write it in the caller's transaction; ``asked_at`` is when the network was asked."""
    write_rows(
        session.connection(),
        network_id,
        "membership",
        [Shown(row.id, row.raw, membership_columns(row))],
        asked_at=asked_at,
    )


def membership_columns(row: MembershipRow) -> dict[str, Any]:
    """A membership as columns of `MembershipRecord`, for `Shown`.

    A status that the rules do not know must not keep it out of the mirror.

    Raises:
        UnreadableRow: a discount code inside it has a value outside all known shapes.
    """
    discount = row.discount
    return {
        "customer_id": row.customer_id,
        "plan_id": row.plan_id,
        "addons": {str(product): count for product, count in row.addon_products.items()},
        "status": row.status,
        "currency": row.currency_of(row.raw),
        "amount": row.amount,
        "initial_amount": row.initial_amount,
        "duration": row.duration,
        "duration_unit": row.duration_unit if row.duration_unit in UNITS else "month",
        "recurring": row.recurring,
        "auto_renew": row.auto_renew,
        "billing_cycles": row.billing_cycles,
        "times_billed": row.times_billed,
        "gateway": row.gateway,
        "gateway_customer_id": row.gateway_customer_id,
        "gateway_subscription_id": row.gateway_subscription_id,
        "discount": discount_to_json(discount.to_domain()) if discount else None,
        "date_created": row.date_created,
        "date_renewed": row.date_renewed,
        "date_expiration": row.date_expiration,
        "date_trial_end": row.date_trial_end,
        "date_cancellation": row.date_cancellation,
        "date_modified": row.date_modified,
    }
