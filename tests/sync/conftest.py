"""A network in the database, and clients of recorded networks."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import datetime, timedelta

import pytest
from sqlalchemy import Engine
from sqlmodel import Session

from bridge.network.client import NetworkClient
from bridge.network.endpoint import Endpoint
from bridge.network.transport import Retries, Timeouts
from bridge.store.networks import Credentials, NetworkRepository
from bridge.store.seals import Seal
from bridge.store.tables import Network
from tests.conftest import NOW
from tests.contract.replay import KEY, SECRET


class Ticking:
    """A clock that moves a millisecond with every look."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> datetime:
        self.now += timedelta(milliseconds=1)
        return self.now


@pytest.fixture
def clock() -> Ticking:
    """Aware UTC, moving."""
    return Ticking()


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    """Closed after the test."""
    with ExitStack() as stack:
        yield stack


@pytest.fixture
def add_network() -> Callable[[Engine], Network]:
    """Put a network named lab into a database."""

    def add(engine: Engine, url: str = "http://unused.example") -> Network:
        with Session(engine, expire_on_commit=False) as session:
            network = NetworkRepository(session, Seal([Seal.new_key()])).add(
                "lab", url, Credentials(KEY, SECRET), now=NOW
            )
            session.commit()
            session.expunge(network)
        return network

    return add


@pytest.fixture
def connect(stack: ExitStack, clock: Ticking) -> Callable[..., NetworkClient]:
    """A client with recorded credentials that does not wait between attempts."""

    def make(url: str, *, secret: str = SECRET) -> NetworkClient:
        return stack.enter_context(
            NetworkClient(
                Endpoint(url, KEY, secret),
                name="lab",
                timeouts=Timeouts(connect=2, read=5, write=5),
                retries=Retries(attempts=1, first=0, longest=0),
                clock=clock,
                sleep=lambda _seconds: None,
            )
        )

    return make
