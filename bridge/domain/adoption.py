"""Taking over a membership that the plugin's own gateway bills.

The plugin cannot be made to let go by stock REST: every write of a gateway field cancels the
subscription that it names (`bridge.domain.gateway_effects`). So nothing of the sort is
written. These ways were looked at and are not gone:

* another gateway name, or blank ids, in one request or several: cancels;
* the same with the plugin's Stripe keys taken out first: the cancellation fails and the write
  is stored, but nobody outside can see whether the keys are out, and an error cancels every
  subscription of the network;
* a second membership for the sites, and the first deleted: deleting cancels;
* a new subscription at Stripe for the old one: the plugin hears of the deleted one and cancels
  the membership if it still names it.

What is done instead: the gateway fields stay. ``auto_renew`` is set, so that the plugin's cron
neither invoices nor expires the membership (domain/billing-stripe.md §6). The subscription at
Stripe gets planbridge's metadata beside the plugin's, which stays: from then on planbridge
handles its events and changes this subscription instead of making a second one.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Final

from bridge.domain.gateway_effects import (
    PAYPAL,
    STRIPE,
    WITHOUT_SUBSCRIPTIONS,
    GatewayEffect,
    effect_of,
)
from bridge.domain.memberships import Membership, MembershipStatus
from bridge.domain.money import to_major

LIVE: Final = frozenset({"active", "trialing", "past_due", "unpaid", "paused"})
"""States of a subscription at Stripe that goes on, paid or not."""

AFTERWARDS: Final = (
    "planbridge changes this subscription at Stripe and never makes a second one; it extends "
    "the membership when an invoice is paid and deals with failures, refunds and disputes.",
    "The network's cron leaves the membership alone: it neither invoices nor expires it.",
    "While its webhook endpoint is enabled, the plugin handles the same events, too: it extends "
    "the membership to the same day and looks for the charge before it books, as planbridge "
    "does; in the same second both may book and count a renewal. Its development head expires "
    "the membership at the first failed payment. `planbridge adopt run NETWORK --endpoint-off` "
    "ends that once the plugin bills nobody else; before that, switch "
    "Stripe off for new sign-ups on the network. Saving its Stripe keys there enables it again.",
    "When planbridge writes another plan or amount, the plugin sends the new price to the same "
    "subscription, without proration; for that it needs its Stripe keys. planbridge puts the "
    "items right again and takes the plugin's coupons off.",
    "Cancelling or deleting the membership on the network, or changing its gateway or its ids "
    "there, still cancels the subscription at Stripe.",
    "A downgrade that was scheduled on the network before cannot be seen, and is still carried "
    "out there on its day.",
)
"""What each side does once a membership is taken over."""


class Verdict(StrEnum):
    """Whether a membership can be taken over. ``leave``: there is nothing to take."""

    TAKE = "take"
    LEAVE = "leave"
    REFUSE = "refuse"


@dataclass(frozen=True, slots=True, kw_only=True)
class BilledSubscription:
    """A subscription at Stripe. ``amount`` is the sum of its items in our minor units.

    ``owner`` is the network's name and the membership that planbridge's metadata names, None
    without; ``schedule`` the id of what is scheduled for it, ``ends`` True when it ends with
    its period. ``rivals`` are other live subscriptions of the same customer that name the
    same membership.
    """

    id: str
    customer: str
    status: str
    currency: str
    amount: int
    owner: tuple[str, str] | None = None
    schedule: str = ""
    ends: bool = False
    rivals: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A webhook endpoint at Stripe through which the plugin hears of events."""

    id: str
    url: str
    enabled: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What the decision depends on beside membership and subscription.

    ``network`` is our name of it. ``has_keys`` tells whether the plugin's gateway has Stripe
    keys, None where the network does not tell; ``shared_with`` which other memberships name
    the same subscription; ``open_change`` the change of it that is under way.
    """

    network: str
    has_keys: bool | None = None
    shared_with: tuple[int, ...] = ()
    open_change: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Adoption:
    """The decision about one membership.

    ``writes`` goes to the network, ``marks`` to the subscription's metadata; both may be
    empty where all is as it should be. ``needs_endpoint`` says that the plugin must go on
    hearing of the membership's payments as long as it is not taken over.
    """

    membership_id: int
    gateway: str
    subscription_id: str
    verdict: Verdict
    reason: str
    writes: Mapping[str, object] = field(default_factory=dict)
    marks: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    needs_endpoint: bool = False

    @property
    def way_back(self) -> tuple[str, ...]:
        """What `planbridge adopt revert` would do, in this order."""
        if self.verdict is not Verdict.TAKE:
            return ()
        steps = [
            "The plugin's webhook endpoint is enabled again, if planbridge disabled it.",
            f"planbridge's metadata is taken off {self.subscription_id}; the plugin's was never "
            "touched.",
        ]
        if self.writes:
            steps.append("auto_renew is switched off again.")
        return tuple(steps)


def decide(
    membership: Membership, subscription: BilledSubscription | None, around: Surroundings
) -> Adoption:
    """Decide about a membership as it is now; ``subscription`` is the one that it names."""
    live = subscription is not None and subscription.status in LIVE
    refused = Adoption(
        membership_id=membership.id,
        gateway=membership.gateway,
        subscription_id=membership.gateway_subscription_id,
        verdict=Verdict.REFUSE,
        reason=next(_refusals(membership, subscription, around), ""),
        needs_endpoint=membership.gateway in STRIPE
        and (live or membership.status is MembershipStatus.PENDING),
    )
    if membership.gateway in WITHOUT_SUBSCRIPTIONS:
        reason = "No gateway of the plugin bills it: planbridge can collect for it as it is."
        return replace(refused, verdict=Verdict.LEAVE, reason=reason)
    writes: dict[str, object] = {} if membership.auto_renew else {"auto_renew": True}
    effect = effect_of(membership, writes)
    if refused.reason or subscription is None or effect is not GatewayEffect.NOTHING:
        return refused
    marks = {
        "planbridge_network": around.network,
        "planbridge_membership": str(membership.id),
        "planbridge_adopted": membership.gateway,
    }
    return replace(
        refused,
        verdict=Verdict.TAKE,
        reason=_why_safe(writes, subscription.id),
        writes=writes,
        marks=marks if subscription.owner is None else {},
        notes=_notes(membership, subscription, around),
    )


def plugin_has_keys(settings: Mapping[str, object] | None, gateway: str) -> bool | None:
    """Whether the plugin's gateway has keys for its mode, by the network's settings.

    Secret keys are never shown, but what belongs to them is: the publishable key, or the
    account of a connection. None where the network shows nothing of it.
    """
    prefix = gateway.replace("-", "_")
    if settings is None or f"{prefix}_sandbox_mode" not in settings:
        return None
    mode = "test" if settings[f"{prefix}_sandbox_mode"] not in (0, "0", "", False) else "live"
    shown = [value for name, value in settings.items() if name.startswith(f"{prefix}_{mode}_")]
    return any(shown) if shown else None


def _refusals(
    membership: Membership, subscription: BilledSubscription | None, around: Surroundings
) -> Iterator[str]:
    """Why it cannot be taken over, the weightiest reason first; none if it can."""
    gateway = membership.gateway
    if gateway in PAYPAL:
        yield (
            f"Its gateway is {gateway}: the agreement is PayPal's, planbridge cannot bill it, and "
            "the plugin cancels it when the plan changes. Let the customer pay by card first."
        )
    elif gateway not in STRIPE:
        yield (
            f"Its gateway {gateway} is not the plugin's own: what an add-on does on a write, or "
            "who bills there, cannot be known."
        )
    yield from _refusals_of_network(membership, around)
    yield from _refusals_of_stripe(membership, subscription, around)


def _refusals_of_network(membership: Membership, around: Surroundings) -> Iterator[str]:
    named = membership.gateway_subscription_id
    if not named:
        yield (
            f"Its gateway is {membership.gateway}, but it names no subscription: nothing is "
            "billed, and the plugin refuses every change of it. Set its gateway to manual on "
            "the network."
        )
    if membership.status is MembershipStatus.CANCELLED:
        yield (
            f"It is cancelled on the network, yet names {named}: the next write of anything would "
            "cancel that at Stripe. Correct its status on the network first."
        )
    if membership.status is MembershipStatus.PENDING:
        yield "It has never been paid: its checkout may be under way. Wait until it is active."
    if around.has_keys is False:
        yield (
            "The plugin has no Stripe keys for its mode: it would refuse every change that "
            "planbridge writes. Enter them on the network first."
        )
    if around.shared_with:
        others = ", ".join(map(str, around.shared_with))
        yield f"Subscription {named} is also named by membership {others}: whose is it?"
    if around.open_change:
        yield f"Change {around.open_change} of it is under way. Finish or revoke it first."


def _refusals_of_stripe(
    membership: Membership, subscription: BilledSubscription | None, around: Surroundings
) -> Iterator[str]:
    named = membership.gateway_subscription_id
    if subscription is None:
        yield (
            f"The Stripe account on record has no subscription {named}. If the network bills "
            "through another account or mode, give planbridge a key of that one."
        )
        return
    if subscription.status not in LIVE:
        yield f"Subscription {named} is {subscription.status} at Stripe: it bills nothing."
    known, currency = membership.gateway_customer_id, membership.currency.upper()
    if known and known != subscription.customer:
        yield (
            f"Subscription {named} is customer {subscription.customer}'s at Stripe, but the "
            f"network says {known}."
        )
    if subscription.currency != currency:
        yield f"Stripe bills {named} in {subscription.currency}, the membership is in {currency}."
    if subscription.owner not in (None, (around.network, str(membership.id))):
        network, other = subscription.owner or ("", "")
        yield (
            f"planbridge's metadata on {named} is for membership {other or '?'} of network "
            f"{network or '?'}."
        )
    if subscription.rivals:
        others = ", ".join(subscription.rivals)
        yield (
            f"Its customer has other live subscriptions for it at Stripe: {others}. Cancel all "
            "but one there."
        )
    if subscription.schedule and subscription.owner is None:
        yield (
            f"Schedule {subscription.schedule} at Stripe changes {named} later: release it "
            "there first."
        )


def _notes(
    membership: Membership, subscription: BilledSubscription, around: Surroundings
) -> tuple[str, ...]:
    notes = []
    if subscription.ends:
        notes.append("The customer has cancelled: it ends with the period that is paid.")
    if subscription.status in ("past_due", "unpaid"):
        notes.append("Its last invoice has not been paid: that is planbridge's business then.")
    if subscription.amount != membership.amount:
        items, told = (
            to_major(amount, subscription.currency)
            for amount in (subscription.amount, membership.amount)
        )
        notes.append(
            f"The items at Stripe come to {items} {subscription.currency}, the network says "
            f"{told}: coupons and taxes may explain it. Nothing is changed by this."
        )
    if around.has_keys is None:
        notes.append("The network does not show whether the plugin has its Stripe keys.")
    return tuple(notes)


def _why_safe(writes: Mapping[str, object], subscription: str) -> str:
    network = (
        "Only auto_renew is written: the plugin asks its gateway for nothing then"
        if writes
        else "Nothing is written to the network"
    )
    return f"{network}, and at Stripe only metadata is added: {subscription} goes on as it is."
