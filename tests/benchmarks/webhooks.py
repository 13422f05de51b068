"""Durable verified events a second, beside a route that does nothing and a commit for each.

The server is a process of its own (uvicorn, one worker), the clients another; on two
cores each has one. All of them take the same signed events of about 3 KB over 32 kept
connections, in short rounds in turn; the ratio is the median of the rounds'. ``one commit
each`` differs from ours in nothing but the commit: in its ``one writer`` form a single
thread commits each event, in its ``thread each`` form every request commits for itself,
over a connection of the pool, as a plain synchronous service does. dj-stripe, if it is
asked for, has an environment, a server and a database of its own, as durable as ours.
``CPU us`` is the processor time of the server (not of PostgreSQL) for an event.
"""

from __future__ import annotations

import asyncio
import gc
import json
import multiprocessing
import os
import re
import socket
import statistics
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

import uvicorn
import uvloop
from fastapi import FastAPI, Request
from sqlalchemy import Engine, delete, make_url
from sqlmodel import Session

from bridge.logs import configure_logging
from bridge.sandbox.stripe_signing import sign
from bridge.store import schema
from bridge.store.engine import make_engine
from bridge.store.events import EventRepository, NewEvent
from bridge.store.tables import Network, WebhookEvent
from bridge.web import problems
from bridge.web.pauses import shorten_pauses
from tests.benchmarks.other.dj_stripe import dj_stripe
from webhooks.dispatch import Dispatcher
from webhooks.endpoints import EndpointInfo, Endpoints
from webhooks.inbox import Inbox, Receipt
from webhooks.routes import stripe_router
from webhooks.stripe_door import StripeDoor, StripeReceiver

CLIENTS = 32
ROUNDS = 5
SECONDS = 1.5
ENOUGH = int(SECONDS * 20_000)
WARM_UP = 200
PATIENCE = 30.0
SECRET = "whsec_benchmark"
NAME = "benchmark"
_LENGTH = re.compile(rb"(?i)\r\ncontent-length: (\d+)")
EVENT = Path(__file__).parents[1] / "fixtures" / "stripe" / "2026-07" / "customer_updated.json"


class CommitEach(Inbox):
    """Every request commits for itself, in a thread and over a connection of the pools."""

    def __init__(self, engine: Engine) -> None:
        super().__init__(engine)
        self._engine = engine

    async def deliver(self, event: NewEvent) -> Receipt:
        """Store one event in a transaction of its own."""
        return await asyncio.to_thread(self._commit, event)

    def _commit(self, event: NewEvent) -> Receipt:
        with self._engine.begin() as connection:
            new = EventRepository(connection).insert_new([event])
        return Receipt(duplicate=not new)


@dataclass
class Load:
    """What the clients saw, and what it cost the server: a number a round, in seconds."""

    per_second: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)
    latencies: list[float] = field(default_factory=list)

    def row(self, what: str, ours: Load) -> dict[str, Any]:
        """The row of the table: medians of the rounds, latencies of all requests."""
        cuts = statistics.quantiles(self.latencies, n=100)
        ratios = [our / their for our, their in zip(ours.per_second, self.per_second, strict=True)]
        return {
            "what": what,
            "events/s": round(statistics.median(self.per_second)),
            "p50 ms": round(cuts[49] * 1000, 1),
            "p99 ms": round(cuts[98] * 1000, 1),
            "CPU us": round(statistics.median(self.cpu) * 1e6),
            "ours is": f"{statistics.median(ratios):.2f} x",
        }


@dataclass(frozen=True)
class Server:
    """A process that takes events at ``path``."""

    pid: int
    port: int
    path: str = f"/webhooks/stripe/{NAME}"
    kind: str = "customer.updated"

    def requests(self, count: int) -> list[bytes]:
        """Signed requests, each with an event of its own."""
        event = json.loads(EVENT.read_text()) | {"id": "evt_ID", "type": self.kind}
        event["data"]["object"]["description"] = "x" * 1500
        body, stamp = json.dumps(event, indent=2).encode(), f"{time.time_ns()}_%d"
        return [self._request(body, stamp % number) for number in range(count)]

    def _request(self, body: bytes, number: str) -> bytes:
        body = body.replace(b"ID", number.encode(), 1)
        signed = sign(body, SECRET, timestamp=int(time.time()))
        head = (
            f"POST {self.path} HTTP/1.1\r\nHost: benchmark\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n"
            f"Stripe-Signature: {signed}\r\n\r\n"
        )
        return head.encode() + body

    def cpu(self) -> float:
        """Seconds of processor time that it has used."""
        used = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()[11:13]
        return sum(map(int, used)) / os.sysconf("SC_CLK_TCK")


