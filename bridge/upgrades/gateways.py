"""What a write to a membership makes the plugin do at its payment gateway.

Saving a membership whose products, amount or period changed lets the plugin call the
gateway that the membership names (domain/entities.md §2.2, side effects 4 to 6;
recordings membership/181 to 185). planbridge writes the gateway fields only to let go of a
membership that bills nothing again; this table says whether a change may be written:

=====================  ======================  ==========================================
gateway                subscription id         what the plugin does in the same request
=====================  ======================  ==========================================
none, free, manual     any                     nothing: safe
stripe, …-checkout     yes                     re-prices its own subscription, without
                                               proration: allowed, and written down
stripe, …-checkout     no                      refuses the whole write (HTTP 500)
stripe, …-checkout     any, nothing is billed  cancels its own subscription: allowed, it is to
                       again                   end, and to price an ended one it refuses
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


def may_write(gateway: str, subscription_id: str, *, bills_again: bool = True) -> GatewayVerdict:
    """Whether a change of products, amount or period may be written to a membership.

    ``bills_again`` is whether anything is billed each cycle after the change.
    """
    if gateway in WITHOUT_SUBSCRIPTIONS:
        return GatewayVerdict(True, "The membership's gateway makes no calls.")
    if gateway in STRIPE and not bills_again:
        return GatewayVerdict(
            True,
            "Nothing is billed again: the membership is taken off the plugin's gateway, which "
            f"ends subscription {subscription_id or '(none)'} at Stripe.",
        )
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
