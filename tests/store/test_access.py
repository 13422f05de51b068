"""Links that are taken once and sessions that end, on both databases."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest
from cryptography.fernet import Fernet
from sqlalchemy import Engine
from sqlmodel import Session, select

from bridge.store.access import AccessRepository
from bridge.store.networks import Credentials, NetworkRepository
from bridge.store.seals import Seal
from bridge.store.tables import UsedLink, WebSession
from tests.conftest import NOW

SOON = NOW + timedelta(minutes=15)
HOURS = timedelta(hours=12)


@pytest.fixture
def network(engine: Engine) -> int:
    with Session(engine) as session:
        made = NetworkRepository(session, Seal([Fernet.generate_key().decode()])).add(
            "main", "https://network.example.test", Credentials("key", "secret"), now=NOW
        )
        session.commit()
        return made.key


def test_a_link_is_taken_once(engine: Engine, network: int) -> None:
    """However many want it at the same moment, each in a transaction of its own."""
    taken: list[bool] = []
    start = threading.Barrier(6)

    def take() -> None:
        start.wait()
        with Session(engine) as session:
            got = AccessRepository(session).use_link(
                network, "a-link-of-16-characters", expires_at=SOON, now=NOW
            )
            session.commit()
            taken.append(got)

    threads = [threading.Thread(target=take) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(taken) == [False] * 5 + [True]


def test_links_are_forgotten_when_they_have_expired(engine: Engine, network: int) -> None:
    """The table does not grow: a link that has expired opens nothing anyway."""
    with Session(engine) as session:
        access = AccessRepository(session)
        assert access.use_link(network, "an-old-link-of-16", expires_at=NOW, now=NOW)
        later = NOW + timedelta(hours=1)
        assert access.use_link(network, "a-new-link-of-16", expires_at=SOON + HOURS, now=later)
        assert [row.link_id for row in session.exec(select(UsedLink))] == ["a-new-link-of-16"]


def test_a_session_is_found_by_its_token_until_it_is_over(engine: Engine, network: int) -> None:
    """The token itself is kept nowhere."""
    with Session(engine) as session:
        access = AccessRepository(session)
        token = access.open(now=NOW, lifetime=HOURS, network_id=network, customer_id=7)
        assert len(token) >= 40
        row = session.exec(select(WebSession)).one()
        assert token not in repr(row)
        assert access.find(token, now=NOW) is not None
        assert access.find(token, now=NOW + HOURS) is None
        assert access.find(token[:-1] + "x", now=NOW) is None
        assert access.find("", now=NOW) is None
        access.close(token)
        assert access.find(token, now=NOW) is None


def test_a_language_is_kept_with_the_session(engine: Engine, network: int) -> None:
    """For the session of that token and no other; an unknown token is no error."""
    with Session(engine) as session:
        access = AccessRepository(session)
        one, other = (
            access.open(now=NOW, lifetime=HOURS, network_id=network, customer_id=number)
            for number in (1, 2)
        )
        access.speak(one, "fr")
        access.speak("nobody's", "de")
        session.expire_all()
        spoken = [access.find(token, now=NOW) for token in (one, other)]
        assert [each.language for each in spoken if each is not None] == ["fr", ""]
