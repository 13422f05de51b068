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
from pydantic import TypeAdapter
from sqlalchemy import Engine
from sqlmodel import Session

from bridge.errors import Conflict, PlanbridgeError, QuoteExpired
from bridge.payments.client import StripeAccount
from bridge.payments.collection import Collection, How, plan_collection
from bridge.payments.customers import known_customer, make_customer
from bridge.payments.execution import collect, settle, undo
from bridge.payments.faults import PageExpired, PaidMeanwhile, StripeKeyMissing
from bridge.payments.metadata import reference_for
from bridge.payments.order import Asked, Order
from bridge.payments.situation import Billed, Situation, read_situation
from bridge.store.changes import ChangeRepository
from bridge.store.collections import CollectionRepository
from bridge.store.quotes import GivenQuote, QuoteRepository
from bridge.store.readers import load_catalogue, load_membership
from bridge.store.tables import (
    Change,
    ChangeState,
    CollectionRecord,
    CollectionState,
    CustomerRecord,
    Network,
)
from bridge.upgrades.opening import WITHOUT_EFFECT

_log = structlog.get_logger(__name__)

_PLAN: Final = TypeAdapter(Collection)
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
        self._account_for = account_for
        self._clock = clock
        self._quote_key = quote_key

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
        account = self._account(network)
        change, record = self._expected(network, change_id, success_url, cancel_url)
        if change.state in WITHOUT_EFFECT:
            raise NothingToCollect(change=change_id, state=change.state.value)
        with self._session() as session:
            older = CollectionRepository(session).others(change)
        for other in older:
            self._conclude(account, network, other)
        return self._collect(account, network, change, record)

    def sweep(self) -> int:
        """Do what is due, and return how many collections were looked at.

        Changes that need no payment are collected, paid ones finished, those that came to
        nothing taken back.
        """
        now = self._clock()
        with self._session() as session:
            rows = list(CollectionRepository(session).open(now))
            networks = {row.network_id: session.get(Network, row.network_id) for row, _ in rows}
        for record, change in rows:
            network = networks[record.network_id]
            if network is not None and self._has_work(record, change):
                self._try(network, record, change)
        return len(rows)

    def _has_work(self, record: CollectionRecord, change: Change) -> bool:
        """Whether something is to be done without the customer."""
        if change.state not in _WAITING:
            return True
        return record.state is CollectionState.PLANNED and change.amount_due == 0

    def _try(self, network: Network, record: CollectionRecord, change: Change) -> None:
        now = self._clock()
        with self._session() as session:
            repository = CollectionRepository(session)
            if not repository.claim(record.change_id, now=now, until=now + _LEASE):
                return
        try:
            account = self._account(network)
            if change.state in WITHOUT_EFFECT:
                self._take_back(account, network, change, record)
            elif record.state is CollectionState.PLANNED and change.amount_due == 0:
                self._collect(account, network, change, record)
            elif _is_carried_out(change):
                self._finish(account, network, change, record)
            else:
                self._save(record.change_id, due_at=now)
        except PaidMeanwhile as paid:
            # Its money is kept for the operator when the event of the payment arrives.
            self._save(record.change_id, state=CollectionState.UNDONE, reason=str(paid))
        except Exception as error:
            why = str(error) if isinstance(error, PlanbridgeError) else type(error).__name__
            waits = min(_FIRST_WAIT * int(2 ** min(record.attempts, 20)), _LONGEST_WAIT)
            self._save(record.change_id, reason=why, due_at=now + waits)
            _log.warning(
                "collection waits",
                change=record.change_id,
                reason=why,
                exc_info=None if isinstance(error, PlanbridgeError) else error,
            )

    def _collect(
        self, account: StripeAccount, network: Network, change: Change, record: CollectionRecord
    ) -> Collected:
        if record.state is CollectionState.DONE:
            return Collected(change.id, record.plan["how"], paid=True, url=None, why="")
        given = self._quote(network, change)
        situation = self._situation(account, network, change)
        plan = self._decision(given, situation, change, record)
        nothing = plan.how is How.NOTHING and plan.then.value == "nothing"
        asked = Asked(paid=False)
        if not nothing and not (plan.how is How.NOTHING and situation.customer is None):
            order = self._order(account, network, change, situation, given=given)
            asked = collect(account, plan, order)
            if asked.why == "the payment page has expired":
                raise PageExpired(change=change.id)
        waits = plan.how not in (How.NOTHING,)
        self._save(
            change.id,
            state=CollectionState.WAITING if waits else CollectionState.DONE,
            url=asked.url or "",
            stripe_id=asked.id,
            reason=asked.why,
            due_at=self._clock(),
        )
        return Collected(change.id, plan.how.value, asked.paid, asked.url, asked.why)

    def _conclude(self, account: StripeAccount, network: Network, record: CollectionRecord) -> None:
        """Let nothing of an older change be left for a newer one to trip over."""
        with self._session() as session:
            change = ChangeRepository(session).get(record.change_id)
        if change.state in WITHOUT_EFFECT:
            self._take_back(account, network, change, record)
        elif _is_carried_out(change):
            self._finish(account, network, change, record, replaced=True)

    def _finish(
        self,
        account: StripeAccount,
        network: Network,
        change: Change,
        record: CollectionRecord,
        *,
        replaced: bool = False,
    ) -> None:
        """Paid, or the day has come: what is left to do at Stripe is done."""
        over = True
        if record.plan:
            plan = _PLAN.validate_python(record.plan)
            situation = self._situation(account, network, change)
            if situation.customer is not None:
                order = self._order(account, network, change, situation)
                over = settle(account, plan, order, replaced=replaced)
        if over:
            self._save(change.id, state=CollectionState.DONE, reason="", url="")
        else:
            self._save(change.id, due_at=self._clock() + _LONGEST_WAIT)

    def _take_back(
        self, account: StripeAccount, network: Network, change: Change, record: CollectionRecord
    ) -> None:
        if record.plan:
            situation = self._situation(account, network, change)
            if situation.customer is not None:
                undo(account, self._order(account, network, change, situation))
        self._save(change.id, state=CollectionState.UNDONE, reason=change.reason, url="")

    # -- what is needed for it ----------------------------------------------------------

    def _expected(
        self, network: Network, change_id: str, success_url: str, cancel_url: str
    ) -> tuple[Change, CollectionRecord]:
        with self._session() as session:
            change = ChangeRepository(session).get(change_id)
            repository = CollectionRepository(session)
            record = repository.expect(change, now=self._clock())
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
        if record.plan:
            return _PLAN.validate_python(record.plan)
        if given.expired(self._clock()) and change.state is ChangeState.AWAITING_PAYMENT:
            raise QuoteExpired(quote=given.id, expired_at=f"{given.expires_at:%Y-%m-%d %H:%M} UTC")
        plan = plan_collection(given.quote, situation, membership=change.membership_id)
        with self._session() as session:
            repository = CollectionRepository(session)
            document = _PLAN.dump_python(plan, mode="json")
            if repository.plan(change.id, document, now=self._clock()):
                return plan
            kept = repository.find(change.id)
        assert kept is not None
        return _PLAN.validate_python(kept.plan)

    def _situation(self, account: StripeAccount, network: Network, change: Change) -> Situation:
        with self._session() as session:
            membership = load_membership(session, network.key, change.membership_id)
            made = CollectionRepository(session).customer(network.key, membership.customer_id)
        candidates = [made.stripe_id] if made else []
        if membership.gateway_customer_id.startswith("cus_"):
            candidates.append(membership.gateway_customer_id)
        return read_situation(
            account,
            known_customer(account, candidates),
            Billed(
                network.name,
                change.membership_id,
                gateway=membership.gateway,
                subscription=membership.gateway_subscription_id,
            ),
        )

    def _order(
        self,
        account: StripeAccount,
        network: Network,
        change: Change,
        situation: Situation,
        *,
        given: GivenQuote | None = None,
    ) -> Order:
        now = self._clock()
        with self._session() as session:
            record = CollectionRepository(session).find(change.id)
            names = {
                product.id: product.name
                for product in load_catalogue(session, network.key).products.values()
            }
        assert record is not None
        return Order(
            change_id=change.id,
            reference=reference_for(
                network=network.name,
                membership_id=change.membership_id,
                quote_id=change.quote_id or "",
                change_id=change.id,
            ),
            customer=situation.customer or self._customer(account, network, change),
            now=now,
            expires_at=given.expires_at if given else now,
            success_url=record.success_url or network.url,
            cancel_url=record.cancel_url or network.url,
            payment_method=situation.payment_method,
            subscription=situation.subscription,
            names=names,
        )

    def _customer(self, account: StripeAccount, network: Network, change: Change) -> str:
        with self._session() as session:
            membership = load_membership(session, network.key, change.membership_id)
            person = session.get(CustomerRecord, (network.key, membership.customer_id))
            gone = CollectionRepository(session).customer(network.key, membership.customer_id)
        made = make_customer(
            account,
            membership.customer_id,
            email=person.email if person else "",
            instead_of=gone.stripe_id if gone else "",
        )
        with self._session() as session:
            CollectionRepository(session).keep_customer(
                network.key, membership.customer_id, made, now=self._clock()
            )
        return made

    def _quote(self, network: Network, change: Change) -> GivenQuote:
        with self._session() as session:
            quotes = QuoteRepository(session, self._quote_key)
            return quotes.get(network.key, change.quote_id or "")

    def _account(self, network: Network) -> StripeAccount:
        account = self._account_for(network)
        if account is None:
            raise StripeKeyMissing(network=network.name)
        return account

    def _save(self, change_id: str, **values: object) -> None:
        with self._session() as session:
            CollectionRepository(session).save(change_id, now=self._clock(), **values)

    @contextmanager
    def _session(self) -> Iterator[Session]:
        """A session that commits; never held open over a request to Stripe."""
        with Session(self._store, expire_on_commit=False) as session:
            yield session
            session.commit()


def _is_carried_out(change: Change) -> bool:
    """Paid, or nothing was due: the engine has it, whatever it waits for."""
    return change.state not in _WAITING and (change.amount_due == 0 or bool(change.payment_key))
