"""A running service beside a stand-in network, both on real sockets."""

from __future__ import annotations

import hashlib
import hmac
import json
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import requests

from bridge.sandbox.server import SandboxNetwork
from bridge.settings import load_settings
from bridge.store import schema
from bridge.store.engine import make_engine
from bridge.store.networks import Credentials, NetworkRepository
from bridge.store.tables import Role
from bridge.web.server import BackgroundService
from bridge.wiring import App, open_app, web_app
from sync.catalogue import take
from sync.learning import learn
from sync.passes import run
from tests.web.console_stage import Browser, appoint

SECRET = "whsec_web_tests"
TOKEN = "operator-token-of-the-tests"


@dataclass(frozen=True)
class Caller:
    """Calls the API; ``token`` may be a wrong one."""

    url: str
    token: str | None = TOKEN

    def __call__(self, method: str, path: str, body: object = None) -> requests.Response:
        headers = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        return requests.request(method, f"{self.url}{path}", json=body, headers=headers, timeout=30)

    def network(self, method: str, path: str, body: object = None) -> Any:
        response = self(method, f"/v1/networks/main{path}", body)
        assert response.ok, response.text
        return response.json()


@pytest.fixture(scope="module")
def network() -> Iterator[SandboxNetwork]:
    with SandboxNetwork(memberships=12) as running:
        yield running


@pytest.fixture(scope="module")
def planbridge(network: SandboxNetwork, tmp_path_factory: pytest.TempPathFactory) -> App:
    folder: Path = tmp_path_factory.mktemp("service")
    settings = load_settings({}, data_dir=folder, api_token=TOKEN, log_level="error")
    schema.upgrade(make_engine(settings.store_url))
    opened = open_app(settings)
    with opened.session() as session:
        NetworkRepository(session, opened.seal).add(
            "main",
            network.url,
            Credentials(network.api_key, network.api_secret),
            now=opened.clock(),
            stripe_secrets=[SECRET],
        )
    place = opened.network("main")
    with opened.client(place) as client:
        assert run(opened.engine, place, client, clock=opened.clock).complete
    with opened.session() as session:
        take(session, place, learn(session, place).proposal, clock=opened.clock)
    return opened


@pytest.fixture(scope="module")
def service(planbridge: App) -> Iterator[BackgroundService]:
    with BackgroundService(web_app(planbridge)) as running:
        yield running


@pytest.fixture
def call(service: BackgroundService) -> Caller:
    return Caller(service.url)


def problem(response: requests.Response) -> dict[str, Any]:
    """The problem document of an answer, checked for its form (RFC 9457)."""
    assert response.headers["content-type"] == "application/problem+json"
    document: dict[str, Any] = json.loads(response.content)
    assert document["status"] == response.status_code
    assert document["title"]
    assert document["detail"]
    return document


def paid_intent(amount: int, metadata: dict[str, str]) -> bytes:
    """The body of a payment_intent.succeeded event."""
    number = uuid.uuid4().hex
    intent = {
        "id": f"pi_{number}",
        "object": "payment_intent",
        "amount": amount,
        "amount_received": amount,
        "currency": "usd",
        "status": "succeeded",
        "metadata": metadata,
    }
    event = {
        "id": f"evt_{number}",
        "object": "event",
        "type": "payment_intent.succeeded",
        "created": int(time.time()),
        "livemode": False,
        "api_version": "2025-02-24.acacia",
        "data": {"object": intent},
    }
    return json.dumps(event).encode()


def deliver(url: str, body: bytes, secret: str = SECRET) -> requests.Response:
    """Post an event signed as Stripe signs it."""
    now = int(time.time())
    signed = f"{now}.".encode() + body
    mac = hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()
    return requests.post(
        f"{url}/webhooks/stripe/main",
        data=body,
        headers={"Stripe-Signature": f"t={now},v1={mac}"},
        timeout=30,
    )


@pytest.fixture(scope="module")
def owner(planbridge: App, service: BackgroundService) -> Browser:
    """An owner who is signed in to the console."""
    appoint(planbridge, "owner@example.com", Role.OWNER)
    browser = Browser(service.url)
    assert browser.sign_in("owner@example.com").status_code == 303
    return browser
