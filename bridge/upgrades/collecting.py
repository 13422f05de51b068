"""Collecting: from a change to what Stripe is asked for, finished or taken back.

The row of a collection is written in the commit that makes the change, before Stripe is
asked; the row of the change is the message what to do with it. So a process may die at any
point: the next look finds what is to be finished, and what must not survive, such as the
schedule of a change that a newer one has replaced.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import structlog
from sqlalchemy import Engine
from sqlmodel import Session

from bridge.errors import Conflict, PlanbridgeError, QuoteExpired
from bridge.payments.client import StripeAccount
from bridge.payments.collection import Collection, How, plan_collection
from bridge.payments.execution import collect, settle, undo
from bridge.payments.faults import PaidMeanwhile, StripeKeyMissing
from bridge.payments.order import Asked
from bridge.payments.situation import Situation
from bridge.store.changes import ChangeRepository
from bridge.store.collections import CollectionRepository
from bridge.store.quotes import GivenQuote, QuoteRepository
from bridge.store.tables import Change, ChangeState, CollectionRecord, CollectionState, Network
from bridge.upgrades.opening import WITHOUT_EFFECT
from bridge.upgrades.orders import Orders
from bridge.upgrades.plans import kept_plan, plan_document

_log = structlog.get_logger(__name__)

_LEASE: Final = timedelta(minutes=2)
_FIRST_WAIT: Final = timedelta(seconds=2)
_LONGEST_WAIT: Final = timedelta(minutes=30)

_WAITING = (ChangeState.AWAITING_PAYMENT, ChangeState.SCHEDULED)


class NothingToCollect(Conflict):
    """Change {change} is {state}: nothing can be collected for it any more."""

    hint = "Ask for a new quote."


@dataclass(frozen=True, slots=True)
class Collected:
    """What came of collecting. ``url`` is where the customer has to go, None when he need not.

    ``how`` is the way that was taken (`bridge.payments.collection.How`), ``paid`` True when
    the sum has been collected: the change goes on by itself when the event arrives.
    """

    change_id: str
    how: str
    paid: bool
    url: str | None
    why: str


class Collecting:
    """Collects changes, finishes them once they are paid, and takes back what is replaced.

    Args:
        store: The database.
        account_for: The Stripe account of a network; None where it has no key.
        clock: Aware UTC time.
        quote_key: The key that quotes are signed with.
    """

    def __init__(
        self,
        store: Engine,
        *,
        account_for: Callable[[Network], StripeAccount | None],
        clock: Callable[[], datetime],
        quote_key: bytes,
    ) -> None:
        self._store = store
        self._clock = clock
        self._quote_key = quote_key
        self.orders = Orders(store, account_for=account_for, clock=clock)

    def collect(
        self, network: Network, change_id: str, *, success_url: str = "", cancel_url: str = ""
    ) -> Collected:
        """Collect a change now; asked again it charges nothing twice and shows the same page.

        What was asked of Stripe for older changes of the membership is taken back first.
        The addresses are where the payment page sends the customer afterwards; the first
        ones given stay.

        Raises:
            UnknownChange: there is none of that id.
            NothingToCollect: it is over.
            QuoteExpired: its time was over before anything was asked.
            StripeKeyMissing: the network has no key.
            StripeFault: Stripe refused, or nobody knows; ask again then.
            BilledElsewhere, InvoiceOpen and other conflicts: what Stripe has stands in the way.
        """
        self.orders.account(network)
        change, record = self._expected(network, change_id, success_url, cancel_url)
        if change.state in WITHOUT_EFFECT:
            raise NothingToCollect(change=change_id, state=change.state.value)
        self._clear_the_way(network, change)
        return self._collect(network, change, record)

    def sweep(self) -> int:
        """Do what is due, and return how many collections were worked at.

        Changes that need no payment are collected, paid ones finished, those that came to
        nothing taken back.
        """
        now = self._clock()
        with self._session() as session:
            rows = list(CollectionRepository(session).with_work(now))
            networks = {row.network_id: session.get(Network, row.network_id) for row, _ in rows}
        worked = 0
        for record, change in rows:
            network = networks[record.network_id]
            if network is not None:
                worked += self._try(network, record, change)
        return worked

    def _try(self, network: Network, record: CollectionRecord, change: Change) -> bool:
        now = self._clock()
        with self._session() as session:
            claimed = CollectionRepository(session).claim(
                record.change_id, now=now, until=now + _LEASE
            )
        if not claimed:
            return False
        try:
            if change.state in WITHOUT_EFFECT:
                self._take_back(network, change, record)
            elif _is_to_be_collected(record, change):
                self._clear_the_way(network, change)
                self._collect(network, change, record)
            else:
                self._finish(network, change, record)
        except PaidMeanwhile as paid:
            # Its money is kept for the operator when the event of the payment arrives.
            self._save(record.change_id, state=CollectionState.UNDONE, reason=str(paid))
        except Exception as error:
            known = isinstance(error, PlanbridgeError)
            why = str(error) if known else f"unexpected {type(error).__name__}"
            wait = min(_FIRST_WAIT * int(2 ** min(record.attempts, 12)), _LONGEST_WAIT)
            self._save(record.change_id, reason=why, due_at=now + wait)
            _log.warning(
                "collection waits", change=change.id, reason=why, exc_info=None if known else error
            )
        return True

    def _clear_the_way(self, network: Network, change: Change) -> None:
        """Let nothing of an older change be left at Stripe for this one to trip over."""
        with self._session() as session:
            older = CollectionRepository(session).others(change)
            changes = {row.change_id: ChangeRepository(session).get(row.change_id) for row in older}
        for record in older:
            other = changes[record.change_id]
            if other.state in WITHOUT_EFFECT:
                self._take_back(network, other, record)
            elif _is_carried_out(other):
                self._finish(network, other, record, replaced=True)

    def _collect(self, network: Network, change: Change, record: CollectionRecord) -> Collected:
        if record.state is CollectionState.DONE:
            paid = change.amount_paid is not None
            return Collected(change.id, record.plan["how"], paid=paid, url=None, why="")
        given = self._quote(network, change)
        situation = self.orders.situation(network, change.membership_id)
        plan = self._decision(given, situation, change, record)
        asked, customer = Asked(paid=False), situation.customer
        if plan.how is not How.NOTHING or situation.customer is not None:
            order = self.orders.order(
                network, change, record, situation, expires_at=given.expires_at
            )
            customer = order.customer
            asked = collect(self.orders.account(network), plan, order)
        waits = plan.how is not How.NOTHING
        self._save(
            change.id,
            state=CollectionState.WAITING if waits else CollectionState.DONE,
            url=asked.url or "",
            stripe_customer=customer or "",
            stripe_id=asked.id,
            reason=asked.why,
            due_at=self._clock(),
        )
        return Collected(change.id, plan.how.value, asked.paid, asked.url, asked.why)

    def _finish(
        self, network: Network, change: Change, record: CollectionRecord, *, replaced: bool = False
    ) -> None:
        """Paid, or the day has come: what is left to do at Stripe is done."""
        over = True
        plan = kept_plan(record.plan)
        if plan is not None:
            situation = self.orders.situation(network, change.membership_id)
            if situation.customer is not None:
                order = self.orders.order(network, change, record, situation)
                over = settle(self.orders.account(network), plan, order, replaced=replaced)
        if over:
            self._save(change.id, state=CollectionState.DONE, reason="", url="")
        else:
            self._save(change.id, due_at=self._clock() + _LONGEST_WAIT)

    def _take_back(self, network: Network, change: Change, record: CollectionRecord) -> None:
        if record.plan:
            situation = self.orders.situation(network, change.membership_id)
            if situation.customer is not None:
                order = self.orders.order(network, change, record, situation)
                undo(self.orders.account(network), order)
        self._save(change.id, state=CollectionState.UNDONE, reason=change.reason, url="")

    def _expected(
        self, network: Network, change_id: str, success_url: str, cancel_url: str
    ) -> tuple[Change, CollectionRecord]:
        with self._session() as session:
            change = ChangeRepository(session).get(change_id)
            record = CollectionRepository(session).expect(change, now=self._clock())
            if record is None:
                raise StripeKeyMissing(network=network.name)
            if not record.success_url:
                record.success_url = success_url or network.url
                record.cancel_url = cancel_url or success_url or network.url
                session.add(record)
        return change, record

    def _decision(
        self, given: GivenQuote, situation: Situation, change: Change, record: CollectionRecord
    ) -> Collection:
        """The decision that was kept, or the one that is kept now: one per change."""
        known = kept_plan(record.plan)
        if known is not None:
            return known
        if given.expired(self._clock()) and change.state is ChangeState.AWAITING_PAYMENT:
            raise QuoteExpired(quote=given.id, expired_at=f"{given.expires_at:%Y-%m-%d %H:%M} UTC")
        plan = plan_collection(given.quote, situation, membership=change.membership_id)
        with self._session() as session:
            kept = CollectionRepository(session).plan(
                change.id, plan_document(plan), now=self._clock()
            )
        return kept_plan(kept) or plan

    def _quote(self, network: Network, change: Change) -> GivenQuote:
        with self._session() as session:
            quotes = QuoteRepository(session, self._quote_key)
            return quotes.get(network.key, change.quote_id or "")

    def _save(self, change_id: str, **values: object) -> None:
        with self._session() as session:
            CollectionRepository(session).save(change_id, now=self._clock(), **values)

    @contextmanager
    def _session(self) -> Iterator[Session]:
        """A session that commits; never held open over a request to Stripe."""
        with Session(self._store, expire_on_commit=False) as session:
            yield session
            session.commit()


def _is_to_be_collected(record: CollectionRecord, change: Change) -> bool:
    """Nothing is due, so that nobody will ask for it to be collected."""
    return record.state is CollectionState.PLANNED and change.amount_due == 0


def _is_carried_out(change: Change) -> bool:
    """Paid, or nothing was due: the engine has it, whatever it waits for."""
    return change.state not in _WAITING and (change.amount_due == 0 or bool(change.payment_key))
