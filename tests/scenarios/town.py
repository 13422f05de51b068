"""Networks on one Stripe account, and the whole of planbridge between them, on a moving clock.

Unlike the stage, nothing is left out: changes are quoted, collected, carried out on the
network by the engine's stages and proven, renewals and refunds follow the events, and the
plugin of each network does at Stripe what it does there when a membership is saved.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import stripe
from sqlmodel import Session

from bridge.domain.periods import Period
from bridge.network.entities import Entity
from bridge.network.records import PaymentRow
from bridge.payments.adoption import BilledAtStripe
from bridge.payments.client import API_VERSION
from bridge.payments.lookup import look_up
from bridge.sandbox.example_limits import EXTRA_DISK_SPACE
from bridge.sandbox.examples import BASIC_ID, EXTRA_DISK_SPACE_ID, member, seed
from bridge.sandbox.network_state import NetworkState
from bridge.sandbox.plugin_stripe import PluginStripe
from bridge.sandbox.server import SandboxNetwork
from bridge.sandbox.stripe_clock import SandboxClock
from bridge.sandbox.stripe_server import SandboxStripe
from bridge.settings import load_settings
from bridge.store import schema
from bridge.store.changes import ChangeRepository
from bridge.store.engine import make_engine
from bridge.store.events import EventFilter, EventRepository
from bridge.store.networks import Credentials, NetworkRepository
from bridge.store.quotes import GivenQuote
from bridge.store.seals import Seal
from bridge.store.tables import Change, ChangeState, EventState, Network
from bridge.upgrades.adopting import Adopting, Outcome
from bridge.upgrades.adoption_ground import Ground
from bridge.upgrades.intent import request_change, revoke_change
from bridge.upgrades.outcomes import Backoff
from bridge.upgrades.quoting import Choice, give_quote
from bridge.upgrades.steps import STAGES, Steps
from bridge.wiring import App
from sync.catalogue import Proposal, take
from sync.learning import learn
from sync.passes import run as sync
from tests.scenarios.at_stripe import AtStripe
from webhooks.dispatch import Dispatcher
from webhooks.endpoints import EndpointInfo
from webhooks.envelope import new_event

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
DAY = timedelta(days=1)
TERM_END = "2026-12-24 23:59:59"
FREE_MEMBER, BASIC_MEMBER, PREMIUM_MEMBER, YEARLY_MEMBER = 1, 2, 3, 4
TRIAL_MEMBER = 8
YEAR, MONTH = Period(1, "year"), Period(1, "month")
GOOD_CARD, BAD_CARD = "pm_card_visa", "pm_card_chargeCustomerFail"
QUICK = Backoff(waits=(1.0,), patience=3, stuck=1.0)
_ROUNDS = 40


def example(state: NetworkState) -> None:
    """The handbook's network; Basic is of the group of Premium, and nobody is billed yet."""
    seed(state)
    member(state, plan=6, status="trialing", days_left=14)
    state.save(
        "product", BASIC_ID, {**_row(state, "product", BASIC_ID), "product_group": "High End"}
    )
    for key in (BASIC_MEMBER, PREMIUM_MEMBER):
        state.save(
            "membership",
            key,
            {
                **_row(state, "membership", key),
                "gateway": "manual",
                "gateway_customer_id": "",
                "gateway_subscription_id": "",
                "date_expiration": TERM_END,
                "date_renewed": "2026-11-24 12:00:00",
            },
        )


