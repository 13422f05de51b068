"""What a write to a membership makes the plugin do at its payment gateway.

Saving a membership whose products, amount or period changed lets the plugin call the
gateway that the membership names (domain/entities.md §2.2, side effects 4 to 6;
recordings membership/181 to 185). planbridge never writes the gateway fields; this table
says whether the rest may be written:

=====================  ======================  ==========================================
gateway                subscription id         what the plugin does in the same request
=====================  ======================  ==========================================
none, free, manual     any                     nothing: safe
stripe, …-checkout     yes                     re-prices its own subscription, without
                                               proration: allowed, and written down
stripe, …-checkout     no                      refuses the whole write (HTTP 500)
paypal, paypal-rest    any                     cancels the agreement, blanks the ids
any other              any                     nothing, if the plugin does not know it
=====================  ======================  ==========================================
"""

from __future__ import annotations

from dataclasses import dataclass

from bridge.domain.gateway_effects import PAYPAL, STRIPE, WITHOUT_SUBSCRIPTIONS


@dataclass(frozen=True, slots=True)
class GatewayVerdict:
    """Whether the membership may be written, and the sentence that goes with it."""

    allowed: bool
    sentence: str


def may_write(gateway: str, subscription_id: str) -> GatewayVerdict:
    """Whether a change of products, amount or period may be written to a membership."""
    if gateway in WITHOUT_SUBSCRIPTIONS:
        return GatewayVerdict(True, "The membership's gateway makes no calls.")
    if gateway in STRIPE and subscription_id:
        return GatewayVerdict(
            True,
            f"The plugin re-prices its own subscription {subscription_id} at Stripe, without "
            "proration; what is due now was collected by planbridge.",
        )
    if gateway in STRIPE:
        return GatewayVerdict(
            False,
            f"The membership's gateway is {gateway}, but it has no subscription id: the plugin "
            "refuses every change of it. Enter the subscription id on the network, or set "
            "the gateway to manual; then retry.",
        )
    if gateway in PAYPAL:
        return GatewayVerdict(
            False,
            f"The membership's gateway is {gateway}: on a change the plugin would cancel "
            "the customer's agreement there. Move the customer to another gateway; "
            "then retry.",
        )
    return GatewayVerdict(
        True, f"The plugin does not know the gateway {gateway}: it makes no calls."
    )
