"""What is told of money: to the operator's systems, and to the customer who has to pay.

In the transaction that notes what became of the event, so that it is told once.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from sqlmodel import Session

from bridge.domain.notices import NoticeKind
from bridge.domain.outgoing import EventType
from bridge.errors import InvalidAmount
from bridge.payments.amounts import from_stripe
from bridge.store.notices import NoticeRepository
from bridge.store.outgoing import Fact, iso, tell
from bridge.store.sightings import Owner, Sighting
from bridge.upgrades.intent import PaidNotice


def tell_payment(
    session: Session, notice: PaidNotice, change_id: str | None, *, now: datetime
) -> None:
    """Money for a quote has come, whatever becomes of it."""
    fact = Fact(
        EventType.PAYMENT_RECEIVED,
        notice.payment_key,
        notice.membership_id,
        {
            "payment": notice.payment_key,
            "amount": notice.amount,
            "currency": notice.currency,
            "paid_at": notice.paid_at,
            "change": change_id,
            "quote": notice.quote_id,
            "renewal": False,
        },
    )
    tell(session.connection(), notice.network_id, [fact], now=now)


def tell_billing(session: Session, sighting: Sighting, owner: Owner, *, now: datetime) -> None:
    """A renewal was paid or could not be collected, or money was given back."""
    facts = sighting.facts
    if sighting.kind == "refund" and facts["status"] == "succeeded":
        _tell(session, owner, _refund(sighting, owner), now=now)
    elif sighting.kind == "invoice" and facts["renews"]:
        if facts["status"] == "paid" and facts["amount_paid"]:
            _tell(session, owner, _renewal_paid(sighting, owner), now=now)
        elif facts["status"] == "open" and facts["attempts"]:
            _tell(session, owner, _renewal_failed(sighting, owner), now=now)
            if facts["ours"]:
                _warn(session, sighting, owner, now=now)


def _warn(session: Session, sighting: Sighting, owner: Owner, *, now: datetime) -> None:
    """Tell the customer, once of each invoice: what follows from it is ours to decide."""
    network_id, membership_id = owner
    facts = sighting.facts
    NoticeRepository(session).note(
        network_id,
        NoticeKind.PAYMENT_FAILED,
        sighting.id,
        now=now,
        happened_at=sighting.at,
        membership_id=membership_id,
        facts={
            "invoice": sighting.id,
            "amount": _minor(facts, "amount_due"),
            "currency": facts["currency"],
            "due_since": iso(_moment(facts["due_since"]) or sighting.at),
        },
    )


def _renewal_paid(sighting: Sighting, owner: Owner) -> Fact:
    facts = sighting.facts
    return Fact(
        EventType.PAYMENT_RECEIVED,
        sighting.id,
        owner[1],
        {
            "payment": sighting.id,
            "amount": _minor(facts, "amount_paid"),
            "currency": facts["currency"],
            "paid_at": _moment(facts["paid_at"]) or sighting.at,
            "change": None,
            "quote": None,
            "renewal": True,
        },
    )


def _renewal_failed(sighting: Sighting, owner: Owner) -> Fact:
    facts = sighting.facts
    return Fact(
        EventType.PAYMENT_FAILED,
        f"{sighting.id}:{facts['attempts']}",
        owner[1],
        {
            "payment": sighting.id,
            "amount": _minor(facts, "amount_due"),
            "currency": facts["currency"],
            "attempt": facts["attempts"],
            "next_attempt_at": _moment(facts["next_attempt"]),
            "due_since": _moment(facts["due_since"]),
            "renewal": True,
        },
    )


def _refund(sighting: Sighting, owner: Owner) -> Fact:
    ids = [one for one in sighting.payment if one != sighting.id]
    return Fact(
        EventType.PAYMENT_REFUNDED,
        sighting.id,
        owner[1],
        {
            "payment": ids[0] if ids else None,
            "refund": sighting.id,
            "amount": _minor(sighting.facts, "amount"),
            "currency": sighting.facts["currency"],
        },
    )


def _tell(session: Session, owner: Owner, fact: Fact, *, now: datetime) -> None:
    tell(session.connection(), owner[0], [fact], now=now)


def _minor(facts: Mapping[str, Any], name: str) -> int | None:
    """An amount in minor units by ISO 4217; None where Stripe's is none of them."""
    try:
        return from_stripe(facts[name] or 0, facts["currency"])
    except InvalidAmount:
        return None


def _moment(seconds: int | None) -> datetime | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC)
