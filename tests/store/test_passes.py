"""Runs and passes: what is taken up again, what is begun anew, who may advance."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlmodel import Session, select

from bridge.store.mirror import Written
from bridge.store.networks import id_of
from bridge.store.passes import (
    STALE_AFTER,
    OpenRun,
    PassOvertaken,
    advance,
    begin_pass,
    complete,
    open_run,
    stop,
)
from bridge.store.tables import Network, SyncPass
from tests.conftest import NOW

ENTITIES = ("product", "membership", "site")
PAGE = Written(created=frozenset({1, 2}), changed=frozenset({3}), unchanged=frozenset({4}))


def opened(session: Session, network: Network, run_id: str, *, hours: float = 0) -> OpenRun:
    """Open a run some time after the first."""
    return open_run(
        session,
        id_of(network),
        ENTITIES,
        new_id=run_id,
        now=NOW + timedelta(hours=hours),
    )


def begun(session: Session, network: Network, entity: str, *, run_id: str = "one") -> int:
    """A pass at its first page."""
    started = begin_pass(session, id_of(network), entity, run_id=run_id, now=NOW)
    assert started.id is not None
    return started.id


def test_a_page_moves_the_pass_and_its_figures(session: Session, network: Network) -> None:
    """One step a page, counted by what became of the rows."""
    pass_id = begun(session, network, "membership")
    advance(session, pass_id, page=1, written=PAGE)
    found = advance(session, pass_id, page=2, written=Written(unchanged=frozenset({5})))
    assert (found.next_page, found.rows, found.created, found.changed) == (3, 5, 2, 1)


def test_a_page_that_is_not_next_is_refused(session: Session, network: Network) -> None:
    """A process that lost its lock must not store what another has gone past."""
    pass_id = begun(session, network, "membership")
    advance(session, pass_id, page=1, written=PAGE)
    with pytest.raises(PassOvertaken, match="membership"):
        advance(session, pass_id, page=1, written=PAGE)
    complete(session, pass_id, removed=0, now=NOW)
    with pytest.raises(PassOvertaken):
        advance(session, pass_id, page=2, written=PAGE)


def test_an_interrupted_run_is_taken_up(session: Session, network: Network) -> None:
    """With what it ended and what it had begun."""
    complete(session, begun(session, network, "product"), removed=0, now=NOW)
    unfinished = begun(session, network, "membership")
    run = opened(session, network, "two", hours=1)
    assert run.id == "one"
    assert {entity: each.state for entity, each in run.passes.items()} == {
        "product": "complete",
        "membership": "running",
    }
    resumed = run.pass_of("membership")
    assert resumed is not None
    assert resumed.id == unfinished
    assert run.pass_of("site") is None


def test_a_run_that_had_its_end_is_not_taken_up(session: Session, network: Network) -> None:
    """Only the entity that failed in it goes on, within a new run."""
    complete(session, begun(session, network, "product"), removed=0, now=NOW)
    failed = begun(session, network, "membership")
    advance(session, failed, page=1, written=PAGE)
    stop(session, failed, "it crashed", alone=True)
    run = opened(session, network, "two", hours=1)
    assert run.id == "two"
    assert list(run.passes) == ["membership"]
    resumed = run.passes["membership"]
    assert (resumed.id, resumed.next_page, resumed.run_id) == (failed, 2, "two")


def test_a_stale_run_is_abandoned(session: Session, network: Network) -> None:
    """A day later it begins at the first page."""
    unfinished = begun(session, network, "membership")
    run = opened(session, network, "two", hours=STALE_AFTER / timedelta(hours=1) + 1)
    assert (run.id, run.passes) == ("two", {})
    assert session.get_one(SyncPass, unfinished).state == "abandoned"


def test_the_passes_of_other_networks_are_left_alone(session: Session, network: Network) -> None:
    """Each network has its own runs."""
    other = Network(name="other", url="x", sealed_credentials="x", created_at=NOW)
    session.add(other)
    session.flush()
    begun(session, other, "membership")
    assert opened(session, network, "two").passes == {}
    assert session.exec(select(SyncPass.state)).all() == ["running"]


def test_passes_of_long_ago_are_forgotten(session: Session, network: Network) -> None:
    """The table does not grow for ever."""
    complete(session, begun(session, network, "product"), removed=0, now=NOW)
    opened(session, network, "two", hours=31 * 24)
    assert session.exec(select(SyncPass)).all() == []
