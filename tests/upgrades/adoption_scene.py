"""A network whose plugin bills members at a Stripe account, and what takes them over."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import stripe
from sqlalchemy import Engine
from sqlmodel import Session

from bridge.network.client import NetworkClient
from bridge.payments.adoption import BilledAtStripe
from bridge.payments.client import API_VERSION, StripeAccount
from bridge.payments.pace import Pace
from bridge.sandbox.releases import Release
from bridge.sandbox.server import SandboxNetwork
from bridge.sandbox.stripe_server import SandboxStripe
from bridge.store.adoptions import AdoptionRepository
from bridge.store.tables import AdoptionRecord, AdoptionStep, Network
from bridge.upgrades.adopting import Adopting, Outcome
from bridge.upgrades.adoption_ground import Ground, StripeSide
from tests.upgrades.scene import Scene, utc_now

ONE, TWO = 3, 2
"""Memberships of the sandbox's example that the plugin bills: 58 and 19.99 a month."""
FREE, MANUAL = 1, 4
GATEWAY = ("gateway", "gateway_customer_id", "gateway_subscription_id")


class AdoptionScene:
    """Everything of one test. `ONE` renews by itself, `TWO` does not (``auto_renew`` off)."""

    def __init__(self, folder: Path, release: Release = Release.HEAD) -> None:
        self.sandbox = SandboxNetwork(release=release)
        self.stripe = SandboxStripe(account="acct_lab")
        self._folder = folder

    def __enter__(self) -> AdoptionScene:
        self.sandbox.start()
        self.stripe.start()
        self.api = stripe.StripeClient(
            self.stripe.api_key,
            stripe_version=API_VERSION,
            base_addresses={"api": self.stripe.url},
        ).v1
        self.endpoint = self.api.webhook_endpoints.create(
            {"url": f"{self.sandbox.url}/?wu-gateway=stripe", "enabled_events": ["*"]}
        ).id
        self.bill(ONE, 5800, auto_renew=True)
        self.bill(TWO, 1999, auto_renew=False, gateway="stripe-checkout")
        self.scene = Scene(self.sandbox, self._folder)
        self.forget()
        return self

    def __exit__(self, *_: object) -> None:
        self.scene.store.dispose()
        self.stripe.stop()
        self.sandbox.stop()

    # -- both sides ---------------------------------------------------------------------

    def bill(self, membership: int, cents: int, **fields: Any) -> str:
        """Let the plugin bill a membership by a subscription; its id."""
        customer = self.api.customers.create({"email": f"m{membership}@example.test"}).id
        card = self.api.payment_methods.attach("pm_card_visa", {"customer": customer}).id
        made = self.subscribe(customer, membership, cents, card)
        self.set(
            membership,
            **{
                "gateway": "stripe",
                "gateway_customer_id": customer,
                "gateway_subscription_id": made,
                **fields,
            },
        )
        return made

    def subscribe(self, customer: str, membership: int, cents: int, card: str = "") -> str:
        """A subscription as the plugin makes them; its id."""
        product = self.api.products.create({"name": "Plan of the network"}).id
        price = {
            "currency": "usd",
            "product": product,
            "unit_amount": cents,
            "recurring": {"interval": "month"},
        }
        parameters: dict[str, Any] = {
            "customer": customer,
            "items": [{"price_data": price}],
            "metadata": {"key": str(membership), "membership_id": str(membership)},
        }
        if card:
            parameters["default_payment_method"] = card
        return self.api.subscriptions.create(parameters).id

    def set(self, membership: int, **fields: Any) -> None:
        """Change a membership as if it had always been so."""
        with self.sandbox.state.changing():
            row = self.row(membership)
            self.sandbox.state.save("membership", membership, {**row, **fields})

    def row(self, membership: int) -> Mapping[str, Any]:
        row = self.sandbox.state.row("membership", membership)
        assert row is not None
        return row

    def renews(self, membership: int) -> bool:
        """Whether the membership is set to renew by itself."""
        return bool(self.row(membership)["auto_renew"])

    def subscription(self, membership: int) -> dict[str, Any]:
        """The subscription that a membership names, as it is now."""
        named = self.row(membership)["gateway_subscription_id"]
        found: dict[str, Any] = self.api.subscriptions.retrieve(named).to_dict()
        return found

    def metadata(self, membership: int) -> dict[str, str]:
        """planbridge's metadata of the subscription."""
        metadata = self.subscription(membership)["metadata"]
        return {name: value for name, value in metadata.items() if name.startswith("planbridge")}

    def listens(self) -> bool:
        """Whether the plugin's endpoint is enabled."""
        return bool(self.api.webhook_endpoints.retrieve(self.endpoint).status == "enabled")

    def forget(self) -> None:
        """Let the journals begin here."""
        self.sandbox.journal.clear()
        self.stripe.requests.clear()

    def asked_of_network(self) -> list[Any]:
        # Stripe's events arrive at the same socket.
        return [each.body for each in self.sandbox.journal.writes("/wp-json/")]

    def asked_of_stripe(self) -> list[tuple[str, str]]:
        return [(each.method, each.path) for each in self.stripe.requests.writes()]

    # -- planbridge ---------------------------------------------------------------------

    @property
    def store(self) -> Engine:
        return self.scene.store

    def ground(self, side: StripeSide | None = None, client: NetworkClient | None = None) -> Ground:
        with Session(self.store, expire_on_commit=False) as session:
            network = session.get(Network, self.scene.network_id)
        assert network is not None
        account = StripeAccount(
            self.stripe.api_key,
            network="main",
            base_url=self.stripe.url,
            retries=0,
            pace=Pace(per_second=10_000),
        )
        return Ground(
            store=self.store,
            network=network,
            client=client or self.scene.client(),
            stripe=side or BilledAtStripe(account),
            clock=utc_now,
        )

    def adopting(self) -> Adopting:
        return Adopting(self.ground())

    def run(self, *memberships: int) -> dict[int, Outcome]:
        return {each.membership_id: each for each in self.adopting().run(memberships)}

    def revert(self, *memberships: int) -> dict[int, Outcome]:
        return {each.membership_id: each for each in self.adopting().revert(memberships)}

    def record(self, membership: int) -> AdoptionRecord | None:
        with Session(self.store, expire_on_commit=False) as session:
            return AdoptionRepository(session, self.scene.network_id).find(membership)

    def steps(self, membership: int) -> list[AdoptionStep]:
        with Session(self.store, expire_on_commit=False) as session:
            return AdoptionRepository(session, self.scene.network_id).steps(membership)
