"""Durable verified events a second, beside a route that does nothing and a commit for each.

The server is a process of its own (uvicorn, one worker), the clients another; on two
cores each has one. All of them take the same signed events of about 3 KB over 32 kept
connections. ``one commit each`` differs from ours in nothing but the commit: in its
``one writer`` form a single thread commits each event, in its ``thread each`` form every
request commits for itself, as a plain synchronous service does. dj-stripe, if it is asked
for, has an environment, a server and a SQLite file of its own, as durable as ours.
"""

from __future__ import annotations

import asyncio
import json
import multiprocessing
import socket
import statistics
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import uvicorn
import uvloop
from fastapi import FastAPI, Request
from sqlalchemy import Engine
from sqlmodel import Session

from bridge.sandbox.stripe_signing import sign
from bridge.store import schema
from bridge.store.engine import make_engine
from bridge.store.events import EventFilter, EventRepository, NewEvent
from bridge.store.tables import Network
from bridge.web import problems
from bridge.wiring import configure_logging
from tests.benchmarks.other.dj_stripe import dj_stripe
from webhooks.dispatch import Dispatcher
from webhooks.endpoints import EndpointInfo, Endpoints
from webhooks.inbox import Inbox, Receipt
from webhooks.routes import stripe_router

CLIENTS = 32
SECONDS = 4.0
WARM_UP = 200
SECRET = "whsec_benchmark"
NAME = "benchmark"
EVENT = Path(__file__).parents[1] / "fixtures" / "stripe" / "2026-07" / "customer_updated.json"


class CommitEach(Inbox):
    """Every request commits for itself, in a thread of the pool."""

    async def deliver(self, event: NewEvent) -> Receipt:
        """Store one event in a transaction of its own."""
        return await asyncio.to_thread(self._commit, event)

    def _commit(self, event: NewEvent) -> Receipt:
        with self._engine.begin() as connection:
            new = EventRepository(connection).insert_new([event])
        return Receipt(duplicate=not new)


@dataclass(frozen=True)
class Load:
    """What the clients saw: answers a second, and latencies in milliseconds."""

    per_second: float
    p50: float
    p99: float


def rows(database: str | None = None, *, peers: bool = False) -> list[dict[str, Any]]:
    """One row for each way of taking events; the ratio is ours to it.

    ``database`` is the URL of an empty database that may be filled; a SQLite file in a
    temporary folder unless given. With ``peers`` dj-stripe is measured, too, on SQLite.
    """
    with tempfile.TemporaryDirectory() as folder:
        url = database or f"sqlite:///{folder}/benchmark.db"
        network_id = _prepare(url)
        measured = {
            mode: _measure(mode, url, network_id)
            for mode in ("nothing", "group", "handled", "one writer", "thread each")
        }
        if peers:
            measured["dj-stripe"] = _measure_dj_stripe(Path(folder))
    ours = measured["group"].per_second
    labels = {
        "nothing": "FastAPI route that does nothing (the limit)",
        "group": "ours: verified, stored once, group commit",
        "handled": "ours, with the dispatcher at work beside it",
        "one writer": "one commit each, one writer",
        "thread each": "one commit each, a thread each",
        "dj-stripe": "dj-stripe 2.11, waitress with 8 threads",
    }
    return [
        {
            "what": labels[mode],
            "events/s": round(load.per_second),
            "p50 ms": round(load.p50, 1),
            "p99 ms": round(load.p99, 1),
            "ours is": f"{ours / load.per_second:.2f} x",
        }
        for mode, load in measured.items()
    ]


def _prepare(url: str) -> int:
    engine = make_engine(url)
    schema.upgrade(engine)
    with Session(engine) as session:
        network = Network(
            name=f"{NAME}-{time.time_ns()}",
            url="http://benchmark.test",
            sealed_credentials="",
            created_at=datetime.now(UTC),
        )
        session.add(network)
        session.commit()
        network_id = network.id
    engine.dispose()
    assert network_id is not None
    return network_id


def _measure(mode: str, url: str, network_id: int) -> Load:
    requests = [
        _request(f"evt_{mode.replace(' ', '_')}_{time.time_ns()}_{n}") for n in range(30_000)
    ]
    with _serving(mode, url, network_id) as port:
        uvloop.run(_drive(port, requests[:WARM_UP], seconds=60.0))
        latencies, elapsed = uvloop.run(_drive(port, requests[WARM_UP:], seconds=SECONDS))
    if mode != "nothing":
        _check(url, network_id, len(latencies))
    return _load(latencies, elapsed)


