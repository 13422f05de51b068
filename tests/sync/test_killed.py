"""A sync killed without a word, at whatever moment, is finished by the next one."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack
from datetime import datetime
from pathlib import Path

import pytest
from sqlmodel import Session, select

from bridge.network.client import NetworkClient
from bridge.sandbox.server import SandboxNetwork
from bridge.store import schema
from bridge.store.engine import make_engine
from bridge.store.networks import id_of
from bridge.store.tables import Network, SyncPass
from tests.conftest import NOW
from tests.contract.replay import KEY, SECRET
from tests.dead_locks import until_free
from tests.sync.conftest import Lab, Ticking

_SYNC = """
import sys
from datetime import UTC, datetime
from sqlmodel import Session, select
from bridge.network.client import NetworkClient
from bridge.network.endpoint import Endpoint
from bridge.store.engine import make_engine
from bridge.store.tables import Network
from sync.passes import run

database, network_id, url, key, secret = sys.argv[1:]
engine = make_engine(database)
with Session(engine) as session:
    network = session.get_one(Network, int(network_id))
client = NetworkClient(Endpoint(url, key, secret), name="lab")
run(engine, network, client, clock=lambda: datetime.now(UTC))
"""


@pytest.mark.slow
@pytest.mark.parametrize("pages", [1, 4])
def test_kill_9_in_the_middle(
    database_url: str,
    pages: int,
    stack: ExitStack,
    clock: Ticking,
    add_network: Callable[..., Network],
    connect: Callable[..., NetworkClient],
) -> None:
    """Nothing half-stored, no lock left behind, no page read twice, and in the end all is there."""
    engine = make_engine(database_url)
    schema.upgrade(engine)
    sandbox = stack.enter_context(
        SandboxNetwork(
            api_key=KEY, api_secret=SECRET, memberships=900, latency=0.02, clock=lambda: NOW
        )
    )
    network = add_network(engine, sandbox.url)
    lab = Lab(engine, network, sandbox, connect(sandbox.url), clock)
    arguments = [database_url, str(id_of(network)), sandbox.url, KEY, SECRET]
    child = subprocess.Popen(
        [sys.executable, "-c", _SYNC, *arguments], cwd=Path(__file__).parents[2]
    )
    try:
        _wait_for_rows(lab, pages * 100, child)
    finally:
        os.kill(child.pid, signal.SIGKILL)
        child.wait()
    until_free(engine, f"sync-{lab.id}")
    stored = len(lab.ids("membership"))
    assert stored % 100 == 0, "pages are stored whole"
    # The child's clock is the real one; ours must not look a day away from it.
    lab.clock.now = _child_time(lab)
    sandbox.journal.clear()
    result = lab.sync()
    assert result.complete, result
    lab.assert_equal()
    assert result.of("membership").resumed_at == stored // 100 + 1
    assert lab.sync().differences == 0


def _wait_for_rows(lab: Lab, rows: int, child: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 60
    while len(lab.ids("membership")) < rows:
        assert child.poll() is None, "the sync ended before it could be killed"
        assert time.monotonic() < deadline
        time.sleep(0.005)


def _child_time(lab: Lab) -> datetime:
    with Session(lab.engine) as session:
        return session.exec(select(SyncPass.started_at).order_by(SyncPass.id)).first() or NOW
