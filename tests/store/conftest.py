"""A network in the database, with the keys that seal its secrets."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlalchemy import Engine
from sqlmodel import Session

from bridge.store.networks import Credentials, NetworkRepository
from bridge.store.seals import Seal
from bridge.store.tables import Network
from tests.conftest import NOW


@pytest.fixture
def seal() -> Seal:
    """A seal with one fresh key."""
    return Seal([Seal.new_key()])


@pytest.fixture
def session(engine: Engine) -> Iterator[Session]:
    """A session on each kind of database."""
    with Session(engine) as session:
        yield session


@pytest.fixture
def network(session: Session, seal: Seal) -> Network:
    """A network named main."""
    network = NetworkRepository(session, seal).add(
        "main", "https://network.example.com", Credentials("key", "topsecret"), now=NOW
    )
    session.commit()
    return network
