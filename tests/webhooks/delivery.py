"""What the tests of this room share: a real server, Stripe's signature, events from files."""

from __future__ import annotations

import copy
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import requests
import uvicorn
from fastapi import FastAPI
from sqlalchemy import Engine
from sqlmodel import Session
from stripe import WebhookSignature

from bridge.domain.periods import Period
from bridge.domain.quotes import ChangeKind, Quote, QuoteRequest, TargetState
from bridge.store.changes import ChangeRepository
from bridge.store.events import EventFilter, EventRepository, EventSummary
from bridge.store.quotes import QuoteRepository, membership_basis
from bridge.store.readers import load_membership
from bridge.store.tables import Change, MembershipRecord, Network, WebhookEvent
from bridge.web import problems
from webhooks.endpoints import EndpointInfo, Endpoints
from webhooks.inbox import Inbox
from webhooks.routes import stripe_router
from webhooks.stripe_door import StripeDoor, StripeReceiver

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
SECRET = "whsec_main"
QUOTE_KEY = b"key of the quotes"
FIXTURES = Path(__file__).parents[1] / "fixtures" / "stripe"
VERSIONS = sorted(path.name for path in FIXTURES.iterdir())


def event_of(name: str, version: str = VERSIONS[0], **changes: Any) -> dict[str, Any]:
    """An event from its file; ``changes`` replace fields of it, ``object`` those of its object."""
    document: dict[str, Any] = json.loads((FIXTURES / version / f"{name}.json").read_text())
    document["data"]["object"].update(copy.deepcopy(changes.pop("object", {})))
    document.update(changes)
    return document


def about(event: dict[str, Any], **reference: object) -> dict[str, Any]:
    """The event with its reference changed, wherever its shape keeps it."""

    def walk(value: Any) -> None:
        if isinstance(value, dict):
            if "planbridge_quote" in value:
                value.update({f"planbridge_{key}": str(what) for key, what in reference.items()})
            for inner in value.values():
                walk(inner)
        elif isinstance(value, list):
            for inner in value:
                walk(inner)

    walk(event)
    return event


def signature(body: bytes, secret: str = SECRET, *, at: datetime = NOW) -> str:
    """The header that Stripe would send."""
    return WebhookSignature.generate_signature_header(
        body.decode(), secret, timestamp=int(at.timestamp())
    )


def add_network(engine: Engine, name: str = "main", **columns: Any) -> int:
    """A network row; its id."""
    with Session(engine) as session:
        network = Network(
            name=name, url=f"http://{name}.test", sealed_credentials="", created_at=NOW, **columns
        )
        session.add(network)
        session.commit()
        assert network.id is not None
        return network.id


def add_quote(engine: Engine, network_id: int, *, membership_id: int = 1) -> str:
    """A membership on Free, and a quote of 45.22 USD for its upgrade; the quote's id."""
    with Session(engine) as session:
        session.add(
            MembershipRecord(
                network_id=network_id,
                id=membership_id,
                fingerprint="",
                synced_at=NOW,
                customer_id=1,
                plan_id=1,
                status="active",
                currency="USD",
            )
        )
        session.flush()
        month = Period(1, "month")
        quote = Quote(
            kind=ChangeKind.UPGRADE,
            currency="USD",
            lines=(),
            subtotal=4522,
            credit=0,
            discount_total=0,
            tax_total=0,
            due_now=4522,
            recurring_total=4522,
            next_billing_at=NOW + timedelta(days=30),
            next_billing_amount=4522,
            effective_at=NOW,
            target=TargetState(
                plan_id=2,
                addons={},
                period=month,
                amount=4522,
                initial_amount=4522,
                recurring=True,
            ),
        )
        given = QuoteRepository(session, QUOTE_KEY).add(
            network_id,
            quote,
            QuoteRequest(products=(2,), period=month),
            basis=membership_basis(load_membership(session, network_id, membership_id)),
            membership_id=membership_id,
            now=NOW,
            expires_at=NOW + timedelta(hours=1),
        )
        session.commit()
        return given.id


def changes_of(engine: Engine) -> list[Change]:
    """All changes, newest first."""
    with Session(engine, expire_on_commit=False) as session:
        return ChangeRepository(session).list()


def stored(engine: Engine) -> list[EventSummary]:
    """All events in the inbox, newest first."""
    with engine.connect() as connection:
        return EventRepository(connection).list(EventFilter(), limit=100_000)


def stored_payload(engine: Engine, row_id: int) -> WebhookEvent:
    """One event with its payload."""
    with engine.connect() as connection:
        found = EventRepository(connection).get(row_id)
    assert found is not None
    return found


def eventually(condition: Callable[[], bool], *, seconds: float = 20) -> None:
    """Wait until something happens in another thread or process, but not for ever."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.01)


@contextmanager
def serving(app: FastAPI) -> Iterator[str]:
    """A uvicorn server on a socket of its own; its address."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = uvicorn.Server(uvicorn.Config(app, log_level="warning", lifespan="off"))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        eventually(lambda: server.started)
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join()


@dataclass
class Gate:
    """The address Stripe posts to, on a real socket, and what the tests do to it."""

    url: str
    engine: Engine
    inbox: Inbox
    endpoints: Endpoints
    lookups: list[float] = field(default_factory=list)

    def post(
        self,
        body: bytes | Mapping[str, Any],
        header: str | None = "sign",
        *,
        network: str = "main",
        secret: str = SECRET,
        at: datetime = NOW,
    ) -> requests.Response:
        """Deliver a body, signed as Stripe would unless a header is given."""
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        headers = {"Content-Type": "application/json"}
        if header is not None:
            headers["Stripe-Signature"] = (
                signature(raw, secret, at=at) if header == "sign" else header
            )
        return requests.post(
            f"{self.url}/webhooks/stripe/{network}", data=raw, headers=headers, timeout=20
        )

    def post_in_parallel(
        self, body: Mapping[str, Any], times: int, **options: Any
    ) -> list[requests.Response]:
        """The same delivery ``times`` times, all at once."""
        start = threading.Barrier(times)

        def deliver() -> requests.Response:
            start.wait()
            return self.post(body, **options)

        with ThreadPoolExecutor(times) as pool:
            waiting: list[Future[requests.Response]] = [pool.submit(deliver) for _ in range(times)]
        return [future.result() for future in waiting]


@contextmanager
def gate(
    engine: Engine,
    endpoints: list[EndpointInfo],
    *,
    inbox: Inbox | None = None,
    with_door: bool = True,
    **options: Any,
) -> Iterator[Gate]:
    """A served inbox for some endpoints; without the door the route takes the events."""
    lookups: list[float] = []

    def load() -> list[EndpointInfo]:
        lookups.append(time.monotonic())
        return endpoints

    inbox = inbox or Inbox(engine)
    table = Endpoints(load, ttl=600)
    app = FastAPI()
    problems.install(app)
    receiver = StripeReceiver(inbox, table, clock=lambda: NOW, **options)
    app.include_router(stripe_router(receiver))
    if with_door:
        app.add_middleware(StripeDoor, receiver=receiver)
    inbox.start()
    try:
        with serving(app) as url:
            yield Gate(url, engine, inbox, table, lookups)
    finally:
        inbox.close()
