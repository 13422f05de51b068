"""A full pass over 10,000 memberships, beside reading the same pages without storing them.

The network is a sandbox in a process of its own, at 0 and at 50 ms a page. ``store only``
stores pages that were read before, beside a loop of ``session.merge`` over the same rows.
Everything is measured several times in turn, each time into a new database; seconds, CPU
seconds (of this process) and ratios are medians of the rounds, and ``load`` is the machine's
meanwhile. With ``--memory`` the peak memory of a pass over 10,000 memberships is compared
with that over 1,000,000, which takes some minutes.
"""

from __future__ import annotations

import os
import statistics
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection

import orjson
import requests
from sqlalchemy import Engine
from sqlmodel import Session

from bridge.network.client import NetworkClient
from bridge.network.entities import Entity
from bridge.network.listing import Page
from bridge.network.manners import Manners
from bridge.sandbox.server import SandboxNetwork
from bridge.store.engine import hasty
from bridge.store.mirror import fingerprint
from bridge.store.networks import id_of
from bridge.store.tables import MembershipRecord, Network
from sync.pages import PageWriter
from sync.passes import run
from sync.records import shown
from tests.benchmarks.other.memory import peaks
from tests.benchmarks.other.mirrors import KEY, SECRET, empty_mirror, now, open_client, served

MEMBERSHIPS = 10_000
LATENCIES = (0.0, 0.05)
ROUNDS = 3
Row = dict[str, object]

_RAW, _FIRST = "raw reading", "first pass"
_AGAIN, _FOLLOW = "second pass, nothing changed", "1 % changed, incremental"
_MERGE, _OURS = "store only: session.merge", "store only: ours"


class _Times:
    """What was measured in each round, by case."""

    def __init__(self) -> None:
        self.seconds: dict[str, list[float]] = defaultdict(list)
        self._cpu: dict[str, list[float]] = defaultdict(list)
        self._load: dict[str, list[float]] = defaultdict(list)
        self.requests: dict[str, int] = {}

    def measure(self, case: str, work: Callable[[], object]) -> None:
        """Do something and note how long it took."""
        cpu, started = time.process_time(), time.perf_counter()
        work()
        self.seconds[case].append(time.perf_counter() - started)
        self._cpu[case].append(time.process_time() - cpu)
        self._load[case].append(os.getloadavg()[0])

    def ratio(self, case: str, to: str) -> float:
        """How long one case took in the other's time; the median of the rounds."""
        pairs = zip(self.seconds[case], self.seconds[to], strict=True)
        return statistics.median(one / other for one, other in pairs)

    def row(self, case: str, ratio: str = "", *, prefix: str = "") -> Row:
        """A row of the table."""
        seconds = statistics.median(self.seconds[case])
        return {
            "case": prefix + case,
            "seconds": round(seconds, 2),
            "rows/s": round(MEMBERSHIPS / seconds),
            "CPU s": round(statistics.median(self._cpu[case]), 2),
            "requests": self.requests.get(case, ""),
            "ratio": ratio,
            "load": round(statistics.median(self._load[case]), 1),
        }


class _Counting(Manners):
    """No limits, and how many requests there were."""

    def __init__(self) -> None:
        super().__init__()
        self.requests = 0

    @contextmanager
    def turn(self) -> Iterator[None]:
        """One more."""
        self.requests += 1
        yield


def rows(database: str | None = None, *, memory: bool = False) -> list[Row]:
    """Seconds and rows a second, and the ratio to raw reading or to merging."""
    with tempfile.TemporaryDirectory() as folder:
        where = database or folder
        if memory:
            return peaks(where)
        found: list[Row] = []
        for latency in LATENCIES:
            with served(_serve, latency) as url:
                found += _passes(where, url, latency)
                if not latency:
                    found += _storing(where, url)
        return found


def _passes(database: str, url: str, latency: float) -> list[Row]:
    times = _Times()
    for _ in range(ROUNDS):
        times.measure(_RAW, lambda: _read_raw(url))
        with empty_mirror(database, url) as (engine, network):
            _pass(times, _FIRST, engine, network)
            _pass(times, _AGAIN, engine, network)
            _change(url, range(1, MEMBERSHIPS, 100))
            _pass(times, _FOLLOW, engine, network)
    asked = times.requests[_FOLLOW] / times.requests[_AGAIN]
    prefix = f"{latency * 1000:.0f} ms a page: "
    of_pass = f"{times.ratio(_FOLLOW, _AGAIN):.1%} of a pass, {asked:.1%} of its requests"
    return [
        times.row(_RAW, prefix=prefix),
        times.row(_FIRST, f"{times.ratio(_RAW, _FIRST):.0%} of raw", prefix=prefix),
        times.row(_AGAIN, f"{times.ratio(_RAW, _AGAIN):.0%} of raw", prefix=prefix),
        times.row(_FOLLOW, of_pass, prefix=prefix),
    ]


def _pass(times: _Times, case: str, engine: Engine, network: Network) -> None:
    manners = _Counting()
    with open_client(network.url, manners) as client:
        times.measure(case, lambda: _sync(engine, network, client, case))
    times.requests[case] = manners.requests


def _sync(engine: Engine, network: Network, client: NetworkClient, case: str) -> None:
    entities, follow = [Entity.MEMBERSHIP], case == _FOLLOW
    result = run(engine, network, client, clock=now, entities=entities, incremental=follow)
    assert result.complete, result
    done = result.of("membership")
    changed = {_FIRST: 0, _AGAIN: 0, _FOLLOW: MEMBERSHIPS // 100}
    assert (done.changed, done.created > 0) == (changed[case], case == _FIRST), done


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
    times = _Times()
    with open_client(url) as client:
        pages = list(client.pages(Entity.MEMBERSHIP))
    for _ in range(ROUNDS):
        with empty_mirror(database, url) as (engine, network), hasty(engine) as mirror:
            # As a pass does it.
            times.measure(_OURS, lambda: _store(mirror, network, pages))
        with empty_mirror(database, url) as (engine, network):
            times.measure(_MERGE, lambda: _merge(engine, id_of(network), pages))
    return [
        times.row(_MERGE),
        times.row(_OURS, f"{times.ratio(_MERGE, _OURS):.1f} times merge"),
    ]


def _store(engine: Engine, network: Network, pages: list[Page]) -> None:
    writer = PageWriter(
        network_id=id_of(network),
        network=network.name,
        entity=Entity.MEMBERSHIP,
        pass_id=1,
        limits_shown=True,
    )
    for page in pages:
        with Session(engine) as session, session.begin():
            writer.write(session, page.rows, asked_at=now())


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
                        synced_at=now(),
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
                params={"page": f"{page}", "per_page": "100", "orderby": "id", "order": "ASC"},
                timeout=60,
            )
            page, size = page + 1, len(orjson.loads(answer.content))


def _serve(latency: float, told: Connection) -> None:
    sandbox = SandboxNetwork(memberships=MEMBERSHIPS, latency=latency)
    told.send(sandbox.url)
    sandbox.serve()