class Town(AtStripe):
    """Everything of one story. ``names`` are the networks; "main" is meant unless another is."""

    def __init__(
        self, folder: Path, *, names: Sequence[str] = ("main",), version: str = ""
    ) -> None:
        self.clock = SandboxClock(NOW)
        versions = {"api_version": version} if version else {}
        self.stripe = SandboxStripe(account="acct_town", clock=self.clock, **versions)
        self._folder, self._names = folder, names
        self._open = ExitStack()
        self.places: dict[str, SandboxNetwork] = {}
        self.lost: frozenset[str] = frozenset()
        """Types of events that never arrive."""
        self._delivered = 0

    def __enter__(self) -> Town:
        self._open.enter_context(self.stripe)
        settings = load_settings(
            data_dir=self._folder, log_level="error", stripe_url=self.stripe.url
        )
        store = make_engine(settings.store_url)
        self._open.callback(store.dispose)
        schema.upgrade(store)
        self.app = App(settings, store, Seal(settings.sealing_keys()), self.clock)
        for name in self._names:
            self._settle_in(name)
        self.api: Any = stripe.StripeClient(
            self.stripe.api_key, stripe_version=API_VERSION, base_addresses={"api": self.stripe.url}
        ).v1
        self.collecting = self.app.collecting()
        self.renewals = self.app.renewals(settle=0.0, backoff=QUICK)
        self.dispatcher = Dispatcher(
            store,
            clock=self.clock,
            wake=lambda _change: None,
            ask=self._ask,
            quote_key=self.app.quote_key,
        )
        self.engine = self.app.upgrade_engine()
        self.steps = Steps(
            store=store,
            client_for=self.app.client_for,
            account_for=self.app.account_for,
            clock=self.clock,
            backoff=QUICK,
            settle=0.0,
        )
        return self

    def __exit__(self, *_: object) -> None:
        self._open.close()

    # -- the networks -----------------------------------------------------------------

    def network(self, name: str = "main") -> Network:
        return self.app.network(name)

    def mirror(self, name: str = "main") -> None:
        """A whole sync."""
        network = self.network(name)
        with self.app.client(network) as client:
            sync(self.app.engine, network, client, clock=self.clock)

    def set(self, membership: int, name: str = "main", **fields: Any) -> None:
        """Change a membership as if it had always been so, and mirror it."""
        state = self.places[name].state
        with state.changing():
            state.save(
                "membership", membership, {**_row(state, "membership", membership), **fields}
            )
        self.mirror(name)

    def row(self, membership: int, name: str = "main") -> Mapping[str, Any]:
        """The membership as the network keeps it."""
        return _row(self.places[name].state, "membership", membership)

    def payments(self, membership: int, name: str = "main") -> list[PaymentRow]:
        """What Stripe collected for a membership, as the network has it, oldest first."""
        with self.app.client(self.network(name)) as client:
            rows = client.find(Entity.PAYMENT, membership_id=membership, gateway="stripe")
        return sorted((row for row in rows if isinstance(row, PaymentRow)), key=lambda one: one.id)

    # -- the plugin's own billing -----------------------------------------------------

    def bill_by_plugin(
        self,
        membership: int,
        *,
        cents: int,
        lists: int = 0,
        name: str = "main",
        unit: str = "month",
    ) -> str:
        """Let the plugin bill a membership, at a list price less a coupon for ever; its id."""
        customer = self.api.customers.create({"email": f"m{membership}@example.test"}).id
        card = self.api.payment_methods.attach(GOOD_CARD, {"customer": customer}).id
        price = {
            "currency": "usd",
            "product": self.api.products.create({"name": "Basic"}).id,
            "unit_amount": lists or cents,
            "recurring": {"interval": unit},
        }
        parameters: dict[str, Any] = {
            "customer": customer,
            "default_payment_method": card,
            "items": [{"price_data": price}],
            "metadata": {"key": str(membership), "membership_id": str(membership)},
        }
        if lists:
            coupon = f"{lists - cents}-usd-forever"
            self.api.coupons.create(
                {
                    "id": coupon,
                    "amount_off": lists - cents,
                    "currency": "usd",
                    "duration": "forever",
                }
            )
            parameters["discounts"] = [{"coupon": coupon}]
        made = str(self.api.subscriptions.create(parameters).id)
        self.set(
            membership,
            name,
            amount=cents / 100,
            gateway="stripe",
            gateway_customer_id=customer,
            gateway_subscription_id=made,
            auto_renew=True,
        )
        self.deliver()
        return made

    def adopting(self, name: str = "main") -> Adopting:
        network = self.network(name)
        account = self.app.stripe_account(network)
        assert account is not None
        client = self._open.enter_context(self.app.client(network))
        return Adopting(
            Ground(
                store=self.app.engine,
                network=network,
                client=client,
                stripe=BilledAtStripe(account),
                clock=self.clock,
            )
        )

    def adopt(self, membership: int, name: str = "main") -> Outcome:
        (outcome,) = self.adopting(name).run([membership])
        assert outcome.done, outcome.reason
        return outcome

    # -- the customer -----------------------------------------------------------------

    def quote(
        self,
        membership: int,
        *products: str,
        period: Period | None = None,
        dropped: tuple[str, ...] = (),
        name: str = "main",
    ) -> GivenQuote:
        with self.app.session() as session:
            given = give_quote(
                session,
                self.network(name),
                membership,
                Choice(products=products, period=period, dropped=dropped),
                now=self.clock(),
                key=self.app.quote_key,
                minutes=60,
            )
        assert given.quote.possible, given.quote.errors
        return given

    def ask(self, given: GivenQuote) -> str:
        with self.app.session() as session:
            return request_change(session, given, self.clock()).id

    def collect(self, change: str, name: str = "main", *, card: str = GOOD_CARD) -> None:
        """Collect it now; where a page is shown, the customer pays there."""
        asked = self.collecting.collect(self.network(name), change)
        if asked.url is not None and not asked.paid:
            self.stripe.complete_checkout(asked.url.rsplit("/", 1)[1], payment_method=card)

    def buy(
        self,
        membership: int,
        *products: str,
        period: Period | None = None,
        dropped: tuple[str, ...] = (),
        name: str = "main",
    ) -> tuple[GivenQuote, Change]:
        """Quote, ask, pay, and let it be carried out."""
        given = self.quote(membership, *products, period=period, dropped=dropped, name=name)
        change = self.ask(given)
        if given.quote.due_now:
            self.collect(change, name)
        self.settle()
        return given, self.change(change)

    def revoke(self, change: str) -> None:
        with self.app.session() as session:
            revoke_change(session, change, self.clock())
        self.settle()

    # -- time -------------------------------------------------------------------------

    def settle(self) -> None:
        """Let everything that follows from what has happened so far happen."""
        for _ in range(_ROUNDS):
            worked = self.deliver() + self.renewals.sweep() + self.engine.sweep()
            worked += self._carry_out() + self.collecting.sweep()
            if not worked:
                return
        raise AssertionError("it does not come to rest")

    def pass_days(self, days: int) -> None:
        for _ in range(days):
            self.stripe.advance(DAY)
            self.settle()

    def deliver(self) -> int:
        """Bring every new event, through the first network's endpoint."""
        events = self.stripe.events()
        fresh, self._delivered = events[self._delivered :], len(events)
        network = self.network(self._names[0])
        endpoint = EndpointInfo(network.key, network.name, self.stripe.account)
        for event in fresh:
            if event["type"] in self.lost:
                continue
            with self.app.engine.begin() as connection:
                EventRepository(connection).insert_new(
                    [new_event(json.dumps(event).encode(), endpoint, now=self.clock())]
                )
        self.dispatcher.run_due()
        return len(fresh)

    # -- planbridge -------------------------------------------------------------------

    def change(self, change: str) -> Change:
        with self.app.session() as session:
            return ChangeRepository(session).get(change)

    def steps_of(self, change: str) -> dict[str, dict[str, Any]]:
        """What was written down of each stage."""
        with self.app.session() as session:
            return {
                step.name: {"state": step.state, **step.detail}
                for step in ChangeRepository(session).steps(change)
            }

    def left_over(self) -> list[str]:
        """Events that somebody has to look at."""
        states = (EventState.WAITING, EventState.ATTENTION, EventState.FAILED)
        with self.app.engine.connect() as connection:
            found = EventRepository(connection).list(EventFilter(states=states))
        return [f"{event.type}: {event.reason}" for event in found]

    # -- inside -----------------------------------------------------------------------

    def _settle_in(self, name: str) -> None:
        plugin = PluginStripe(self.stripe.url, self.stripe.api_key)
        place = SandboxNetwork(example=example, clock=self.clock, stripe=plugin)
        self.places[name] = self._open.enter_context(place)
        with self.app.session() as session:
            NetworkRepository(session, self.app.seal).add(
                name,
                place.url,
                Credentials(place.api_key, place.api_secret),
                now=NOW,
                stripe_key=self.stripe.api_key,
                stripe_account=self.stripe.account,
            )
        self.mirror(name)
        network = self.network(name)
        with self.app.session() as session:
            take(session, network, learn(session, network).proposal, clock=self.clock)
            by_hand = Proposal(source="file", limits={EXTRA_DISK_SPACE_ID: EXTRA_DISK_SPACE})
            take(session, network, by_hand, clock=self.clock)

    def _ask(self, networks: Sequence[int], kind: str, key: str) -> dict[str, Any] | None:
        account = self.app.account_for(networks[0])
        assert account is not None
        return look_up(account, kind, key)

    def _carry_out(self) -> int:
        """The stages of the engine, as its workflow runs them; one that waits waits."""
        worked = 0
        with Session(self.app.engine, expire_on_commit=False) as session:
            changes = ChangeRepository(session)
            ready = [*changes.ready(self.clock()), *changes.at_work()]
        for change in ready:
            if change.state is ChangeState.ATTENTION:
                continue
            for stage in STAGES:
                worked += 1
                if self.steps.run(stage, change.id, 0)["verdict"] != "go_on":
                    break
        return worked


def _row(state: NetworkState, table: str, key: int) -> dict[str, Any]:
    row = state.row(table, key)
    assert row is not None
    return dict(row)
