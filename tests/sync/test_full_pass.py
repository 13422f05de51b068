"""Full passes over a living network: once, twice, interrupted, with rows coming and going."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from sqlalchemy import Engine
from sqlmodel import func, select

from bridge.errors import UnknownMembership
from bridge.network.entities import Entity
from bridge.sandbox.faults import Fault
from bridge.sandbox.wire import Request
from bridge.store.limits import effective_limits
from bridge.store.locks import Locked, exclusive
from bridge.store.passes import STALE_AFTER
from bridge.store.readers import StatusNotUnderstood, load_catalogue, load_membership
from bridge.store.tables import (
    LimitsRecord,
    MembershipRecord,
    ProductRecord,
    SiteRecord,
    SyncPass,
)
from sync.results import PageDone
from tests.sync.conftest import Lab

RELEASES = ("head", "2.4.12", "2.4.7")
Open = Callable[..., Lab]


class Interruption(Exception):
    """The process is going away."""


def interrupt_at(entity: str, page: int) -> Callable[[PageDone], None]:
    """Go away after a page has been stored."""

    def progress(done: PageDone) -> None:
        if (done.entity, done.page) == (entity, page) and not done.complete:
            raise Interruption

    return progress


def asks_for(request: Request, entity: str, page: int) -> bool:
    """Whether a request is for a page of a listing of rows."""
    query = request.query
    return (
        request.path.endswith(f"/{entity}")
        and request.method == "GET"
        and query.get("page") == str(page)
        and query.get("per_page") == "100"
        and "fields" not in query
    )


@pytest.mark.parametrize("release", RELEASES)
def test_a_large_network_is_mirrored_and_then_still(
    engine: Engine, open_lab: Open, release: str
) -> None:
    """Several pages of everything; the second time nothing is written."""
    lab = open_lab(engine, memberships=230, release=release)
    first = lab.sync()
    assert first.complete, first
    lab.assert_equal()
    assert first.of("membership").created == len(lab.there("membership")) > 200
    second = lab.sync()
    assert second.complete
    assert second.differences == 0, second


def test_a_pass_goes_on_at_the_page_it_had_reached(engine: Engine, open_lab: Open) -> None:
    """Entities that were done are not read again, nor are the pages that were stored."""
    lab = open_lab(engine, memberships=350)
    with pytest.raises(Interruption):
        lab.sync(progress=interrupt_at("membership", 2))
    assert len(lab.ids("membership")) == 200
    lab.sandbox.journal.clear()
    result = lab.sync()
    assert result.complete
    lab.assert_equal()
    assert result.of("membership").resumed_at == 3
    assert [each.entity for each in result.entities if not each.repeated] == ["product", "customer"]
    pages = [query for query in lab.listings("membership") if "per_page=100" in query]
    assert not any("page=1&" in query and "fields" not in query for query in pages)
    assert result.of("membership").rows == len(lab.there("membership"))
    assert lab.sync().differences == 0


def test_an_interrupted_pass_removes_nothing(sqlite_engine: Engine, open_lab: Open) -> None:
    """Rows that an incomplete pass has not come to are still there."""
    lab = open_lab(sqlite_engine, memberships=250)
    lab.sync()
    before = lab.ids("membership")
    with pytest.raises(Interruption):
        lab.sync(progress=interrupt_at("membership", 1))
    assert lab.ids("membership") == before


def test_an_old_interruption_is_begun_anew(sqlite_engine: Engine, open_lab: Open) -> None:
    """After some days too much has changed to go on in the middle."""
    lab = open_lab(sqlite_engine, memberships=250)
    with pytest.raises(Interruption):
        lab.sync(progress=interrupt_at("membership", 1))
    lab.clock.now += STALE_AFTER
    result = lab.sync()
    assert result.of("membership").resumed_at is None
    assert all(each.repeated for each in result.entities)
    with lab.session() as session:
        states = session.exec(select(SyncPass.state, func.count()).group_by(SyncPass.state)).all()
    assert dict(states) == {"complete": 9, "abandoned": 1}


def test_a_page_that_fails_stops_its_entity_only(engine: Engine, open_lab: Open) -> None:
    """The mirror keeps what it has, the others are read, and the next sync goes on there."""
    lab = open_lab(engine, memberships=250)
    lab.sandbox.faults = lambda request: (
        Fault(status=500) if asks_for(request, "membership", 3) else None
    )
    result = lab.sync()
    assert not result.complete
    assert len(result.faults) == 1
    assert "500" in result.of("membership").error
    assert len(lab.ids("membership")) == 200
    assert lab.ids("payment") == lab.there("payment")
    lab.sandbox.faults = lambda _request: None
    again = lab.sync()
    assert again.complete
    assert again.of("membership").resumed_at == 3
    assert again.of("product").repeated, "a run that went on without one entity had its end"
    lab.assert_equal()


def test_what_was_deleted_there_goes_here(engine: Engine, open_lab: Open) -> None:
    """Rows, their limits, and nothing else."""
    lab = open_lab(engine, memberships=20)
    lab.sync()
    with lab.session() as session:
        limits = session.scalar(select(func.count()).select_from(LimitsRecord))
    site = lab.there("site")[-1]
    lab.sandbox.state.remove("site", site)
    lab.sandbox.state.remove("discount_code", 1)
    result = lab.sync()
    assert {each.entity: each.removed for each in result.entities if each.removed} == {
        "site": 1,
        "discount_code": 1,
    }
    lab.assert_equal()
    with lab.session() as session:
        assert session.scalar(select(func.count()).select_from(LimitsRecord)) == limits - 1


@pytest.mark.parametrize("release", RELEASES)
@pytest.mark.parametrize("known", [True, False])
def test_rows_that_shift_between_pages_are_not_lost(
    sqlite_engine: Engine, open_lab: Open, release: str, known: bool
) -> None:
    """A row deleted from a page already read moves the next ones up, past the page's edge."""
    lab = open_lab(sqlite_engine, memberships=250, release=release)
    if known:
        lab.sync()

    def delete_on_the_way(request: Request) -> None:
        if asks_for(request, "membership", 2) and len(lab.there("membership")) == 257:
            for membership in lab.there("membership")[:3]:
                lab.sandbox.state.remove("membership", membership)

    lab.sandbox.faults = delete_on_the_way
    result = lab.sync()
    assert result.complete
    # On the first pass the three were stored before they went; the next one notices.
    missing = set(lab.there("membership")) - set(lab.ids("membership"))
    assert missing == set()
    lab.sync()
    lab.assert_equal()


