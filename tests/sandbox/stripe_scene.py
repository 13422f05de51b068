"""A Stripe account for a test, the official client to it, and an endpoint that listens."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
import requests
import stripe
from stripe import StripeClient

from bridge.sandbox.stripe_clock import SandboxClock
from bridge.sandbox.stripe_server import SandboxStripe

START = datetime(2026, 1, 15, 12, 0, tzinfo=UTC)
DAY = timedelta(days=1)
ACACIA = "2025-02-24.acacia"
BASIL = "2026-07-29.dahlia"
SECRET = "whsec_of_the_scene"


def day(*date: int) -> datetime:
    """Noon of a day, in UTC."""
    year, month, number = date
    return datetime(year, month, number, 12, 0, tzinfo=UTC)


class Listener:
    """A webhook endpoint that keeps what it gets. ``status`` is what it answers."""

    def __init__(self, clock: Callable[[], datetime]) -> None:
        self.status = 200
        self.bodies: list[bytes] = []
        self.headers: list[dict[str, str]] = []
        self.at: list[datetime] = []
        listener = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                listener.bodies.append(body)
                listener.headers.append({k.lower(): v for k, v in self.headers.items()})
                listener.at.append(clock())
                self.send_response(listener.status)
                self.send_header("content-length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/hook"
        self.thread = threading.Thread(
            target=lambda: self.server.serve_forever(poll_interval=0.02), daemon=True
        )
        self.thread.start()

    @property
    def events(self) -> list[dict[str, Any]]:
        return [json.loads(body) for body in self.bodies]

    @property
    def types(self) -> list[str]:
        return [event["type"] for event in self.events]

    def close(self) -> None:
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()


class Scene:
    """One account at noon of 15 January 2026, and what tests often need of it."""

    def __init__(self) -> None:
        self.clock = SandboxClock(START)
        self.stripe = SandboxStripe(account="acct_scene", secret=SECRET, clock=self.clock).start()
        self._closing: list[Callable[[], None]] = [self.stripe.stop]
        self.client = self.client_of(BASIL)

    def client_of(self, version: str, *, retries: int = 0, key: str | None = None) -> StripeClient:
        return StripeClient(
            key or self.stripe.api_key,
            base_addresses={"api": self.stripe.url},
            stripe_version=version,
            max_network_retries=retries,
        )

    @property
    def v1(self) -> Any:
        return self.client.v1

    def listen(self, **options: Any) -> Listener:
        listener = Listener(self.clock)
        self._closing.append(listener.close)
        self.stripe.send_events_to(listener.url, **options)
        return listener

    def price(
        self, amount: int, interval: str | None = "month", *, name: str = "Pro", **more: Any
    ) -> Any:
        product = self.v1.products.create({"name": name})
        recurring = {"recurring": {"interval": interval}} if interval else {}
        return self.v1.prices.create(
            {"product": product.id, "unit_amount": amount, "currency": "usd", **recurring, **more}
        )

    def customer(self, card: str | None = "pm_card_visa") -> Any:
        if card is None:
            return self.v1.customers.create({"email": "jenny@example.com"})
        method = {"payment_method": card, "invoice_settings": {"default_payment_method": card}}
        return self.v1.customers.create({"email": "jenny@example.com", **method})

    def method_of(self, customer: str) -> Any:
        return self.v1.customers.payment_methods.list(customer).data[0]

    def subscribe(self, *prices: Any, customer: Any = None, **more: Any) -> Any:
        buyer = customer or self.customer()
        items = [{"price": price.id} for price in prices]
        return self.v1.subscriptions.create({"customer": buyer.id, "items": items, **more})

    def subscription(self, key: str) -> Any:
        return self.v1.subscriptions.retrieve(key)

    def invoices(self, subscription: str) -> list[Any]:
        """Oldest first."""
        found = self.v1.invoices.list({"subscription": subscription, "limit": 100}).data
        return list(reversed(found))

    def types(self) -> list[str]:
        return [event["type"] for event in self.stripe.events()]

    def raw(self, method: str, path: str, **options: Any) -> requests.Response:
        headers = {"Authorization": f"Bearer {self.stripe.api_key}"} | options.pop("headers", {})
        return requests.request(
            method, self.stripe.url + path, headers=headers, timeout=10, **options
        )

    def close(self) -> None:
        for close in reversed(self._closing):
            close()


@pytest.fixture
def scene() -> Iterator[Scene]:
    made = Scene()
    yield made
    made.close()


def lines_of(invoice: Any) -> list[tuple[str, int]]:
    return [(line.description, line.amount) for line in invoice.lines.data]


def period(subscription: Any) -> tuple[datetime, datetime]:
    item = subscription["items"].data[0]
    return (
        datetime.fromtimestamp(item.current_period_start, UTC),
        datetime.fromtimestamp(item.current_period_end, UTC),
    )


def refused(call: Callable[[], object]) -> stripe.StripeError:
    with pytest.raises(stripe.StripeError) as caught:
        call()
    return caught.value
