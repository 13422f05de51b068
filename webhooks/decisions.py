"""What an event leads to, before anything is done about it.

A decision is pure: it comes from the event and from which network is which, and the
dispatcher carries it out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson

from bridge.payments.metadata import PaymentReference
from bridge.store.events import ClaimedEvent, EventResult
from bridge.store.identities import StripeIdentity
from bridge.store.sightings import Owner, Sighting
from bridge.store.tables import EventState
from bridge.upgrades.intent import PaidNotice


@dataclass(frozen=True, slots=True)
class StripeEvent:
    """A stored event, opened. ``subject`` is Stripe's ``data.object``, untouched.

    ``account`` is the one the event itself names (Stripe Connect), mostly empty;
    ``before`` the former values of what changed.
    """

    id: str
    type: str
    account: str
    livemode: bool
    created: datetime
    subject: Mapping[str, Any]
    before: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Collected:
    """Stripe collected money that carries our reference; ``amount`` in Stripe's minor units.

    ``key`` is Stripe's payment intent, else its invoice, else the session.
    """

    key: str
    amount: int
    currency: str
    paid_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What a handler found in an event.

    ``says`` is the sentence the operator reads; ``operator`` True when he has to act, if it
    is of a membership of ours. ``reference`` is what the object says it is for, ``collected``
    money that pays for a quote.
    """

    sighting: Sighting
    says: str
    reference: PaymentReference | None = None
    operator: bool = False
    collected: Collected | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Watch:
    """Keep the newest state of an object, and let the billing of its membership follow.

    ``owner`` is whose it says it is; else it may be of one of ``networks``. ``complete`` when
    Stripe was asked which invoice was paid, or cannot be asked.
    """

    account: str
    sighting: Sighting
    says: str
    operator: bool
    owner: Owner | None
    networks: tuple[int, ...]
    complete: bool = False


@dataclass(frozen=True, slots=True)
class Accept:
    """The money is for one of our quotes."""

    notice: PaidNotice
    watch: Watch


Decision = Accept | Watch | EventResult
"""What to do; an event without effect has its result at once."""


def ignored(reason: str) -> EventResult:
    """Nothing is to be done, and why."""
    return EventResult(EventState.IGNORED, reason)


def needs_attention(reason: str) -> EventResult:
    """Money moved and planbridge cannot say for what: the operator has to look."""
    return EventResult(EventState.ATTENTION, reason)


class Directory:
    """Which networks there are."""

    def __init__(self, identities: Sequence[StripeIdentity]) -> None:
        self._by_id = {identity.network_id: identity for identity in identities}
        self._by_name = {identity.name: identity for identity in identities}

    def at(self, network_id: int) -> StripeIdentity:
        """The network of an endpoint that an event came through."""
        return self._by_id[network_id]

    def named(self, text: str, *, origin: StripeIdentity) -> StripeIdentity | None:
        """The network that metadata names, by name; the origin also by its id."""
        found = self._by_name.get(text)
        if found is None and text == str(origin.network_id):
            return origin
        return found

    def sharing(self, origin: StripeIdentity, *, livemode: bool) -> tuple[StripeIdentity, ...]:
        """The networks of one account that are in this mode, the origin first."""
        return tuple(
            sorted(
                (
                    one
                    for one in self._by_id.values()
                    if one.livemode is livemode
                    and (one == origin or (one.account and one.account == origin.account))
                ),
                key=lambda one: (one != origin, one.network_id),
            )
        )


def open_event(event: ClaimedEvent) -> StripeEvent:
    """Read the stored payload."""
    document = orjson.loads(event.payload)
    before = document["data"].get("previous_attributes")
    return StripeEvent(
        id=event.event_id,
        type=event.type,
        account=document.get("account") or "",
        livemode=event.livemode,
        created=event.created,
        subject=document["data"]["object"],
        before=before if isinstance(before, dict) else {},
    )