def test_a_row_created_meanwhile_is_taken(sqlite_engine: Engine, open_lab: Open) -> None:
    """Ids ascend, so a new row comes at the end of the listing."""
    lab = open_lab(sqlite_engine, memberships=150)
    created: list[int] = []

    def create_on_the_way(request: Request) -> None:
        if asks_for(request, "discount_code", 1) and not created:
            created.append(lab.sandbox.state.insert("discount_code", name="N", code="NEW"))

    lab.sandbox.faults = create_on_the_way
    assert lab.sync().complete
    lab.assert_equal()


def test_an_edit_there_is_one_changed_row_here(engine: Engine, open_lab: Open) -> None:
    """Nothing else is written."""
    lab = open_lab(engine, memberships=150)
    lab.sync()
    lab.client.update(Entity.MEMBERSHIP, 7, {"amount": 77})
    result = lab.sync()
    assert (result.differences, result.of("membership").changed) == (1, 1)
    with lab.session() as session:
        assert session.get_one(MembershipRecord, (lab.id, 7)).amount == 7700


def test_limits_changed_by_hand_are_noticed(engine: Engine, open_lab: Open) -> None:
    """An override on a site changes what is in force there, not the site's own fields."""
    lab = open_lab(engine)
    lab.sync()
    site = next(row["blog_id"] for row in lab.sandbox.state.rows("site") if row["membership_id"])
    lab.client.write_limits(Entity.SITE, site, {"visits": {"enabled": True, "limit": 7}})
    result = lab.sync()
    assert result.of("site").changed == 1
    with lab.session() as session:
        shown = effective_limits(session, lab.id, site)
    assert shown is not None
    assert shown["visits"] == {"enabled": True, "limit": 7}


