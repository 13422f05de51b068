"""The stage of the page tests: service, network and Stripe, each on a real socket."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests
from fastapi import FastAPI

from bridge.sandbox.server import SandboxNetwork
from bridge.sandbox.stripe_server import SandboxStripe
from bridge.settings import load_settings
from bridge.store import schema
from bridge.store.access import AccessRepository
from bridge.store.engine import make_engine
from bridge.store.networks import Credentials, NetworkRepository
from bridge.store.tables import Network
from bridge.web.server import BackgroundService
from bridge.wiring import App, open_app, web_app
from sync.catalogue import take
from sync.learning import learn
from sync.passes import run

NETWORK = "main"
TOKEN = "operator-token-of-the-tests"
COOKIE = "planbridge_account"


@dataclass(frozen=True)
class Stage:
    """A running service. Customer n of the network has membership n (`bridge.sandbox.examples`):

    1 Free with two sites, 2 Basic by month, 3 Premium with disk space, 4 Premium by year,
    5 Free, 6 Basic and expired, 7 Free and pending; from 8 on made-up ones.
    """

    planbridge: App
    network: SandboxNetwork
    stripe: SandboxStripe
    app: FastAPI
    url: str

    def account(self, path: str = "") -> str:
        """The address of an account page: ``account("memberships/1")``."""
        return f"{self.url}/account/{NETWORK}/{path}"

    def place(self) -> Network:
        """The network's row."""
        return self.planbridge.network(NETWORK)

    def session_token(self, customer: int, language: str = "") -> str:
        """The cookie's value of a new session of a customer."""
        with self.planbridge.session() as session:
            return AccessRepository(session).open(
                now=self.planbridge.clock(),
                lifetime=self.planbridge.settings.pages().session_lifetime,
                network_id=self.place().key,
                customer_id=customer,
                language=language,
            )

    def link(self, customer: int, *, language: str = "", to: str = "") -> str:
        """The address of a sign-in link for a customer, as the operator would send it."""
        token = self.planbridge.settings.pages().links.issue(
            NETWORK, customer, now=self.planbridge.clock(), language=language, to=to
        )
        return f"{self.account('enter')}?token={token}"

    def api(self, method: str, path: str, body: object = None) -> Any:
        """What ``/v1/networks/main/…`` answers to the operator."""
        answer = requests.request(
            method,
            f"{self.url}/v1/networks/{NETWORK}/{path}",
            json=body,
            headers={"Authorization": f"Bearer {TOKEN}"},
            timeout=30,
        )
        assert answer.ok, answer.text
        return answer.json()

    def ask(self, membership: int, *products: str, period: str | None = None) -> str:
        """Ask for a change as the customer would; its id."""
        wanted = {"products": list(products), "period": period}
        quote = self.api("POST", f"memberships/{membership}/quotes", wanted)
        assert quote["possible"], quote["errors"]
        change = self.api("POST", "changes", {"quote": quote["id"]})
        return str(change["id"])

    def buy(self, membership: int, *products: str) -> str:
        """A change that is asked for, paid on Stripe's page and proven; its id."""
        change = self.ask(membership, *products)
        page = self.api("POST", f"changes/{change}/collect")["url"]
        self.stripe.complete_checkout(page.rsplit("/", 1)[1])
        until(lambda: self.api("GET", f"changes/{change}")["state"] == "proven")
        return change

    def sync(self) -> None:
        """Mirror what the network has now."""
        place = self.place()
        with self.planbridge.client(place) as client:
            run(self.planbridge.engine, place, client, clock=self.planbridge.clock)


def until(holds: Callable[[], bool], seconds: float = 30.0) -> None:
    """Wait for something that other threads bring about."""
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, "it did not come about"
        time.sleep(0.05)


@contextmanager
def open_stage(folder: Path, *, memberships: int = 5, **settings: Any) -> Iterator[Stage]:
    """A stage of one's own; its files are kept in the folder."""
    with ExitStack() as stack:
        network = stack.enter_context(SandboxNetwork(memberships=memberships))
        stripe = stack.enter_context(SandboxStripe(account="acct_stage", tick=0.2))
        planbridge = _opened(folder, network, stripe, settings)
        app = web_app(planbridge)
        service = stack.enter_context(BackgroundService(app))
        stripe.send_events_to(f"{service.url}/webhooks/stripe/{NETWORK}")
        yield Stage(planbridge, network, stripe, app, service.url)


def _opened(
    folder: Path, network: SandboxNetwork, stripe: SandboxStripe, settings: dict[str, Any]
) -> App:
    given = load_settings(
        {},
        **{
            "data_dir": folder,
            "api_token": TOKEN,
            "stripe_url": stripe.url,
            "log_level": "error",
            **settings,
        },
    )
    schema.upgrade(make_engine(given.store_url))
    planbridge = open_app(given)
    with planbridge.session() as session:
        NetworkRepository(session, planbridge.seal).add(
            NETWORK,
            network.url,
            Credentials(network.api_key, network.api_secret),
            now=planbridge.clock(),
            stripe_key=stripe.api_key,
            stripe_account=stripe.account,
            stripe_secrets=[stripe.secret],
        )
    place = planbridge.network(NETWORK)
    with planbridge.client(place) as client:
        assert run(planbridge.engine, place, client, clock=planbridge.clock).complete
    with planbridge.session() as session:
        take(session, place, learn(session, place).proposal, clock=planbridge.clock)
    return planbridge
