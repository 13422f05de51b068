"""How hard networks are asked: one sync each, side by side, at a pace that is set."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import pytest

from bridge.network.entities import Entity
from bridge.sandbox.server import SandboxNetwork
from bridge.store import schema
from bridge.store.networks import Credentials, NetworkRepository
from bridge.wiring import App, open_app
from sync.passes import run


def open_planbridge(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, **settings: str) -> App:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PLANBRIDGE_DATA_DIR", str(tmp_path / "data"))
    for name, value in settings.items():
        monkeypatch.setenv(f"PLANBRIDGE_{name}", value)
    planbridge = open_app(check_schema=False)
    schema.upgrade(planbridge.engine)
    return planbridge


def add(planbridge: App, name: str, sandbox: SandboxNetwork) -> None:
    with planbridge.session() as session:
        NetworkRepository(session, planbridge.seal).add(
            name,
            sandbox.url,
            Credentials(sandbox.api_key, sandbox.api_secret),
            now=planbridge.clock(),
        )


def test_two_networks_are_mirrored_side_by_side(
    stack: ExitStack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each into its own mirror, neither waiting for the other's end."""
    planbridge = open_planbridge(tmp_path, monkeypatch)
    names = ("north", "south")
    for name in names:
        add(planbridge, name, stack.enter_context(SandboxNetwork(memberships=150, latency=0.01)))

    def sync(name: str) -> bool:
        network = planbridge.network(name)
        with planbridge.client(network) as client:
            return run(planbridge.engine, network, client, clock=planbridge.clock).complete

    with ThreadPoolExecutor(2) as pool:
        assert list(pool.map(sync, names)) == [True, True]
    assert all(network.synced_at for network in planbridge.networks())


def test_a_pace_holds_for_all_clients_of_a_network(
    stack: ExitStack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Requests begin that far apart, whoever makes them."""
    planbridge = open_planbridge(tmp_path, monkeypatch, NETWORK_RATE="20")
    add(planbridge, "north", stack.enter_context(SandboxNetwork()))
    network = planbridge.network("north")
    started = time.monotonic()
    for _ in range(3):
        with planbridge.client(network) as client:
            client.get(Entity.MEMBERSHIP, 2)
            client.get(Entity.MEMBERSHIP, 3)
    assert time.monotonic() - started >= 5 / 20
