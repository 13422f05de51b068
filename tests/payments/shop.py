"""A shop for tests: a mirror, a stand-in for Stripe on a real socket, and what collects."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import stripe
from cryptography.fernet import Fernet
from sqlalchemy import Engine
from sqlmodel import Session, select

from bridge.domain.expiration import renewed_expiration
from bridge.domain.memberships import Membership, MembershipStatus
from bridge.domain.money import exponent
from bridge.domain.periods import Period
from bridge.domain.terms import FairTerms, NetworkTerms
from bridge.payments.client import API_VERSION, StripeAccount
from bridge.payments.lookup import look_up
from bridge.payments.pace import Pace
from bridge.sandbox.stripe_clock import SandboxClock
from bridge.sandbox.stripe_server import SandboxStripe
from bridge.store.changes import ChangeRepository
from bridge.store.collections import CollectionRepository
from bridge.store.events import EventRepository
from bridge.store.mirror import Shown, write_rows
from bridge.store.networks import Credentials, NetworkRepository
from bridge.store.quotes import GivenQuote
from bridge.store.readers import load_membership
from bridge.store.seals import Seal
from bridge.store.tables import (
    Change,
    ChangeState,
    CollectionRecord,
    CollectionState,
    CustomerRecord,
    PriceVariationRecord,
    ProductRecord,
    WebhookEvent,
)
from bridge.upgrades.collecting import Collected, Collecting
from bridge.upgrades.intent import request_change, revoke_change
from bridge.upgrades.quoting import Choice, give_quote
from bridge.upgrades.target import membership_fields
from tests.memberships import membership_columns
from webhooks.dispatch import Dispatcher
from webhooks.endpoints import EndpointInfo
from webhooks.envelope import new_event

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
KEY = b"the key that signs quotes"
MEMBERSHIP, CUSTOMER = 7, 3
FREE, BASIC, PREMIUM, LIFETIME = 1, 2, 3, 4
STORAGE, SETUP_HELP = 5, 6
MONTH, YEAR = Period(1, "month"), Period(1, "year")

_PRODUCTS: dict[int, dict[str, Any]] = {
    FREE: {"name": "Free", "type": "plan", "pricing_type": "free", "amount": 0},
    BASIC: {"name": "Basic", "type": "plan", "amount": 1000},
    PREMIUM: {"name": "Premium", "type": "plan", "amount": 3000, "setup_fee": 0},
    LIFETIME: {"name": "Lifetime", "type": "plan", "amount": 90000, "recurring": False},
    STORAGE: {"name": "Storage", "type": "package", "amount": 500},
    SETUP_HELP: {"name": "Help", "type": "service", "amount": 2000, "recurring": False},
}


class Shop:
    """Everything of one test. Time stands still until it is moved.

    ``prices`` is by how much everything costs more, where a hundred units are next to nothing.
    """

    def __init__(
        self,
        store: Engine,
        *,
        currency: str = "USD",
        fair: FairTerms | None = None,
        policy: str = "fair",
        prices: int = 1,
        **membership: Any,
    ) -> None:
        self.store = store
        self._prices = prices
        self.clock = SandboxClock(NOW)
        self.stripe = SandboxStripe(account="acct_shop", clock=self.clock)
        self.seal = Seal([Fernet.generate_key().decode()])
        self.currency = currency
        self._saves = 0
        with Session(store, expire_on_commit=False) as session:
            self.network = NetworkRepository(session, self.seal).add(
                "main",
                "https://network.example.test",
                Credentials("key", "secret"),
                now=NOW,
                stripe_key=self.stripe.api_key,
                stripe_account="acct_shop",
                terms=NetworkTerms(currency=currency, policy=policy, fair=fair or FairTerms()),
            )
            session.commit()
            self._stock(session)
            self.enrol(MEMBERSHIP, **membership)
        self.accounts = {self.network.key: self.account()}
        self.collecting = Collecting(
            store,
            account_for=lambda network: self.accounts.get(network.key),
            clock=self.clock,
            quote_key=KEY,
        )
        self.dispatcher = Dispatcher(
            store,
            clock=self.clock,
            wake=lambda change: None,
            ask=lambda networks, kind, key: look_up(self.accounts[networks[0]], kind, key),
            quote_key=KEY,
        )
        self._delivered = 0

    def __enter__(self) -> Shop:
        self.stripe.start()
        self.api = stripe.StripeClient(
            self.stripe.api_key,
            stripe_version=API_VERSION,
            base_addresses={"api": self.stripe.url},
        ).v1
        return self

    def __exit__(self, *_: object) -> None:
        self.stripe.stop()

    def account(self, **options: Any) -> StripeAccount:
        """planbridge's side of the account, by the official package."""
        return StripeAccount(
            self.stripe.api_key,
            network="main",
            base_url=self.stripe.url,
            **{"pace": Pace(per_second=10_000), **options},
        )

    # -- the network --------------------------------------------------------------------

    def enrol(self, membership: int, **changed: Any) -> None:
        """Put a membership into the mirror; on Free unless told otherwise."""
        free = Membership(
            id=membership,
            customer_id=CUSTOMER,
            plan_id=FREE,
            currency=self.currency,
            amount=0,
            period=MONTH,
            status=MembershipStatus.ACTIVE,
            recurring=False,
            date_created=NOW - timedelta(days=90),
        )
        self.mirror(replace(free, **changed))

    def mirror(self, membership: Membership) -> None:
        """The membership as if just synced."""
        self._saves += 1
        columns = membership_columns(membership)
        with Session(self.store) as session, session.begin():
            write_rows(
                session.connection(),
                self.network.key,
                "membership",
                [Shown(membership.id, {"id": membership.id, "save": self._saves}, columns)],
                asked_at=self.clock(),
            )

    def member(self, membership: int = MEMBERSHIP) -> Membership:
        with Session(self.store) as session:
            return load_membership(session, self.network.key, membership)

    def carry_out(self, change_id: str) -> None:
        """What the engine does with an accepted change, without a network."""
        change = self.change(change_id)
        assert change.state is ChangeState.ACCEPTED, change.state
        before = self.member(change.membership_id)
        fields = membership_fields(change.target, before)
        scale = 10 ** exponent(self.currency)
        self.mirror(
            replace(
                before,
                plan_id=fields["plan_id"],
                addons=fields["addon_products"],
                amount=int(fields["amount"] * scale),
                initial_amount=int(fields["initial_amount"] * scale),
                period=Period(fields["duration"], fields["duration_unit"]),
                recurring=fields["recurring"],
                status=MembershipStatus(fields["status"]),
                date_expiration=fields["date_expiration"],
            )
        )
        self.move(change_id, ChangeState.PROVEN)

    def renewed(self, membership: int = MEMBERSHIP) -> None:
        """The term has been extended by one cycle, as after a renewal."""
        before = self.member(membership)
        until = renewed_expiration(before, now=self.clock(), policy="fair")
        self.mirror(replace(before, date_expiration=until))

    # -- planbridge ---------------------------------------------------------------------

    def quote(
        self, *products: int, membership: int = MEMBERSHIP, period: Period | None = None
    ) -> GivenQuote:
        with Session(self.store, expire_on_commit=False) as session:
            given = give_quote(
                session,
                session.merge(self.network),
                membership,
                Choice(products=products, period=period),
                now=self.clock(),
                key=KEY,
                minutes=60,
            )
            session.commit()
        assert given.quote.possible, given.quote.errors
        return given

    def ask(self, given: GivenQuote) -> str:
        """Ask for what a quote says; the change's id."""
        with Session(self.store) as session:
            change = request_change(session, given, self.clock())
            session.commit()
            return change.id

    def collect(self, change_id: str) -> Collected:
        return self.collecting.collect(self.network, change_id)

    def buy(self, *products: int, period: Period | None = None) -> tuple[GivenQuote, Collected]:
        """Quote, ask, collect."""
        given = self.quote(*products, period=period)
        return given, self.collect(self.ask(given))

    def revoke(self, change_id: str) -> None:
        with Session(self.store) as session:
            revoke_change(session, change_id, self.clock())
            session.commit()

    def sweep(self) -> int:
        return self.collecting.sweep()

    def due(self) -> None:
        """Scheduled changes whose day has come are taken up."""
        with Session(self.store) as session:
            changes = ChangeRepository(session)
            for change in changes.ready(self.clock()):
                changes.move(
                    change.id,
                    to=ChangeState.ACCEPTED,
                    came_from=(ChangeState.SCHEDULED,),
                    now=self.clock(),
                )
            session.commit()

    def change(self, change_id: str) -> Change:
        with Session(self.store, expire_on_commit=False) as session:
            return ChangeRepository(session).get(change_id)

    def changes(self) -> list[Change]:
        with Session(self.store, expire_on_commit=False) as session:
            return ChangeRepository(session).list(network_id=self.network.key)

    def collection(self, change_id: str) -> CollectionRecord:
        with Session(self.store, expire_on_commit=False) as session:
            found = CollectionRepository(session).find(change_id)
            assert found is not None
            return found

    def forget_answer(self, change_id: str) -> None:
        """As if the process had died between Stripe's answer and the commit of it."""
        with Session(self.store) as session:
            CollectionRepository(session).save(
                change_id,
                now=self.clock(),
                state=CollectionState.PLANNED,
                url="",
                stripe_id="",
            )
            session.commit()

    def move(self, change_id: str, state: ChangeState) -> None:
        with Session(self.store) as session:
            ChangeRepository(session).move(
                change_id, to=state, came_from=tuple(ChangeState), now=self.clock()
            )
            session.commit()

    # -- Stripe -------------------------------------------------------------------------

    def pay_page(self, url: str | None, card: str = "pm_card_visa") -> dict[str, Any]:
        """The customer pays on the page that he was sent to."""
        assert url is not None
        return self.stripe.complete_checkout(url.rsplit("/", 1)[1], payment_method=card)

    def give_card(self, card: str = "pm_card_visa") -> str:
        """Put a card on the customer's file and make it the default; the customer's id."""
        customer = self.stripe_customer()
        method = self.api.payment_methods.attach(card, {"customer": customer})
        self.api.customers.update(
            customer, {"invoice_settings": {"default_payment_method": method.id}}
        )
        return customer

    def stripe_customer(self) -> str:
        """The customer at Stripe, made if there is none."""
        with Session(self.store) as session:
            repository = CollectionRepository(session)
            known = repository.customer(self.network.key, CUSTOMER)
            if known is not None:
                return known.stripe_id
            made = self.api.customers.create({"email": "customer3@example.com"}).id
            repository.keep_customer(self.network.key, CUSTOMER, made, now=self.clock())
            session.commit()
            return made

    def deliver(self, *, puzzling: bool = False) -> list[str]:
        """Store and handle every event that was not yet; what became of each.

        Only where it is ``puzzling`` may something be left to the operator.
        """
        endpoint = EndpointInfo(self.network.key, "main", "acct_shop")
        events = self.stripe.events()
        fresh, self._delivered = events[self._delivered :], len(events)
        results = self.handle(fresh, endpoint)
        left = [line for line in results if ": attention" in line or ": failed" in line]
        assert puzzling or not left, left
        return results

    def handle(self, events: Iterable[dict[str, Any]], endpoint: EndpointInfo) -> list[str]:
        with self.store.begin() as connection:
            EventRepository(connection).insert_new(
                [
                    new_event(json.dumps(event).encode(), endpoint, now=self.clock())
                    for event in events
                ]
            )
        self.dispatcher.run_due()
        with Session(self.store) as session:
            rows = session.exec(select(WebhookEvent).order_by(WebhookEvent.id))
            return [f"{row.type}: {row.state.value} {row.reason}" for row in rows]

    def charged(self) -> list[int]:
        """Every sum that left a card, in Stripe's units, smallest first."""
        rows = self.api.charges.list({"limit": 100}).data
        return sorted(row.amount for row in rows if row.status == "succeeded")

    def subscriptions(self, status: str = "all") -> list[dict[str, Any]]:
        rows = self.api.subscriptions.list({"status": status, "limit": 100}).data
        return [row.to_dict() for row in rows]

    def live(self) -> dict[str, Any]:
        """The one live subscription."""
        live = [
            row
            for row in self.subscriptions()
            if row["status"] not in ("canceled", "incomplete_expired", "incomplete")
        ]
        assert len(live) == 1, [(row["id"], row["status"]) for row in live]
        return live[0]

    def next_bill(self) -> tuple[int, datetime]:
        """What Stripe will bill next, and when."""
        live = self.live()
        preview = self.api.invoices.create_preview({"subscription": live["id"]})
        ends = live["items"]["data"][0]["current_period_end"]
        return preview.total, datetime.fromtimestamp(ends, UTC)

    def _stock(self, session: Session) -> None:
        common = {"network_id": self.network.key, "fingerprint": "", "synced_at": NOW}
        for number, facts in _PRODUCTS.items():
            session.add(
                ProductRecord(
                    **common,
                    id=number,
                    slug=facts["name"].lower(),
                    currency=self.currency,
                    group="all" if facts["type"] == "plan" else "",
                    available_addons=[STORAGE, SETUP_HELP],
                    **{**facts, "amount": facts["amount"] * self._prices},
                )
            )
        for number, amount in ((BASIC, 10000), (PREMIUM, 30000), (STORAGE, 5000)):
            session.add(
                PriceVariationRecord(
                    network_id=self.network.key,
                    product_id=number,
                    duration=1,
                    duration_unit="year",
                    amount=amount * self._prices,
                )
            )
        session.add(CustomerRecord(**common, id=CUSTOMER, email="customer3@example.com"))
        session.commit()