def rows(database: str | None = None, *, peers: bool = False) -> list[dict[str, Any]]:
    """One row for each way of taking events; the ratio is ours to it.

    ``database`` is the URL of an empty database that may be filled; a SQLite file in a
    temporary folder unless given. With ``peers`` dj-stripe is measured, too, on the
    same kind of database.
    """
    labels = {
        "nothing": "FastAPI route that does nothing (the limit)",
        "group": "ours: verified, stored once, group commit",
        "handled": "ours, with the dispatcher at work beside it",
        "one writer": "one commit each, one writer",
        "thread each": "one commit each, a thread each",
        "dj-stripe": "dj-stripe 2.11, waitress with 8 threads",
    }
    with tempfile.TemporaryDirectory() as folder, _quiet():
        url = database or f"sqlite:///{folder}/benchmark.db"
        network_id = _prepare(url)
        with ExitStack() as serving:
            servers = {
                mode: serving.enter_context(_serving(mode, url, network_id))
                for mode in ("nothing", "group", "one writer", "thread each")
            }
            if peers:
                path, port, pid = serving.enter_context(
                    dj_stripe(Path(folder), SECRET, make_url(url))
                )
                # One that it only stores: for others it asks Stripe within the request.
                servers["dj-stripe"] = Server(pid, port, path, "balance.available")
            measured = _measure(servers)
        kept = [load for mode, load in measured.items() if mode not in ("nothing", "dj-stripe")]
        _check(url, kept)
        # By itself, because it would handle the events of the others, too.
        with _serving("handled", url, network_id) as server:
            measured |= _measure({"handled": server})
        _check(url, [measured["handled"]])
    return [
        measured[mode].row(label, measured["group"])
        for mode, label in labels.items()
        if mode in measured
    ]


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep the collector's long rounds over all that was loaded out of the clients."""
    shorten_pauses()
    yield
    gc.unfreeze()


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


def _measure(servers: Mapping[str, Server]) -> dict[str, Load]:
    """Short rounds in turn, so that what else the machine does meets all of them alike."""
    loads = {mode: Load() for mode in servers}
    for server in servers.values():
        uvloop.run(_drive(server.port, server.requests(WARM_UP), seconds=PATIENCE))
    for _ in range(ROUNDS):
        for mode, server in servers.items():
            load, requests = loads[mode], server.requests(ENOUGH)
            before = server.cpu()
            latencies, elapsed = uvloop.run(_drive(server.port, requests, seconds=SECONDS))
            load.cpu.append((server.cpu() - before) / len(latencies))
            load.per_second.append(len(latencies) / elapsed)
            load.latencies += latencies
    return loads


def _check(url: str, loads: Sequence[Load]) -> None:
    """Every event that was answered is in the database, once; then none is."""
    answered = sum(len(load.latencies) + WARM_UP for load in loads)
    engine = make_engine(url)
    with engine.begin() as connection:
        found = sum(EventRepository(connection).counts().values())
        connection.execute(delete(WebhookEvent))
    engine.dispose()
    assert found == answered, (found, answered)


class _Client(asyncio.Protocol):
    """A kept connection, which sends the next request as soon as the last is answered."""

    def __init__(self, requests: Iterator[bytes], latencies: list[float], until: float) -> None:
        self._requests = requests
        self._latencies = latencies
        self._until = until
        self._answer = b""
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is no subclass
        self._send()

    def data_received(self, data: bytes) -> None:
        self._answer += data
        head, found, body = self._answer.partition(b"\r\n\r\n")
        if not found or len(body) < int(_LENGTH.findall(head)[0]):
            return
        self._latencies.append(time.perf_counter() - self._sent)
        if not head.startswith(b"HTTP/1.1 200 "):
            self.done.set_exception(AssertionError(self._answer))
        self._answer = b""
        self._send()

    def connection_lost(self, error: Exception | None) -> None:
        if not self.done.done():
            self.done.set_exception(error or ConnectionError("closed before the answer"))

    def _send(self) -> None:
        self._sent = time.perf_counter()
        request = next(self._requests, None) if self._sent < self._until else None
        if request is not None:
            self._transport.write(request)
        elif not self.done.done():
            self.done.set_result(None)
            self._transport.close()


async def _drive(
    port: int, requests: Sequence[bytes], *, seconds: float
) -> tuple[list[float], float]:
    """Send requests over `CLIENTS` connections until they or the time are used up."""
    waiting, latencies = iter(requests), list[float]()
    started = time.perf_counter()
    loop = asyncio.get_running_loop()
    clients = [
        (
            await loop.create_connection(
                lambda: _Client(waiting, latencies, started + seconds), "127.0.0.1", port
            )
        )[1]
        for _ in range(CLIENTS)
    ]
    async with asyncio.timeout(seconds + PATIENCE):
        await asyncio.gather(*(client.done for client in clients))
    return latencies, time.perf_counter() - started


@contextmanager
def _serving(mode: str, url: str, network_id: int) -> Iterator[Server]:
    """A server process, which answers from now on or soon."""
    with socket.create_server(("127.0.0.1", 0), backlog=256) as listener:
        spawn = multiprocessing.get_context("spawn")
        process = spawn.Process(target=_serve, args=(mode, url, network_id, listener))
        process.start()
        assert process.pid is not None
        try:
            yield Server(process.pid, listener.getsockname()[1])
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
    receiver = StripeReceiver(inbox, Endpoints(lambda: [endpoint]), clock=_now)
    app.include_router(stripe_router(receiver))
    app.add_middleware(StripeDoor, receiver=receiver)
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
    shorten_pauses()
    config = uvicorn.Config(app, log_level="error", loop="uvloop", http="httptools", lifespan="off")
    uvicorn.Server(config).run(sockets=[listener])


def _now() -> datetime:
    return datetime.now(UTC)
