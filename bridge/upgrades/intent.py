"""From a wish or a payment to a change that the engine carries out.

Everything here happens in the caller's session and is not committed. The membership's row
is locked first, so that of two payments at the same moment one comes second.

Money is never lost: a payment that cannot be carried out, because the amount is wrong or
another change is under way, becomes a change that waits for the operator with both figures,
closed for the engine (``is_open`` False), open to `retry_change` or `revoke_change`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sqlmodel import Session

from bridge.domain.memberships import Membership
from bridge.errors import Conflict, QuoteExpired, UnknownQuote
from bridge.store.changes import ChangeRepository, ChangeStandsInTheWay
from bridge.store.collections import CollectionRepository
from bridge.store.quotes import GivenQuote, QuoteRepository, QuoteTampered
from bridge.store.tables import Change, ChangeState
from bridge.upgrades.corrections import retry_change, revoke_change
from bridge.upgrades.opening import (
    PRODUCTS,
    WITHOUT_EFFECT,
    PaidNotice,
    begun_by,
    frozen_by,
    make_way,
    mirrored_membership,
    money_words,
    new_change,
    state_when_paid,
    still_fits,
    why_not,
)
from bridge.upgrades.target import target_of

__all__ = [
    "ChangeNotPossible",
    "MembershipFrozen",
    "Outcome",
    "PaidForAnother",
    "PaidNotice",
    "QuoteOutdated",
    "Verdict",
    "accept_payment",
    "request_change",
    "retry_change",
    "revoke_change",
]


class ChangeNotPossible(Conflict):
    """Quote {quote} cannot be carried out: {why}"""


class QuoteOutdated(Conflict):
    """Quote {quote} does not fit any more: membership {membership} was changed since."""

    hint = "Ask for a new quote."


class PaidForAnother(Conflict):
    """Quote {quote} is for membership {of}, but the payment names membership {membership}."""


class MembershipFrozen(Conflict):
    """No change can be begun: {why}."""

    hint = "Answer the dispute at Stripe; the freeze ends when it is decided."


class Verdict(StrEnum):
    """What became of a payment.

    ``mismatch`` and ``conflict`` leave a change that waits for the operator;
    ``unknown_quote`` leaves none, since nobody knows what the money is for.
    """

    ACCEPTED = "accepted"
    DUPLICATE = "duplicate"
    MISMATCH = "mismatch"
    CONFLICT = "conflict"
    UNKNOWN_QUOTE = "unknown_quote"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a payment, the change it went to, and why in a sentence."""

    verdict: Verdict
    change_id: str | None
    reason: str


def accept_payment(
    session: Session, notice: PaidNotice, *, now: datetime, quote_key: bytes
) -> Outcome:
    """Take a payment for a quote: carry it out if it fits to the cent, else keep it safe.

    Repeating the same payment, or another event of the same payment, does nothing.
    """
    changes = ChangeRepository(session)
    changes.hold(notice.network_id, notice.membership_id)
    earlier = changes.of_payment(notice.network_id, notice.payment_key)
    if earlier is not None:
        reason = f"payment {notice.payment_key} went to change {earlier.id} before"
        return Outcome(Verdict.DUPLICATE, earlier.id, reason)
    try:
        given = _the_quote(session, notice, quote_key)
    except (UnknownQuote, QuoteTampered, PaidForAnother) as error:
        return Outcome(Verdict.UNKNOWN_QUOTE, None, f"{_paid(notice)} was paid. {error}")
    siblings = changes.of_quote(given.id)
    paid = next((one for one in siblings if _was_paid(one)), None)
    if paid is not None:
        reason = (
            f"quote {given.id} was paid by {paid.payment_key} (change {paid.id}); if "
            f"{notice.payment_key} is a second payment, give it back"
        )
        return Outcome(Verdict.DUPLICATE, paid.id, reason)
    membership = mirrored_membership(session, given)
    payment = _Payment(changes, given, membership, notice, now)
    if not payment.fits:
        due = money_words(given.quote.due_now, given.quote.currency)
        reason = f"{_paid(notice)} was paid, but {due} was due; nothing was applied"
        return payment.hold(Verdict.MISMATCH, reason)
    objection = _objection(given, siblings, membership, now=now) or frozen_by(
        session, given.network_id, given.membership_id
    )
    return payment.hold(Verdict.CONFLICT, objection) if objection else payment.accept()