def _measure_dj_stripe(folder: Path) -> Load:
    """With an event that it only stores: for others it asks Stripe within the request."""
    with dj_stripe(folder, SECRET) as (port, path):
        requests = [
            _request(f"evt_peer_{number}", path=path, kind="balance.available")
            for number in range(5_000)
        ]
        uvloop.run(_drive(port, requests[:WARM_UP], seconds=60.0))
        latencies, elapsed = uvloop.run(_drive(port, requests[WARM_UP:], seconds=SECONDS))
    return _load(latencies, elapsed)


def _load(latencies: list[float], elapsed: float) -> Load:
    cuts = statistics.quantiles(latencies, n=100)
    return Load(len(latencies) / elapsed, cuts[49] * 1000, cuts[98] * 1000)


_stored = 0


def _check(url: str, network_id: int, answered: int) -> None:
    """Every event that was answered is in the database, once."""
    global _stored  # noqa: PLW0603
    engine = make_engine(url)
    with engine.connect() as connection:
        found = EventRepository(connection).counts(EventFilter(network_id=network_id))
    engine.dispose()
    total = sum(found.values())
    assert total - _stored == answered + WARM_UP, (total - _stored, answered + WARM_UP)
    _stored = total


def _request(
    event_id: str, *, path: str = f"/webhooks/stripe/{NAME}", kind: str = "customer.updated"
) -> bytes:
    event = json.loads(EVENT.read_text())
    event |= {"id": event_id, "type": kind}
    event["data"]["object"]["description"] = "x" * 1500
    body = json.dumps(event, indent=2).encode()
    signed = sign(body, SECRET, timestamp=int(time.time()))
    head = (
        f"POST {path} HTTP/1.1\r\nHost: benchmark\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n"
        f"Stripe-Signature: {signed}\r\n\r\n"
    )
    return head.encode() + body


async def _drive(
    port: int, requests: Sequence[bytes], *, seconds: float
) -> tuple[list[float], float]:
    """Send requests over `CLIENTS` connections until they or the time are used up."""
    waiting = iter(requests)
    latencies: list[float] = []
    started = time.perf_counter()

    async def client() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for request in waiting:
            sent = time.perf_counter()
            if sent - started > seconds:
                break
            writer.write(request)
            head = await reader.readuntil(b"\r\n\r\n")
            assert head.startswith(b"HTTP/1.1 200 "), head
            length = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
            await reader.readexactly(length)
            latencies.append(time.perf_counter() - sent)
        writer.close()

    await asyncio.gather(*(client() for _ in range(CLIENTS)))
    return latencies, time.perf_counter() - started


@contextmanager
def _serving(mode: str, url: str, network_id: int) -> Iterator[int]:
    """A server process; its port once it answers."""
    with socket.create_server(("127.0.0.1", 0), backlog=256) as listener:
        port = listener.getsockname()[1]
        spawn = multiprocessing.get_context("spawn")
        process = spawn.Process(target=_serve, args=(mode, url, network_id, listener))
        process.start()
        try:
            yield port
        finally:
            process.terminate()
            process.join()


def _serve(mode: str, url: str, network_id: int, listener: socket.socket) -> None:
    configure_logging("warning")
    app = FastAPI()
    problems.install(app)
    if mode == "nothing":

        @app.post("/webhooks/stripe/{network}")
        async def nothing(network: str, request: Request) -> dict[str, bool]:
            await request.body()
            return {"received": True}

        _run(app, listener)
        return
    engine = make_engine(url, pool_size=CLIENTS)
    dispatcher = Dispatcher(engine, clock=_now, wake=lambda _change: None, quote_key=b"")
    inbox = _inbox(mode, engine, dispatcher)
    endpoint = EndpointInfo(network_id=network_id, name=NAME, secrets=(SECRET,))
    app.include_router(stripe_router(inbox, Endpoints(lambda: [endpoint]), clock=_now))
    inbox.start()
    if mode == "handled":
        dispatcher.start()
    _run(app, listener)
    inbox.close()
    dispatcher.close()


def _inbox(mode: str, engine: Engine, dispatcher: Dispatcher) -> Inbox:
    if mode == "thread each":
        return CommitEach(engine)
    if mode == "one writer":
        return Inbox(engine, group=1)
    return Inbox(engine, on_stored=dispatcher.wake)


def _run(app: FastAPI, listener: socket.socket) -> None:
    config = uvicorn.Config(app, log_level="error", loop="uvloop", http="httptools", lifespan="off")
    uvicorn.Server(config).run(sockets=[listener])


def _now() -> datetime:
    return datetime.now(UTC)
