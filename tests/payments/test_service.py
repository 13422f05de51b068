"""The whole way over sockets: quote, collect, payment page, signed event, proven on every site."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from bridge.sandbox.server import SandboxNetwork
from bridge.sandbox.stripe_server import SandboxStripe
from bridge.settings import load_settings
from bridge.store import schema
from bridge.store.engine import make_engine
from bridge.store.networks import Credentials, NetworkRepository
from bridge.web.server import BackgroundService
from bridge.wiring import App, open_app, web_app
from sync.catalogue import take
from sync.learning import learn
from sync.passes import run

TOKEN = "operator-token-of-the-tests"
FREE_MEMBERSHIP, OTHER_FREE_MEMBERSHIP = 1, 5


@pytest.fixture(scope="module")
def network() -> Iterator[SandboxNetwork]:
    with SandboxNetwork() as running:
        yield running


@pytest.fixture(scope="module")
def stripe() -> Iterator[SandboxStripe]:
    with SandboxStripe(account="acct_service", secret="whsec_service") as running:
        yield running


@pytest.fixture(scope="module")
def planbridge(
    network: SandboxNetwork, stripe: SandboxStripe, tmp_path_factory: pytest.TempPathFactory
) -> App:
    """planbridge with one network that is in the mirror, limits known."""
    settings = load_settings(
        {},
        data_dir=tmp_path_factory.mktemp("service"),
        api_token=TOKEN,
        log_level="error",
        stripe_url=stripe.url,
    )
    schema.upgrade(make_engine(settings.store_url))
    opened = open_app(settings)
    with opened.session() as session:
        NetworkRepository(session, opened.seal).add(
            "main",
            network.url,
            Credentials(network.api_key, network.api_secret),
            now=opened.clock(),
            stripe_secrets=[stripe.secret],
            stripe_account=stripe.account,
            stripe_key=stripe.api_key,
        )
    place = opened.network("main")
    with opened.client(place) as client:
        assert run(opened.engine, place, client, clock=opened.clock).complete
    with opened.session() as session:
        take(session, place, learn(session, place).proposal, clock=opened.clock)
    return opened


@pytest.fixture(scope="module")
def service(planbridge: App, stripe: SandboxStripe) -> Iterator[BackgroundService]:
    with BackgroundService(web_app(planbridge)) as running:
        stripe.send_events_to(f"{running.url}/webhooks/stripe/main")
        yield running


class Caller:
    """The operator's calls."""

    def __init__(self, url: str) -> None:
        self._url = f"{url}/v1/networks/main"

    def __call__(self, method: str, path: str, body: object = None) -> Any:
        answer = requests.request(
            method,
            self._url + path,
            json=body,
            headers={"Authorization": f"Bearer {TOKEN}"},
            timeout=30,
        )
        return answer.json() if answer.ok else (answer.status_code, answer.json())

    def change(self, membership: int, product: str) -> tuple[Any, Any]:
        """Quote a product and ask for it."""
        quote = self("POST", f"/memberships/{membership}/quotes", {"products": [product]})
        assert isinstance(quote, dict), quote
        change = self("POST", "/changes", {"quote": quote["id"]})
        assert isinstance(change, dict), change
        return quote, change

    def wait_for(self, change_id: str, state: str, seconds: float = 30) -> Any:
        deadline = time.monotonic() + seconds
        while True:
            change = self("GET", f"/changes/{change_id}")
            if change["state"] == state:
                return change
            assert time.monotonic() < deadline, [
                (e["type"], e["state"], e["reason"], e["change_id"])
                for e in self("GET", "/events")["items"]
            ] + [change["state"], change["reason"]]
            time.sleep(0.05)


@pytest.fixture
def call(service: BackgroundService) -> Caller:
    return Caller(service.url)


def test_a_page_is_paid_and_every_site_is_proven(
    call: Caller, stripe: SandboxStripe, network: SandboxNetwork
) -> None:
    """Free to Premium: the customer pays once, on Stripe's page; nobody calls anything else."""
    quote, change = call.change(FREE_MEMBERSHIP, "premium")
    collected = call("POST", f"/changes/{change['id']}/collect")
    assert collected["how"] == "checkout_subscription"
    again = call("POST", f"/changes/{change['id']}/collect", {})
    assert again["url"] == collected["url"]
    assert call("GET", f"/changes/{change['id']}")["state"] == "awaiting_payment"
    shown = call("GET", f"/changes/{change['id']}/collection")
    assert (shown["state"], shown["how"], shown["url"]) == (
        "waiting",
        "checkout_subscription",
        collected["url"],
    )
    stripe.complete_checkout(collected["url"].rsplit("/", 1)[1])
    proven = call.wait_for(change["id"], "proven")
    assert proven["amount_paid"] == quote["due_now"]
    member = call("GET", f"/memberships/{FREE_MEMBERSHIP}")
    assert member["amount"] == quote["recurring_total"]


def test_the_customer_is_sent_where_the_caller_says(call: Caller, stripe: SandboxStripe) -> None:
    _, change = call.change(OTHER_FREE_MEMBERSHIP, "premium")
    back = "https://network.example.test/account?done"
    call("POST", f"/changes/{change['id']}/collect", {"success_url": back})
    page = stripe.state.find("checkout.session")[-1]
    assert page["success_url"] == back
    refused = call("POST", f"/changes/{change['id']}/collect", {"success_url": "javascript:x"})
    assert refused[0] == 422


def test_a_revoked_change_closes_its_page_by_itself(call: Caller, stripe: SandboxStripe) -> None:
    """Nobody has to sweep: revoking wakes what takes back."""
    _, change = call.change(OTHER_FREE_MEMBERSHIP, "premium")
    call("POST", f"/changes/{change['id']}/collect")
    call("POST", f"/changes/{change['id']}/revoke")
    deadline = time.monotonic() + 30
    while stripe.state.find("checkout.session")[-1]["status"] != "expired":
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert call("POST", f"/changes/{change['id']}/collect")[0] == 409


def test_an_unknown_change_is_not_found(call: Caller) -> None:
    assert call("POST", "/changes/chg_none/collect")[0] == 404
    assert call("GET", "/changes/chg_none/collection")[0] == 404


def test_the_key_is_nowhere_to_be_read(
    call: Caller, planbridge: App, stripe: SandboxStripe, tmp_path: Path
) -> None:
    """Neither over the API nor in the clear in the database."""
    assert stripe.api_key not in str(call("GET", ""))
    for path in planbridge.settings.data_dir.glob("*.sqlite*"):
        assert stripe.api_key.encode() not in path.read_bytes()
