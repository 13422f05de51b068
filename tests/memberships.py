"""Memberships of the rules as the mirror keeps them, for tests that need no network."""

from __future__ import annotations

from typing import Any

from bridge.domain.memberships import Membership
from bridge.store.discounts import discount_to_json


def membership_columns(membership: Membership) -> dict[str, Any]:
    """A membership of the rules as columns of `MembershipRecord`, for `Shown`."""
    return {
        "customer_id": membership.customer_id,
        "plan_id": membership.plan_id,
        "addons": {str(product): count for product, count in membership.addons.items()},
        "status": membership.status.value,
        "currency": membership.currency,
        "amount": membership.amount,
        "initial_amount": membership.initial_amount,
        "duration": membership.period.count,
        "duration_unit": membership.period.unit,
        "recurring": membership.recurring,
        "auto_renew": membership.auto_renew,
        "billing_cycles": membership.billing_cycles,
        "times_billed": membership.times_billed,
        "gateway": membership.gateway,
        "gateway_customer_id": membership.gateway_customer_id,
        "gateway_subscription_id": membership.gateway_subscription_id,
        "discount": discount_to_json(membership.discount) if membership.discount else None,
        "date_created": membership.date_created,
        "date_renewed": membership.date_renewed,
        "date_expiration": membership.date_expiration,
        "date_trial_end": membership.date_trial_end,
        "date_cancellation": None,
        "date_modified": None,
    }
