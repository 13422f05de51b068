"""Peak memory of a first pass, for networks of two sizes.

The syncing process has nothing else to do, and the network is a process of its own.
"""

from __future__ import annotations

import multiprocessing
import os
import resource
import sys
import time
from multiprocessing.connection import Connection

from bridge.network.entities import Entity
from sync.passes import run
from sync.results import PageDone
from tests.benchmarks.other.endless import serve
from tests.benchmarks.other.mirrors import empty_mirror, now, open_client, served

SIZES = (10_000, 1_000_000)
_TOLD_EVERY = 50_000


def peaks(database: str) -> list[dict[str, object]]:
    """Megabytes at the peak, by size, and how many times the smallest network's."""
    found: list[dict[str, object]] = []
    first = 0.0
    for size in SIZES:
        seconds, megabytes = _measured(database, size)
        first = first or megabytes
        found.append(
            {
                "case": f"{size:,} memberships: first pass",
                "seconds": round(seconds, 1),
                "rows/s": round(size / seconds),
                "peak MB": round(megabytes, 1),
                "ratio": f"{megabytes / first:.2f} of {SIZES[0]:,}",
                "load": round(os.getloadavg()[0], 1),
            }
        )
    return found


def _measured(database: str, size: int) -> tuple[float, float]:
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe(duplex=False)
    with served(serve, size) as url:
        child = context.Process(target=_sync, args=(database, url, size, theirs), daemon=True)
        child.start()
        theirs.close()
        try:
            seconds, megabytes = ours.recv()
        finally:
            child.join()
    return seconds, megabytes


def _sync(database: str, url: str, size: int, told: Connection) -> None:
    started, told_at = time.monotonic(), 0

    def progress(done: PageDone) -> None:
        nonlocal told_at
        if done.rows >= told_at + _TOLD_EVERY:
            told_at = done.rows
            pace = done.rows / (time.monotonic() - started)
            print(
                f"{size:,} memberships: {done.rows:,} rows, {pace:,.0f} rows/s, {_peak():.0f} MB",
                file=sys.stderr,
                flush=True,
            )

    with empty_mirror(database, url) as (engine, network), open_client(url) as client:
        entities = [Entity.MEMBERSHIP]
        started = time.monotonic()
        result = run(engine, network, client, clock=now, entities=entities, progress=progress)
        seconds = time.monotonic() - started
        assert result.complete, result
        assert result.of("membership").created == size, result
    told.send((seconds, _peak()))


def _peak() -> float:
    """The most memory that this process ever had resident, in megabytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
