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
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import requests
import uvicorn
from fastapi import FastAPI
from sqlalchemy import Engine
from sqlmodel import Session
from stripe import WebhookSignature

from bridge.store.events import EventFilter, EventRepository, EventSummary
from bridge.store.tables import Network, WebhookEvent
from bridge.web import problems
from webhooks.endpoints import EndpointInfo, Endpoints
from webhooks.inbox import Inbox
from webhooks.routes import stripe_router

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
SECRET = "whsec_main"
FIXTURES = Path(__file__).parents[1] / "fixtures" / "stripe"
VERSIONS = sorted(path.name for path in FIXTURES.iterdir())


def event_of(name: str, version: str = VERSIONS[0], **changes: Any) -> dict[str, Any]:
    """An event from its file; ``changes`` replace fields of it, ``object`` those of its object."""
    document: dict[str, Any] = json.loads((FIXTURES / version / f"{name}.json").read_text())
    document["data"]["object"].update(copy.deepcopy(changes.pop("object", {})))
    document.update(changes)
    return document


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
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
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
    engine: Engine, endpoints: list[EndpointInfo], *, inbox: Inbox | None = None, **options: Any
) -> Iterator[Gate]:
    """A served inbox for some endpoints."""
    lookups: list[float] = []

    def load() -> list[EndpointInfo]:
        lookups.append(time.monotonic())
        return endpoints

    inbox = inbox or Inbox(engine)
    table = Endpoints(load, ttl=600)
    app = FastAPI()
    problems.install(app)
    app.include_router(stripe_router(inbox=inbox, endpoints=table, clock=lambda: NOW, **options))
    inbox.start()
    try:
        with serving(app) as url:
            yield Gate(url, engine, inbox, table, lookups)
    finally:
        inbox.close()
