"""What a write to a membership makes the plugin do at its payment gateway.

The plugin decides in `save`, within the request (domain/entities.md §2.2, side effects 3 to
6), by comparing what it loaded with what is set. It compares the three gateway fields by
value, whatever the content type and however many requests the write is cut into:

* any of them differs: the subscription that was named before is cancelled at the gateway that
  was named before. Blanking the id cancels, too, so there is no way round by two requests;
  and status ``cancelled`` blanks all three by itself. The head leaves the customer id out of
  the comparison, releases up to 2.4.12 do not: here it counts.
* none differs, but products, amount or period do: the gateway is told the new price.
* anything else, such as status, dates or ``auto_renew``: the gateway is not asked.
* the plugin does nothing for a gateway that it does not know, as ours, nor for manual and free
  ones
  (but a free one blanks the fields when the price changes).

Deleting the membership cancels as well. Seen on running networks of 2.4.3, 2.4.7, 2.4.12
and the head (recordings membership/130, 152 to 154, 159, 181 to 185).
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

from bridge.domain.memberships import Membership

PLANBRIDGE: Final = "planbridge"
"""The gateway of memberships that planbridge's own subscription bills: one that the plugin does
not know, so that it makes no calls for it (domain/plan-changes.md §12, entities.md §2.2)."""

WITHOUT_SUBSCRIPTIONS: Final = frozenset({"", "free", "manual", PLANBRIDGE})
"""Gateways at which nothing can be cancelled by the plugin."""

STRIPE: Final = frozenset({"stripe", "stripe-checkout"})
PAYPAL: Final = frozenset({"paypal", "paypal-rest"})

GATEWAY_FIELDS: Final = ("gateway", "gateway_customer_id", "gateway_subscription_id")
PRICE_FIELDS: Final = ("plan_id", "addon_products", "amount", "duration", "duration_unit")


class GatewayEffect(StrEnum):
    """What the plugin does at the gateway in the same request.

    ``unknown``: the gateway is neither one of the plugin's own nor known to be none of them;
    an add-on may have brought it.
    """

    NOTHING = "nothing"
    REPRICES = "re-prices the subscription"
    CANCELS = "cancels the subscription"
    REFUSES = "refuses the write"
    UNKNOWN = "nobody can say"


def effect_of(before: Membership, fields: Mapping[str, object]) -> GatewayEffect:
    """The effect of writing ``fields``, named as the network names them, to a membership.

    Values are compared with those of ``before`` as the domain has them: amounts in minor
    units, add-ons as quantities by product id.
    """
    was = _stored(before)
    changed = {name for name, value in fields.items() if name in was and was[name] != value}
    gateway, subscription = before.gateway, before.gateway_subscription_id
    lets_go = changed.intersection(GATEWAY_FIELDS) or _status_of(fields, before) == "cancelled"
    if not lets_go and not changed.intersection(PRICE_FIELDS):
        return GatewayEffect.NOTHING
    if gateway in WITHOUT_SUBSCRIPTIONS:
        return GatewayEffect.NOTHING
    if gateway not in STRIPE | PAYPAL:
        return GatewayEffect.UNKNOWN
    if lets_go:
        return GatewayEffect.CANCELS if subscription else GatewayEffect.NOTHING
    if gateway in PAYPAL:
        return GatewayEffect.CANCELS
    return GatewayEffect.REPRICES if subscription else GatewayEffect.REFUSES


def _status_of(fields: Mapping[str, object], before: Membership) -> str:
    return str(fields.get("status", before.status.value))


def _stored(membership: Membership) -> dict[str, object]:
    return {
        "gateway": membership.gateway,
        "gateway_customer_id": membership.gateway_customer_id,
        "gateway_subscription_id": membership.gateway_subscription_id,
        "plan_id": membership.plan_id,
        "addon_products": dict(membership.addons),
        "amount": membership.amount,
        "duration": membership.period.count,
        "duration_unit": membership.period.unit,
    }
