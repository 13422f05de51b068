"""Carrying a decision out, in the transaction that also notes what became of the event."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Final

from sqlmodel import Session

from bridge.store.billings import BillingRepository
from bridge.store.changes import ChangeRepository
from bridge.store.events import EventResult
from bridge.store.sightings import Owner, SightingRepository, alike
from bridge.store.tables import Change, EventState
from bridge.upgrades.intent import PaidNotice, Verdict, accept_payment
from bridge.upgrades.opening import money_words
from webhooks.decisions import Accept, Watch
from webhooks.money_news import tell_billing, tell_payment

_STATES: Final[Mapping[Verdict, EventState]] = {
    Verdict.ACCEPTED: EventState.APPLIED,
    Verdict.DUPLICATE: EventState.IGNORED,
    Verdict.MISMATCH: EventState.ATTENTION,
    Verdict.UNKNOWN_QUOTE: EventState.ATTENTION,
    Verdict.CONFLICT: EventState.ATTENTION,
}


_TAKES_BACK: Final = frozenset({"charge", "dispute", "refund"})
"""Objects that matter only with the payment that they take back."""


class InvoiceUnknown(Exception):
    """Nothing has told yet which invoice ``intent`` paid: since Basil one event alone says so."""

    def __init__(self, intent: str) -> None:
        super().__init__(f"nothing tells which invoice {intent} paid")
        self.intent = intent


def carry_out(
    decision: Accept | Watch,
    session: Session,
    *,
    now: datetime,
    quote_key: bytes,
    asked: bool = False,
) -> EventResult:
    """Do what was decided, in the caller's transaction.

    ``quote_key`` is the key that quotes are signed with; ``asked`` when Stripe was asked for
    the object because of a tie.

    Raises:
        Tie: Stripe has to be asked which of two states is the newer one.
        InvoiceUnknown: Stripe has to be asked which invoice was paid.
    """
    watch = decision if isinstance(decision, Watch) else decision.watch
    seen = SightingRepository(session.connection(), watch.account)
    sighting = watch.sighting
    fresh = seen.keep(sighting, now=now, asked=asked)
    parted = seen.link(sighting.payment)
    if sighting.kind in _TAKES_BACK and not watch.complete:
        _require_invoice(seen.same_payment(sighting.id))
    owner = watch.owner or seen.owner_of(sighting, watch.networks)
    if owner is not None:
        seen.give(sighting, owner)
        BillingRepository(session).touch(*owner, now=now)
    if parted:
        reason = (
            f"{', '.join(parted)} was taken for the payment of {sighting.payment[0]}, but is "
            "another one: find out what it paid for, or give it back"
        )
        return EventResult(EventState.ATTENTION, reason, network_id=owner[0] if owner else None)
    if isinstance(decision, Accept):
        return _take(decision.notice, session, seen, now=now, quote_key=quote_key)
    if owner is None:
        return EventResult(EventState.IGNORED, "no planbridge metadata")
    return _told(watch, owner, session, fresh=fresh, now=now)


def _require_invoice(ids: Collection[str]) -> None:
    intents = sorted(one for one in ids if one.startswith("pi_"))
    if intents and not any(one.startswith("in_") for one in ids):
        raise InvoiceUnknown(intents[0])


def _told(
    watch: Watch, owner: Owner, session: Session, *, fresh: bool, now: datetime
) -> EventResult:
    network, membership = owner
    if not fresh:
        reason = f"nothing newer than what is known of {watch.sighting.id}"
        return EventResult(EventState.IGNORED, reason, network_id=network)
    tell_billing(session, watch.sighting, owner, now=now)
    if watch.sighting.kind == "customer":
        BillingRepository(session).forget_customer(network, watch.sighting.id)
    state = EventState.ATTENTION if watch.operator else EventState.APPLIED
    return EventResult(state, f"membership {membership}: {watch.says}", network_id=network)


def _take(
    notice: PaidNotice,
    session: Session,
    seen: SightingRepository,
    *,
    now: datetime,
    quote_key: bytes,
) -> EventResult:
    """Hand the money to the engine's intent, unless another event told of the same before."""
    changes = ChangeRepository(session)
    changes.hold(notice.network_id, notice.membership_id)
    for known in changes.of_quote(notice.quote_id):
        if known.payment_key is None or known.network_id != notice.network_id:
            continue
        if _is_same(notice, known, seen):
            reason = f"payment {notice.payment_key} went to change {known.id} before"
            return _result(EventState.IGNORED, reason, known.id, notice)
        if known.amount_paid == known.amount_due:
            tell_payment(session, notice, known.id, now=now)
            reason = (
                f"quote {notice.quote_id} was paid by {known.payment_key} (change {known.id}); "
                f"{notice.payment_key} is a second payment of "
                f"{money_words(notice.amount, notice.currency)}: give it back"
            )
            return _result(EventState.ATTENTION, reason, known.id, notice)
    outcome = accept_payment(session, notice, now=now, quote_key=quote_key)
    tell_payment(session, notice, outcome.change_id, now=now)
    return _result(_STATES[outcome.verdict], outcome.reason, outcome.change_id, notice)


def _is_same(notice: PaidNotice, known: Change, seen: SightingRepository) -> bool:
    """Whether the money is that of a change.

    By the ids, as far as the objects tell. Where they do not (an invoice and an intent since
    Basil), the same sum for the same quote is taken for the same payment until an object
    says otherwise.
    """
    assert known.payment_key is not None
    theirs, ours = seen.same_payment(known.payment_key), seen.same_payment(notice.payment_key)
    if theirs & ours:
        return True
    if alike(theirs, ours) or known.amount_paid not in (None, notice.amount):
        return False
    seen.assume(known.payment_key, notice.payment_key)
    return True


def _result(
    state: EventState, reason: str, change_id: str | None, notice: PaidNotice
) -> EventResult:
    return EventResult(state, reason, change_id=change_id, network_id=notice.network_id)
