"""A full pass over 10,000 memberships, beside reading the same pages without storing them.

The network is a sandbox in a process of its own, at 0 and at 50 ms a page. ``store only``
stores pages that were read before, beside a loop of ``session.merge`` over the same rows.
"""

from __future__ import annotations

import multiprocessing
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import orjson
import requests
from sqlalchemy import Engine
from sqlmodel import Session

from bridge.network.client import NetworkClient
from bridge.network.endpoint import Endpoint
from bridge.network.entities import Entity
from bridge.network.listing import Page
from bridge.sandbox.server import SandboxNetwork
from bridge.store import schema
from bridge.store.engine import hasty, make_engine
from bridge.store.mirror import fingerprint
from bridge.store.networks import Credentials, NetworkRepository, id_of, save_capabilities
from bridge.store.seals import Seal
from bridge.store.tables import MembershipRecord, Network
from sync.pages import PageWriter
from sync.passes import run
from sync.records import shown

MEMBERSHIPS = 10_000
LATENCIES = (0.0, 0.05)
KEY, SECRET = "sandbox-key", "sandbox-secret"
Row = dict[str, object]


def rows(database: str | None = None) -> list[Row]:
    """Seconds and rows a second, and the ratio to raw reading or to merging."""
    with tempfile.TemporaryDirectory() as folder:
        url = database or f"sqlite:///{Path(folder) / 'mirror.db'}"
        found: list[Row] = []
        for latency in LATENCIES:
            with _sandbox(latency) as network:
                found += _passes(url, network, latency)
                if not latency:
                    found += _storing(url, network)
        return found


def _passes(database: str, url: str, latency: float) -> list[Row]:
    raw = _seconds(lambda: _read_raw(url))
    with _mirror(database, url) as (engine, network), _client(url) as client:

        def sync() -> None:
            result = run(engine, network, client, clock=_now, entities=[Entity.MEMBERSHIP])
            assert result.complete

        first, again = _seconds(sync), _seconds(sync)
        _change(url, range(1, MEMBERSHIPS, 100))

        def follow() -> None:
            entities = [Entity.MEMBERSHIP]
            result = run(engine, network, client, clock=_now, entities=entities, incremental=True)
            assert result.of("membership").changed == MEMBERSHIPS // 100

        changes = _seconds(follow)
    case = f"{latency * 1000:.0f} ms a page"
    return [
        _row(f"{case}: raw reading", raw, ""),
        _row(f"{case}: first pass", first, f"{raw / first:.0%} of raw"),
        _row(f"{case}: second pass, nothing changed", again, f"{raw / again:.0%} of raw"),
        _row(f"{case}: 1 % changed, incremental", changes, f"{changes / again:.1%} of a pass"),
    ]


def _change(url: str, ids: range) -> None:
    """Edit memberships on the network, one by one."""
    with requests.Session() as session:
        session.auth = (KEY, SECRET)
        for each in ids:
            # Another value every time, or the network says that nothing changed.
            billed = time.time_ns() // 1_000_000 % 1_000_000
            target = f"{url}/wp-json/wu/v2/membership/{each}"
            session.put(target, json={"times_billed": billed}, timeout=60).raise_for_status()


def _storing(database: str, url: str) -> list[Row]:
    with _client(url) as client:
        pages = list(client.pages(Entity.MEMBERSHIP))
    with _mirror(database, url) as (engine, network), hasty(engine) as mirror:  # as a pass does
        ours = _seconds(lambda: _store(mirror, id_of(network), pages))
    with _mirror(database, url) as (engine, network):
        merging = _seconds(lambda: _merge(engine, id_of(network), pages))
    return [
        _row("store only: session.merge", merging, ""),
        _row("store only: ours", ours, f"{merging / ours:.1f} times merge"),
    ]


def _store(engine: Engine, network_id: int, pages: list[Page]) -> None:
    writer = PageWriter(
        network_id=network_id, entity=Entity.MEMBERSHIP, pass_id=1, limits_shown=True
    )
    for page in pages:
        with Session(engine) as session, session.begin():
            writer.write(session, page.rows, asked_at=_now())


def _merge(engine: Engine, network_id: int, pages: list[Page]) -> None:
    for page in pages:
        with Session(engine) as session, session.begin():
            for row in map(shown, page.rows):
                session.merge(
                    MembershipRecord(
                        network_id=network_id,
                        id=row.id,
                        raw=row.raw,
                        fingerprint=fingerprint(row.raw),
                        synced_at=_now(),
                        **row.columns,
                    )
                )


def _read_raw(url: str) -> None:
    with requests.Session() as session:
        session.auth = (KEY, SECRET)
        page, size = 1, 100
        while size == 100:
            answer = session.get(
                f"{url}/wp-json/wu/v2/membership",
                params={"page": page, "per_page": 100, "orderby": "id", "order": "ASC"},
                timeout=60,
            )
            page, size = page + 1, len(orjson.loads(answer.content))


def _row(case: str, seconds: float, ratio: str) -> Row:
    return {
        "case": case,
        "seconds": round(seconds, 2),
        "rows/s": round(MEMBERSHIPS / seconds),
        "ratio": ratio,
    }


def _seconds(work: Any) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def _now() -> datetime:
    return datetime.now(UTC)


@contextmanager
def _mirror(database: str, url: str) -> Iterator[tuple[Engine, Network]]:
    """An empty mirror of one network; emptied again afterwards."""
    engine = make_engine(database)
    schema.upgrade(engine)
    seal = Seal([Seal.new_key()])
    with Session(engine, expire_on_commit=False) as session:
        network = NetworkRepository(session, seal).add(
            "benchmark", url, Credentials(KEY, SECRET), now=_now()
        )
        with _client(url) as client:  # as `planbridge network add` does
            save_capabilities(session, network, client.probe().as_json(), now=_now())
        session.commit()
        session.expunge(network)
    try:
        yield engine, network
    finally:
        with Session(engine) as session:
            NetworkRepository(session, seal).remove("benchmark")
            session.commit()
        engine.dispose()


@contextmanager
def _client(url: str) -> Iterator[NetworkClient]:
    with NetworkClient(Endpoint(url, KEY, SECRET), name="benchmark") as client:
        yield client


@contextmanager
def _sandbox(latency: float) -> Iterator[str]:
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_serve, args=(latency, theirs), daemon=True)
    process.start()
    try:
        yield ours.recv()
    finally:
        process.terminate()
        process.join()


def _serve(latency: float, told: Connection) -> None:
    sandbox = SandboxNetwork(memberships=MEMBERSHIPS, latency=latency)
    told.send(sandbox.url)
    sandbox.serve()