def test_a_site_whose_membership_is_gone_has_no_limits(
    sqlite_engine: Engine, open_lab: Open
) -> None:
    """The network shows none, and on a network that shows limits that is an answer."""
    lab = open_lab(sqlite_engine)
    lab.sync()
    row = next(row for row in lab.sandbox.state.rows("site") if row["membership_id"])
    lab.sandbox.state.remove("membership", int(str(row["membership_id"])))
    lab.sync()
    with lab.session() as session:
        assert effective_limits(session, lab.id, int(str(row["blog_id"]))) == {}


@pytest.mark.parametrize("release", ["2.4.12", "2.4.7"])
def test_a_new_site_on_an_old_release_finds_its_owner(
    sqlite_engine: Engine, open_lab: Open, release: str
) -> None:
    """Only while a site's owner is unknown are memberships searched, newest first."""
    lab = open_lab(sqlite_engine, memberships=30, release=release)
    lab.sync()
    owner = lab.there("membership")[-1]
    site = lab.sandbox.state.insert(
        "site",
        domain="network.example.test",
        path="/new/",
        title="New",
        type="customer_owned",
        customer_id=lab.there("customer")[-1],
        membership_id=owner,
    )
    lab.sandbox.journal.clear()
    lab.sync()
    with lab.session() as session:
        found = session.get_one(SiteRecord, (lab.id, site))
    assert (found.membership_id, found.customer_id) == (owner, lab.there("customer")[-1])
    searches = [query for query in lab.listings("site") if "wu_membership_id" in query]
    assert len(searches) <= 2, "one probe, and the newest membership at once"


def test_one_sync_of_a_network_at_a_time(engine: Engine, open_lab: Open) -> None:
    """The second one says so and does nothing; the lock goes with its holder."""
    lab = open_lab(engine)
    with (
        exclusive(engine, f"sync-{lab.id}", what="x"),
        pytest.raises(Locked, match="A sync of lab is under way already"),
    ):
        lab.sync()
    assert lab.ids("product") == []
    assert lab.sync().complete


def test_only_some_entities(sqlite_engine: Engine, open_lab: Open) -> None:
    """The rest is not asked for, and the network does not count as synced."""
    lab = open_lab(sqlite_engine)
    result = lab.sync(entities=[Entity.PRODUCT, Entity.DOMAIN])
    assert [each.entity for each in result.entities] == ["product", "domain"]
    assert lab.ids("membership") == []


def test_progress_is_told_after_every_page(sqlite_engine: Engine, open_lab: Open) -> None:
    """Rows so far, the network's total, and the end."""
    lab = open_lab(sqlite_engine, memberships=250)
    told: list[PageDone] = []
    lab.sync(progress=told.append)
    pages = [each for each in told if each.entity == "membership"]
    assert [(each.page, each.rows, each.complete) for each in pages] == [
        (1, 100, False),
        (2, 200, False),
        (3, 257, False),
        (3, 257, True),
    ]
    assert {each.total for each in pages} == {257}


def test_what_the_rules_do_not_know_is_mirrored_all_the_same(
    sqlite_engine: Engine, open_lab: Open
) -> None:
    """A new status or type of a later release stops no sync; only its quote is refused."""
    lab = open_lab(sqlite_engine)
    state = lab.sandbox.state
    for entity, key, change in (
        ("membership", 2, {"status": "paused"}),
        ("product", 3, {"type": "bundle"}),
    ):
        row = state.row(entity, key)
        assert row is not None
        state.save(entity, key, {**row, **change})
    assert lab.sync().complete
    with lab.session() as session:
        assert session.get_one(MembershipRecord, (lab.id, 2)).status == "paused"
        with pytest.raises(StatusNotUnderstood, match="'paused'"):
            load_membership(session, lab.id, 2)
        with pytest.raises(UnknownMembership, match="'lab' has no membership 999"):
            load_membership(session, lab.id, 999)
        assert 3 not in load_catalogue(session, lab.id).products
        assert session.get_one(ProductRecord, (lab.id, 3)).type == "bundle"
    assert lab.sync().differences == 0
