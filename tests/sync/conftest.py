"""A network in the database, and clients of recorded networks."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Engine
from sqlmodel import Session, select

from bridge.network.client import NetworkClient
from bridge.network.endpoint import Endpoint
from bridge.network.transport import Retries, Timeouts
from bridge.network.users import SignIn
from bridge.sandbox.server import SandboxNetwork
from bridge.store.mirror import KINDS
from bridge.store.networks import Credentials, NetworkRepository, id_of
from bridge.store.seals import Seal
from bridge.store.tables import Network
from sync.passes import run
from sync.results import Progress, SyncResult
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

    def make(url: str, *, secret: str = SECRET, super_admin: SignIn | None = None) -> NetworkClient:
        return stack.enter_context(
            NetworkClient(
                Endpoint(url, KEY, secret),
                name="lab",
                timeouts=Timeouts(connect=2, read=5, write=5),
                retries=Retries(attempts=1, first=0, longest=0),
                clock=clock,
                sleep=lambda _seconds: None,
                super_admin=super_admin,
            )
        )

    return make


class Lab:
    """A sandbox network, its mirror, and a sync between them."""

    def __init__(
        self,
        engine: Engine,
        network: Network,
        sandbox: SandboxNetwork,
        client: NetworkClient,
        clock: Ticking,
    ) -> None:
        self.engine, self.network, self.sandbox = engine, network, sandbox
        self.client, self.clock = client, clock
        self.id = id_of(network)

    def sync(self, *, progress: Progress | None = None, **options: Any) -> SyncResult:
        """One full sync; ``progress`` is called after each page."""
        return run(
            self.engine,
            self.network,
            self.client,
            clock=self.clock,
            progress=progress or (lambda _done: None),
            **options,
        )

    def session(self) -> Session:
        """A session on the mirror."""
        return Session(self.engine)

    def ids(self, entity: str) -> list[int]:
        """The ids of an entity in the mirror."""
        record = KINDS[entity].record
        with self.session() as session:
            return sorted(session.scalars(select(record.id)))

    def there(self, entity: str) -> list[int]:
        """The ids of an entity on the network."""
        return self.sandbox.state.ids(entity)

    def assert_equal(self) -> None:
        """The mirror has exactly the rows of the network."""
        for entity in KINDS:
            assert self.ids(entity) == self.there(entity), entity

    def listings(self, entity: str) -> list[str]:
        """Queries of the listings of an entity since the journal was cleared."""
        path = f"/wp-json/wu/v2/{entity}"
        return [
            each.query
            for each in self.sandbox.journal
            if each.method == "GET" and each.path == path and "page=" in each.query
        ]


@pytest.fixture
def open_lab(
    stack: ExitStack,
    clock: Ticking,
    add_network: Callable[..., Network],
    connect: Callable[..., NetworkClient],
) -> Callable[..., Lab]:
    """Start a sandbox and put it into a database; options as `SandboxNetwork`.

    ``super_admin`` is who asks its WordPress.
    """

    def start(engine: Engine, *, super_admin: SignIn | None = None, **options: Any) -> Lab:
        sandbox = stack.enter_context(
            SandboxNetwork(api_key=KEY, api_secret=SECRET, clock=lambda: NOW, **options)
        )
        network = add_network(engine, sandbox.url)
        client = connect(sandbox.url, super_admin=super_admin)
        return Lab(engine, network, sandbox, client, clock)

    return start
