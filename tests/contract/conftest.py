"""The three recorded releases on real sockets, and a client for each."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime

import pytest

from bridge.network.client import NetworkClient
from bridge.network.endpoint import Endpoint
from bridge.network.transport import Retries

from .replay import KEY, RELEASES, SECRET, Replay, running

NOW = datetime(2026, 11, 23, 21, 0, tzinfo=UTC)


@pytest.fixture
def start() -> Iterator[Callable[[str], Replay]]:
    """Start a recorded release."""
    with ExitStack() as stack:
        yield lambda release: stack.enter_context(running(release))


@pytest.fixture(params=RELEASES)
def replay(request: pytest.FixtureRequest, start: Callable[[str], Replay]) -> Replay:
    """Each of the three recorded releases."""
    return start(request.param)


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    """The servers are on this machine, whatever its way to the world is."""
    monkeypatch.setenv("NO_PROXY", "*")


@pytest.fixture
def naps() -> list[float]:
    """What the client slept, without the time passing."""
    return []


@pytest.fixture
def connect(naps: list[float]) -> Iterator[Callable[[Replay], NetworkClient]]:
    """A client of a running release."""
    with ExitStack() as stack:
        yield lambda network: stack.enter_context(
            NetworkClient(
                Endpoint(network.url, KEY, SECRET),
                name="lab",
                retries=Retries(first=0, longest=0),
                clock=lambda: NOW,
                sleep=naps.append,
            )
        )


@pytest.fixture
def client(replay: Replay, connect: Callable[[Replay], NetworkClient]) -> NetworkClient:
    """A client of each of the three recorded releases."""
    return connect(replay)
