"""A network, a Stripe account and planbridge between them, on one clock that is moved by hand."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import stripe
from sqlalchemy import Engine
from sqlmodel import Session

from bridge.network.client import Entity, NetworkClient
from bridge.network.endpoint import Endpoint
from bridge.network.rows import MembershipRow, PaymentRow
from bridge.network.transport import Retries
from bridge.payments.client import API_VERSION, StripeAccount
from bridge.payments.lookup import look_up
from bridge.payments.pace import Pace
from bridge.sandbox.examples import PREMIUM_ID
from bridge.sandbox.server import SandboxNetwork
from bridge.sandbox.stripe_clock import SandboxClock
from bridge.sandbox.stripe_server import SandboxStripe
from bridge.store import schema
from bridge.store.billings import BillingRepository
from bridge.store.engine import make_engine
from bridge.store.events import EventFilter, EventRepository, EventSummary
from bridge.store.mirror import write_rows
from bridge.store.tables import Billing, EventState, Network
from bridge.upgrades.outcomes import Backoff
from bridge.upgrades.renewals import Renewals
from sync.records import shown
from webhooks.dispatch import Dispatcher
from webhooks.endpoints import EndpointInfo
from webhooks.envelope import new_event

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
DAY = timedelta(days=1)
KEY = b"the key that signs quotes"
MEMBER = 1
PRICE = 4900


class Stage:
    """Everything of one story. Events reach planbridge only by `deliver`."""

    def __init__(
        self, network: SandboxNetwork, account: SandboxStripe, clock: SandboxClock, folder: Path
    ) -> None:
        self.network, self.stripe, self.clock = network, account, clock
        self.store: Engine = make_engine(f"sqlite:///{folder / 'store.sqlite'}")
        schema.upgrade(self.store)
        with Session(self.store) as session:
            row = Network(
                name="main",
                url=network.url,
                sealed_credentials="",
                stripe_account=account.account,
                created_at=NOW,
            )
            session.add(row)
            session.commit()
            self.network_id = row.key
        self.api: Any = stripe.StripeClient(
            account.api_key, stripe_version=API_VERSION, base_addresses={"api": account.url}
        ).v1
        self.account = StripeAccount(
            account.api_key, network="main", base_url=account.url, pace=Pace(10_000.0)
        )
        self.dispatcher = Dispatcher(
            self.store,
            clock=clock,
            wake=lambda _change: None,
            ask=lambda _networks, kind, key: self.ask(kind, key),
            quote_key=KEY,
        )
        self.renewals = Renewals(
            self.store,
            client_for=lambda _id: self.client(),
            clock=clock,
            backoff=Backoff(waits=(1.0,), patience=3, stuck=1.0),
            settle=0.0,
        )
        self.asked: list[str] = []
        self._delivered = 0

    # -- the network ------------------------------------------------------------------

    def client(self) -> NetworkClient:
        return NetworkClient(
            Endpoint(self.network.url, "sandbox-key", "sandbox-secret"),
            name="main",
            retries=Retries(attempts=1),
            clock=self.clock,
        )

    def enrol(self, **fields: Any) -> None:
        """Let the membership be on Premium, active, and paid for a month; then mirror it."""
        premium: dict[str, Any] = {
            "plan_id": PREMIUM_ID,
            "amount": 49,
            "recurring": True,
            "duration": 1,
            "duration_unit": "month",
            "status": "active",
            "times_billed": 1,
            "date_expiration": datetime(2026, 12, 24, 23, 59, 59, tzinfo=UTC),
        }
        with self.client() as client, Session(self.store) as session:
            client.update(Entity.MEMBERSHIP, MEMBER, {**premium, **fields})
            rows = [shown(row) for row in client.find(Entity.MEMBERSHIP)]
            write_rows(
                session.connection(), self.network_id, "membership", rows, asked_at=self.clock()
            )
            session.commit()

    @property
    def member(self) -> MembershipRow:
        """The membership as the network has it."""
        with self.client() as client:
            row = client.get(Entity.MEMBERSHIP, MEMBER)
        assert isinstance(row, MembershipRow)
        return row

    @property
    def payments(self) -> list[PaymentRow]:
        """The membership's payments on the network that Stripe collected, oldest first."""
        with self.client() as client:
            rows = client.find(Entity.PAYMENT, membership_id=MEMBER, gateway="stripe")
        return sorted((row for row in rows if isinstance(row, PaymentRow)), key=lambda one: one.id)

    # -- Stripe -----------------------------------------------------------------------

    def subscribe(self, card: str = "pm_card_visa", **more: Any) -> Any:
        """A subscription of the membership, as planbridge makes them."""
        product = self.api.products.create({"name": "Premium"})
        price = self.api.prices.create(
            {
                "product": product.id,
                "unit_amount": PRICE,
                "currency": "usd",
                "recurring": {"interval": "month"},
            }
        )
        customer = self.api.customers.create(
            {"payment_method": card, "invoice_settings": {"default_payment_method": card}}
        )
        reference = {
            "planbridge_network": "main",
            "planbridge_membership": str(MEMBER),
        }
        return self.api.subscriptions.create(
            {
                "customer": customer.id,
                "items": [{"price": price.id}],
                "metadata": reference,
                **more,
            }
        )

    def change_card(self, subscription: Any, card: str) -> None:
        """The customer's card behaves like another one from now on."""
        customer = self.api.customers.retrieve(subscription.customer)
        self.stripe.change_card(customer.invoice_settings.default_payment_method, card)

    def ask(self, kind: str, key: str) -> dict[str, Any] | None:
        """What the dispatcher asks Stripe for."""
        self.asked.append(key)
        return look_up(self.account, kind, key)

    # -- time -------------------------------------------------------------------------

    def deliver(
        self,
        *,
        order: Callable[[Sequence[dict[str, Any]]], Sequence[dict[str, Any]]] = lambda seen: seen,
    ) -> None:
        """Bring every new event, in this order, and do what follows."""
        events = self.stripe.events()
        fresh, self._delivered = events[self._delivered :], len(events)
        for event in order(fresh):
            self.keep(event)
            self.dispatcher.run_due()
        self.work()

    def keep(self, event: dict[str, Any]) -> None:
        endpoint = EndpointInfo(self.network_id, "main", self.stripe.account)
        with self.store.begin() as connection:
            EventRepository(connection).insert_new(
                [new_event(json.dumps(event).encode(), endpoint, now=self.clock())]
            )

    def work(self) -> None:
        """Let billing settle."""
        while self.renewals.sweep():
            pass

    def pass_days(self, days: int) -> None:
        """Day after day, with everything that happens on it."""
        for _ in range(days):
            self.stripe.advance(DAY)
            self.deliver()

    # -- planbridge -------------------------------------------------------------------

    @property
    def billing(self) -> Billing:
        with Session(self.store, expire_on_commit=False) as session:
            found = BillingRepository(session).find(self.network_id, MEMBER)
        assert found is not None
        return found

    def events(self, *states: EventState) -> list[EventSummary]:
        with self.store.connect() as connection:
            return EventRepository(connection).list(
                EventFilter(states=states or None), limit=10_000
            )


def shuffled(seed: int) -> Callable[[Sequence[dict[str, Any]]], Sequence[dict[str, Any]]]:
    """Any order, the same for the same seed."""

    def order(events: Sequence[dict[str, Any]]) -> Sequence[dict[str, Any]]:
        mixed = list(events)
        random.Random(seed).shuffle(mixed)
        return mixed

    return order


@contextmanager
def staged(folder: Path) -> Iterator[Stage]:
    """A stage for one story."""
    clock = SandboxClock(NOW)
    with (
        SandboxNetwork(clock=clock) as network,
        SandboxStripe(account="acct_stage", clock=clock) as account,
    ):
        made = Stage(network, account, clock, folder)
        made.enrol()
        yield made
        made.store.dispose()
