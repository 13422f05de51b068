"""Opening a change for a quote: what it holds, what it replaces, whether the quote still fits."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlmodel import Session

from bridge.domain.memberships import Membership
from bridge.domain.money import to_major
from bridge.errors import PlanbridgeError
from bridge.store.billings import BillingRepository
from bridge.store.changes import ChangeRepository, new_change_id
from bridge.store.quotes import GivenQuote, membership_basis
from bridge.store.readers import load_membership
from bridge.store.tables import Change, ChangeState
from bridge.upgrades.target import target_of

REPLACEABLE = (ChangeState.AWAITING_PAYMENT, ChangeState.SCHEDULED)
"""States in which a change only waits: a newer one may take its place."""

WITHOUT_EFFECT = (ChangeState.REVOKED, ChangeState.SUPERSEDED, ChangeState.FAILED)
"""States in which a change is over and came to nothing."""

PRODUCTS = ("plan_id", "addons", "period", "currency")
"""The part of a quote's basis that may never have changed before it is carried out."""


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


def new_change(
    changes: ChangeRepository,
    given: GivenQuote,
    membership: Membership | None,
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
        target=target_of(
            given,
            membership,
            paid=paid is not None,
            now=min(paid.paid_at, now) if paid else now,
        ),
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


def begun_by(changes: ChangeRepository, given: GivenQuote) -> Change | None:
    """The change that came of a quote, unless it came to nothing."""
    found = changes.of_quote(given.id)
    return next((one for one in found if one.state not in WITHOUT_EFFECT), None)


def make_way(changes: ChangeRepository, given: GivenQuote, *, now: datetime) -> bool:
    """Supersede an older change that only waits and holds no money; False if one is at work."""
    older = changes.open_of(given.network_id, given.membership_id)
    if older is None:
        return True
    if older.payment_key is not None:
        return False
    return changes.move(
        older.id,
        to=ChangeState.SUPERSEDED,
        came_from=REPLACEABLE,
        now=now,
        reason=f"replaced by quote {given.id}",
    )


def mirrored_membership(session: Session, given: GivenQuote) -> Membership | None:
    """The membership as last seen; None where the mirror has none that can be changed."""
    try:
        return load_membership(session, given.network_id, given.membership_id)
    except PlanbridgeError:
        return None


def still_fits(given: GivenQuote, membership: Membership | None, names: tuple[str, ...]) -> bool:
    """Whether the membership is in these respects as it was when the price was made."""
    if membership is None:
        return False
    today = membership_basis(membership)
    return all(today[name] == given.basis[name] for name in names)


def state_when_paid(given: GivenQuote) -> ChangeState:
    """Where a change goes once nothing is to be paid (any more)."""
    return ChangeState.SCHEDULED if given.quote.scheduled else ChangeState.ACCEPTED


def frozen_by(session: Session, network_id: int, membership_id: int) -> str:
    """Why no change of a membership may be begun now; "" when nothing speaks against it."""
    disputes = BillingRepository(session).open_disputes(network_id, membership_id)
    if not disputes:
        return ""
    return f"membership {membership_id} is frozen until dispute {', '.join(disputes)} is decided"


def why_not(given: GivenQuote) -> str:
    """Why a quote cannot be carried out, in its own words."""
    if given.quote.errors:
        return "; ".join(error.message for error in given.quote.errors)
    return "it changes nothing."


def money_words(minor: int, currency: str) -> str:
    """``29.99 USD`` from 2999 minor units."""
    return f"{to_major(minor, currency)} {currency.upper()}"
