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

from bridge.domain.money import to_major
from bridge.domain.quotes import ChangeKind
from bridge.errors import Conflict, PlanbridgeError, QuoteExpired, UnknownQuote
from bridge.store.changes import ChangeRepository, ChangeStandsInTheWay, new_change_id
from bridge.store.quotes import GivenQuote, QuoteRepository, QuoteTampered, membership_basis
from bridge.store.readers import load_membership
from bridge.store.tables import Change, ChangeState
from bridge.upgrades.target import target_of

_REPLACEABLE = (ChangeState.AWAITING_PAYMENT, ChangeState.SCHEDULED)
_WITHOUT_EFFECT = (ChangeState.REVOKED, ChangeState.SUPERSEDED, ChangeState.FAILED)
_PRODUCTS = ("plan_id", "addons", "period", "currency")


class ChangeNotPossible(Conflict):
    """Quote {quote} cannot be carried out: {why}"""


class QuoteOutdated(Conflict):
    """Quote {quote} does not fit any more: membership {membership} was changed since."""

    hint = "Ask for a new quote."


class PaidForAnother(Conflict):
    """Quote {quote} is for membership {of}, but the payment names membership {membership}."""


class ChangeNotRetried(Conflict):
    """Change {change} cannot be tried again: {why}"""


class ChangeNotRevoked(Conflict):
    """Change {change} cannot be revoked: it is {state}."""

    hint = "Only what is scheduled, waits for its payment, or was never begun can be revoked."


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
class PaidNotice:
    """Money has arrived for a quote. ``amount`` in minor units by ISO 4217.

    ``payment_key`` is Stripe's payment intent or invoice; ``source`` says where the news
    came from, such as ``invoice.paid evt_1``.
    """

    network_id: int
    quote_id: str
    membership_id: int
    payment_key: str
    amount: int
    currency: str
    paid_at: datetime
    source: str


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
    mirrored = changes.hold(notice.network_id, notice.membership_id)
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
    payment = _Payment(changes, given, notice, now)
    if not payment.fits:
        due = _money(given.quote.due_now, given.quote.currency)
        reason = f"{_paid(notice)} was paid, but {due} was due; nothing was applied"
        return payment.hold(Verdict.MISMATCH, reason)
    objection = _objection(session, given, siblings, mirrored=mirrored, now=now)
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
    """
    changes = ChangeRepository(session)
    mirrored = changes.hold(given.network_id, given.membership_id)
    for known in changes.of_quote(given.id):
        if known.state not in _WITHOUT_EFFECT:
            return known
    if not given.quote.possible or given.quote.target is None:
        raise ChangeNotPossible(quote=given.id, why=_why_not(given))
    if given.expired(now):
        raise QuoteExpired(quote=given.id, expired_at=f"{given.expires_at:%Y-%m-%d %H:%M} UTC")
    if not mirrored or not _still_fits(session, given, _PRODUCTS):
        raise QuoteOutdated(quote=given.id, membership=given.membership_id)
    if not _make_way(changes, given, now=now):
        raise ChangeStandsInTheWay(membership=given.membership_id)
    state = ChangeState.AWAITING_PAYMENT if given.quote.due_now > 0 else _state_when_paid(given)
    return changes.add(_change(changes, given, state, now=now))


def revoke_change(session: Session, change_id: str, now: datetime) -> Change:
    """Take back a change of which nothing was written yet.

    Raises:
        UnknownChange: there is none of that id.
        ChangeNotRevoked: it has begun, or is over.
    """
    changes = ChangeRepository(session)
    change = changes.get(change_id)
    held = change.state is ChangeState.ATTENTION and not change.is_open
    came_from = (ChangeState.ATTENTION,) if held else _REPLACEABLE
    reason = "revoked"
    if change.amount_paid:
        reason += f"; {_money(change.amount_paid, change.currency)} was paid: give it back"
    if not changes.move(
        change_id, to=ChangeState.REVOKED, came_from=came_from, now=now, reason=reason
    ):
        raise ChangeNotRevoked(change=change_id, state=changes.get(change_id).state.value)
    return changes.get(change_id)


def retry_change(session: Session, change_id: str, now: datetime) -> Change:
    """Let the operator's word open a change again that the engine has put aside.

    A change that the engine still works at is returned as it is: waking it is enough.

    Raises:
        UnknownChange: there is none of that id.
        ChangeNotRetried: there is nothing to try.
        ChangeStandsInTheWay: another change of the membership is under way.
    """
    changes = ChangeRepository(session)
    change = changes.get(change_id)
    if change.is_open and change.state not in _REPLACEABLE:
        return change
    held = change.state is ChangeState.ATTENTION
    if not held and change.state not in (ChangeState.APPLIED, ChangeState.FAILED):
        raise ChangeNotRetried(change=change_id, why=f"it is {change.state.value}.")
    if held and (change.amount_paid != change.amount_due or not change.target):
        raise ChangeNotRetried(
            change=change_id,
            why=f"{change.reason}. Give the money back or collect the rest, then revoke it.",
        )
    changes.hold(change.network_id, change.membership_id)
    generation = changes.generation(change.network_id, change.membership_id)
    if not held and generation != change.generation:
        raise ChangeNotRetried(change=change_id, why="a newer change was made since.")
    if held:
        generation = changes.next_generation(change.network_id, change.membership_id)
    changes.move(
        change_id,
        to=ChangeState.ACCEPTED,
        came_from=(change.state,),
        now=now,
        reason="",
        generation=generation or 0,
        attempts=change.attempts + 1,
        # The operator has seen how the membership stands and wants it all the same.
        target={key: value for key, value in change.target.items() if key != "basis"},
    )
    return changes.get(change_id)


@dataclass(frozen=True, slots=True)
class _Payment:
    """A payment whose quote is known, and the two things that can be done with it."""

    changes: ChangeRepository
    given: GivenQuote
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
        if not _make_way(self.changes, self.given, now=self.now):
            other = waiting.id if waiting is not None else "of this membership"
            reason = f"{_paid(self.notice)} was paid while change {other} is under way"
            return self.hold(Verdict.CONFLICT, reason)
        change = _change(
            self.changes, self.given, _state_when_paid(self.given), now=self.now, paid=self.notice
        )
        self.changes.add(change)
        return Outcome(Verdict.ACCEPTED, change.id, self._accepted())

    def hold(self, verdict: Verdict, reason: str) -> Outcome:
        """Keep the payment for the operator; nothing is applied."""
        change = _change(
            self.changes, self.given, ChangeState.ATTENTION, now=self.now, paid=self.notice
        )
        change.is_open = False
        change.reason = reason
        self.changes.add(change)
        return Outcome(verdict, change.id, reason)

    def _paid_for(self, waiting: Change) -> Outcome:
        generation = self.changes.next_generation(self.given.network_id, self.given.membership_id)
        moved = self.changes.move(
            waiting.id,
            to=_state_when_paid(self.given),
            came_from=(ChangeState.AWAITING_PAYMENT,),
            now=self.now,
            amount_paid=self.notice.amount,
            payment_key=self.notice.payment_key,
            paid_at=self.notice.paid_at,
            generation=generation or 0,
            target=target_of(self.given, paid=True),
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


def _change(
    changes: ChangeRepository,
    given: GivenQuote,
    state: ChangeState,
    *,
    now: datetime,
    paid: PaidNotice | None = None,
) -> Change:
    """A change for a quote, not yet stored; raises the fence unless it is put aside."""
    quote = given.quote
    generation = (
        None
        if state is ChangeState.ATTENTION
        else changes.next_generation(given.network_id, given.membership_id)
    )
    same_currency = paid is not None and paid.currency.upper() == quote.currency.upper()
    return Change(
        id=new_change_id(),
        network_id=given.network_id,
        membership_id=given.membership_id,
        quote_id=given.id,
        kind=quote.kind.value,
        state=state,
        is_open=state.is_open,
        generation=generation or 0,
        target=target_of(given, paid=paid is not None),
        currency=quote.currency,
        amount_due=quote.due_now,
        amount_paid=paid.amount if paid is not None and same_currency else None,
        payment_key=paid.payment_key if paid else None,
        attempts=1,
        created_at=now,
        effective_at=quote.effective_at,
        paid_at=paid.paid_at if paid else None,
        updated_at=now,
    )


def _objection(
    session: Session,
    given: GivenQuote,
    siblings: list[Change],
    *,
    mirrored: bool,
    now: datetime,
) -> str:
    """Why a payment of the right amount is not carried out; "" when nothing speaks against it."""
    if not given.quote.possible or given.quote.target is None:
        return f"quote {given.id} was paid, but it cannot be carried out: {_why_not(given)}"
    if not mirrored:
        return f"membership {given.membership_id} is not in the mirror any more"
    if siblings and siblings[0].state in _WITHOUT_EFFECT:
        return f"quote {given.id} was paid after its change was {siblings[0].state.value}"
    if not _still_fits(session, given, _PRODUCTS):
        return (
            f"quote {given.id} was paid, but membership {given.membership_id} has other products "
            "than when it was given"
        )
    if given.expired(now) and not _still_fits(session, given, tuple(given.basis)):
        return (
            f"quote {given.id} was paid after it expired, and membership "
            f"{given.membership_id} was changed since it was given"
        )
    return ""


def _make_way(changes: ChangeRepository, given: GivenQuote, *, now: datetime) -> bool:
    """Supersede an older change that only waits and holds no money; False if one is at work."""
    older = changes.open_of(given.network_id, given.membership_id)
    if older is None:
        return True
    if older.payment_key is not None:
        return False
    return changes.move(
        older.id,
        to=ChangeState.SUPERSEDED,
        came_from=_REPLACEABLE,
        now=now,
        reason=f"replaced by quote {given.id}",
    )


def _still_fits(session: Session, given: GivenQuote, names: tuple[str, ...]) -> bool:
    try:
        membership = load_membership(session, given.network_id, given.membership_id)
    except PlanbridgeError:
        return False
    today = membership_basis(membership)
    return all(today[name] == given.basis[name] for name in names)


def _state_when_paid(given: GivenQuote) -> ChangeState:
    """A downgrade waits for its date even if that is now; the engine sees when it is due."""
    if given.quote.kind is ChangeKind.DOWNGRADE:
        return ChangeState.SCHEDULED
    return ChangeState.ACCEPTED


def _was_paid(change: Change) -> bool:
    return change.payment_key is not None and change.amount_paid == change.amount_due


def _why_not(given: GivenQuote) -> str:
    if given.quote.errors:
        return "; ".join(error.message for error in given.quote.errors)
    return "it changes nothing."


def _paid(notice: PaidNotice) -> str:
    return _money(notice.amount, notice.currency)


def _money(minor: int, currency: str) -> str:
    return f"{to_major(minor, currency)} {currency.upper()}"
