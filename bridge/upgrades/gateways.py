"""What a write to a membership makes the plugin do at its payment gateway.

Saving a membership whose products, amount or period changed lets the plugin call the
gateway that the membership names (domain/entities.md §2.2, side effects 4 to 6;
recordings membership/181 to 185). planbridge writes the gateway where nothing can be cancelled
by that, and to let go of a membership that bills nothing again; this table says whether a
change may be written:

=====================  ======================  ==========================================
gateway                subscription id         what the plugin does in the same request
=====================  ======================  ==========================================
none, free, manual,    any                     nothing: safe
planbridge
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

from bridge.domain.gateway_effects import (
    PAYPAL,
    PLANBRIDGE,
    STRIPE,
    WITHOUT_SUBSCRIPTIONS,
)


@dataclass(frozen=True, slots=True)
class GatewayVerdict:
    """Whether the membership may be written, and the sentence that goes with it."""

    allowed: bool
    sentence: str


def taken_on(gateway: str) -> dict[str, object]:
    """The fields by which a network knows that planbridge's own subscription bills a membership.

    With ``auto_renew`` the plugin's cron neither sends invoices of its own and puts the
    membership on hold nor expires it (domain/billing-stripe.md §6). The gateway is named only
    where the plugin cancels nothing when it changes. The ids stay as they are: by the
    subscription's the plugin's Stripe gateway would take its events for its own (§3), and a
    changed one cancels.
    """
    named = {"gateway": PLANBRIDGE} if gateway in WITHOUT_SUBSCRIPTIONS else {}
    return {**named, "auto_renew": True}


def let_go(gateway: str) -> dict[str, object]:
    """The fields by which a network knows that nothing is billed again.

    The plugin's Stripe gateway lets go of the membership: it would refuse to price a
    subscription that has ended, and ends one that has not. Where planbridge billed it, the
    plugin's cron may have it back, which leaves alone what has no end.
    """
    if gateway in STRIPE:
        return {"gateway": "", "gateway_subscription_id": ""}
    return {"gateway": "", "auto_renew": False} if gateway == PLANBRIDGE else {}


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
