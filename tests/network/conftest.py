"""A hostile server, and a client that is quick to lose patience."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime

import pytest
import structlog

from bridge.network.client import NetworkClient
from bridge.network.endpoint import Endpoint
from bridge.network.transport import Retries, Timeouts

from .hostile import Script, Server, Step, serving

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
KEY, SECRET = "the-key", "the-secret"


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    """The servers are on this machine, whatever its way to the world is."""
    monkeypatch.setenv("NO_PROXY", "*")


@pytest.fixture(autouse=True)
def fresh_log() -> None:
    """A command run by an earlier test logs to a stream that is closed by now."""
    structlog.reset_defaults()


@pytest.fixture
def naps() -> list[float]:
    """What the client slept, without the time passing."""
    return []


@pytest.fixture
def serve() -> Iterator[Callable[..., Server]]:
    """Start a server: answers in order (the last one stays), or a script."""
    with ExitStack() as stack:

        def start(*answers: Step, script: Script | None = None) -> Server:
            return stack.enter_context(serving(Server(answers=list(answers), script=script)))

        yield start


@pytest.fixture
def connect(naps: list[float]) -> Iterator[Callable[..., NetworkClient]]:
    """A client of a server; one attempt per read unless told."""
    with ExitStack() as stack:

        def make(
            url: str | Server, *, attempts: int = 1, in_query: bool = False, most_bytes: int = 10**6
        ) -> NetworkClient:
            address = url if isinstance(url, str) else url.url
            return stack.enter_context(
                NetworkClient(
                    Endpoint(address, KEY, SECRET, in_query=in_query),
                    name="lab",
                    timeouts=Timeouts(connect=2, read=0.75, write=0.75, whole=1.5),
                    retries=Retries(attempts=attempts, first=0, longest=0.01),
                    most_bytes=most_bytes,
                    clock=lambda: NOW,
                    sleep=naps.append,
                )
            )

        yield make
