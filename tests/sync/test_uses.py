"""Asking sites what they use: all of them, gently, and until somebody says stop."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import Engine
from sqlmodel import Session

from bridge.network.faults import Fault, TimedOut
from bridge.network.site_facts import SiteFacts
from bridge.store.tables import Network, SiteRecord
from bridge.store.uses import KnownUses
from sync.pace import Pace
from sync.schedules import JobStopped
from sync.uses import Asked, read_uses
from tests.notices.town import Town, limits


class Client:
    """A site's client that answers as it was told to."""

    def __init__(self, answer: SiteFacts | Fault, asked: list[object]) -> None:
        self._answer = answer
        self._asked = asked

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: object) -> None:
        """Nothing to close."""

    def facts(self, *, post_types: Any = ()) -> SiteFacts:
        self._asked.append(list(post_types))
        if isinstance(self._answer, Fault):
            raise self._answer
        return self._answer


class Sites:
    """Which site answers what; ``asked`` the post types that were asked for."""

    def __init__(self, answers: dict[int, SiteFacts | Fault]) -> None:
        self.answers = answers
        self.asked: list[object] = []

    def __call__(self, _network: Network, site: SiteRecord) -> Any:
        return Client(self.answers[site.id], self.asked)


@pytest.fixture
def town(sqlite_engine: Engine) -> Town:
    return Town(sqlite_engine)


def read(town: Town, sites: Any, *, go_on: Callable[[], bool] = lambda: True) -> Asked | None:
    with town.session() as session:
        network = session.get_one(Network, town.network_id)
    return read_uses(
        town.engine, network, open_site=sites, clock=town.clock, go_on=go_on, pace=Pace(0)
    )


def known(town: Town) -> KnownUses:
    with Session(town.engine) as session:
        return KnownUses(session, town.network_id)


def test_every_site_is_asked_and_kept(town: Town) -> None:
    """With the post types that have a limit; what was kept before is replaced."""
    town.show_limits(10, limits(100))
    town.add_domains(10, "a.example", "b.example", "sub.c.example")
    sites = Sites(
        {
            10: SiteFacts(url="", posts={"post": 7}, users={"editor": 1}),
            20: SiteFacts(url="", posts={"post": 9}, untold={"users": "not allowed"}),
        }
    )
    asked = read(town, sites)
    assert (asked, sites.asked) == (Asked(told=2, untold=0), [["post"], []])
    first, second = known(town).of(10), known(town).of(20)
    assert (first.posts, first.users, first.domains) == ({"post": 7}, {"editor": 1}, 2)
    assert (second.posts, second.users, second.domains) == ({"post": 9}, None, 0)
    assert known(town).read_at(10) == town.clock()
    sites.answers[10] = SiteFacts(url="", posts={"post": 8})
    read(town, sites)
    assert known(town).of(10).posts == {"post": 8}


def test_a_site_that_does_not_answer_is_passed_over(town: Town) -> None:
    """What it uses is not known then, rather than what it used once."""
    sites = Sites(
        {
            10: TimedOut(network="main", what="no answer"),
            20: SiteFacts(url="", posts={"post": 9}),
        }
    )
    assert read(town, sites) == Asked(told=1, untold=1)
    assert known(town).of(10).posts is None


def test_nobody_on_record_to_ask_with(town: Town) -> None:
    """Nothing is kept."""
    assert read(town, lambda _network, _site: None) is None
    assert known(town).read_at(10) is None


def test_it_stops_when_the_process_ends(town: Town) -> None:
    """Between two sites."""
    answers = [True, False]
    sites = Sites({10: SiteFacts(url="", posts={})})
    with pytest.raises(JobStopped):
        read(town, sites, go_on=lambda: answers.pop(0))
    assert known(town).read_at(10) is not None