def request_change(session: Session, given: GivenQuote, now: datetime) -> Change:
    """Ask for what a quote says, and return the change; asking twice returns the same.

    Nothing due: it is accepted, a downgrade scheduled for the end of the term. Something
    due: it waits for the payment. An older change that waits is superseded.

    Raises:
        ChangeNotPossible: the quote says why not.
        QuoteExpired: its time is over.
        QuoteOutdated: the membership is not what it was.
        ChangeStandsInTheWay: another change of the membership is under way.
        MembershipFrozen: a payment of it is disputed.
    """
    changes = ChangeRepository(session)
    changes.hold(given.network_id, given.membership_id)
    known = begun_by(changes, given)
    if known is not None:
        return known
    if not given.quote.possible or given.quote.target is None:
        raise ChangeNotPossible(quote=given.id, why=why_not(given))
    if given.expired(now):
        raise QuoteExpired(quote=given.id, expired_at=f"{given.expires_at:%Y-%m-%d %H:%M} UTC")
    membership = mirrored_membership(session, given)
    if not still_fits(given, membership, PRODUCTS):
        raise QuoteOutdated(quote=given.id, membership=given.membership_id)
    frozen = frozen_by(session, given.network_id, given.membership_id)
    if frozen:
        raise MembershipFrozen(why=frozen)
    if not make_way(changes, given, now=now):
        raise ChangeStandsInTheWay(membership=given.membership_id)
    state = ChangeState.AWAITING_PAYMENT if given.quote.due_now > 0 else state_when_paid(given)
    change = changes.add(new_change(changes, given, membership, state, now=now))
    CollectionRepository(session).expect(change, now=now)
    return change


@dataclass(frozen=True, slots=True)
class _Payment:
    """A payment whose quote is known, and the two things that can be done with it."""

    changes: ChangeRepository
    given: GivenQuote
    membership: Membership | None
    notice: PaidNotice
    now: datetime

    @property
    def fits(self) -> bool:
        """Amount and currency are what was due, to the cent."""
        due = (self.given.quote.due_now, self.given.quote.currency.upper())
        return (self.notice.amount, self.notice.currency.upper()) == due

    def accept(self) -> Outcome:
        """Give the quote's change to the engine, or say what stands in the way."""
        waiting = self.changes.open_of(self.given.network_id, self.given.membership_id)
        if waiting is not None and waiting.quote_id == self.given.id:
            return self._paid_for(waiting)
        if not make_way(self.changes, self.given, now=self.now):
            other = waiting.id if waiting is not None else "of this membership"
            reason = f"{_paid(self.notice)} was paid while change {other} is under way"
            return self.hold(Verdict.CONFLICT, reason)
        change = self.changes.add(self._change(state_when_paid(self.given)))
        return Outcome(Verdict.ACCEPTED, change.id, self._accepted())

    def hold(self, verdict: Verdict, reason: str) -> Outcome:
        """Keep the payment for the operator; nothing is applied."""
        change = self._change(ChangeState.ATTENTION)
        change.is_open = False
        change.reason = reason
        self.changes.add(change)
        return Outcome(verdict, change.id, reason)

    def _change(self, state: ChangeState) -> Change:
        return new_change(
            self.changes, self.given, self.membership, state, now=self.now, paid=self.notice
        )

    def _paid_for(self, waiting: Change) -> Outcome:
        generation = self.changes.next_generation(self.given.network_id, self.given.membership_id)
        moved = self.changes.move(
            waiting.id,
            to=state_when_paid(self.given),
            came_from=(ChangeState.AWAITING_PAYMENT,),
            now=self.now,
            amount_paid=self.notice.amount,
            payment_key=self.notice.payment_key,
            paid_at=self.notice.paid_at,
            generation=generation or 0,
            target=target_of(
                self.given, self.membership, paid=True, now=min(self.notice.paid_at, self.now)
            ),
        )
        if not moved:
            reason = f"change {waiting.id} of quote {self.given.id} is {waiting.state.value}"
            return Outcome(Verdict.DUPLICATE, waiting.id, reason)
        return Outcome(Verdict.ACCEPTED, waiting.id, self._accepted())

    def _accepted(self) -> str:
        late = " after the quote expired" if self.given.expired(self.now) else ""
        return f"{_paid(self.notice)} was paid{late} by {self.notice.payment_key}"


def _the_quote(session: Session, notice: PaidNotice, key: bytes) -> GivenQuote:
    given = QuoteRepository(session, key).get(notice.network_id, notice.quote_id)
    if given.membership_id != notice.membership_id:
        raise PaidForAnother(
            quote=given.id, of=given.membership_id, membership=notice.membership_id
        )
    return given


def _objection(
    given: GivenQuote, siblings: list[Change], membership: Membership | None, *, now: datetime
) -> str:
    """Why a payment of the right amount is not carried out; "" when nothing speaks against it."""
    if not given.quote.possible or given.quote.target is None:
        return f"quote {given.id} was paid, but it cannot be carried out: {why_not(given)}"
    if membership is None:
        return f"membership {given.membership_id} is not in the mirror any more"
    if siblings and siblings[0].state in WITHOUT_EFFECT:
        return f"quote {given.id} was paid after its change was {siblings[0].state.value}"
    if not still_fits(given, membership, PRODUCTS):
        return (
            f"quote {given.id} was paid, but membership {given.membership_id} has other products "
            "than when it was given"
        )
    if given.expired(now) and not still_fits(given, membership, tuple(given.basis)):
        return (
            f"quote {given.id} was paid after it expired, and membership "
            f"{given.membership_id} was changed since it was given"
        )
    return ""


def _was_paid(change: Change) -> bool:
    return change.payment_key is not None and change.amount_paid == change.amount_due


def _paid(notice: PaidNotice) -> str:
    return money_words(notice.amount, notice.currency)
