"""Incremental passes: five edits move five rows, and nothing is lost on the way."""

from __future__ import annotations

from array import array
from collections.abc import Callable
from datetime import timedelta

import pytest
from sqlalchemy import Engine

from bridge.network.entities import Entity
from bridge.sandbox.faults import Fault
from bridge.sandbox.wire import Request
from bridge.store.limits import effective_limits
from bridge.store.tables import CustomerRecord, MembershipRecord, SiteRecord
from sync.removals import Difference, MiscountedRows, compare_all, differing_ids
from tests.sync.conftest import Lab

RELEASES = ("head", "2.4.12", "2.4.7")
Open = Callable[..., Lab]


def quiet(lab: Lab) -> None:
    """Let the overlap with the last pass go by, and forget what was asked."""
    lab.clock.now += timedelta(minutes=10)
    lab.sandbox.journal.clear()


@pytest.mark.parametrize("release", RELEASES)
def test_five_edits_move_five_rows(engine: Engine, open_lab: Open, release: str) -> None:
    """Of memberships, a product, a customer: what has a time and what has none."""
    lab = open_lab(engine, memberships=230, release=release)
    lab.sync()
    quiet(lab)
    lab.sandbox.state.clock = lab.clock
    for membership in (3, 120, 237):
        lab.client.update(Entity.MEMBERSHIP, membership, {"times_billed": 7})
    lab.client.update(Entity.PRODUCT, 3, {"name": "Renamed"})
    lab.client.update(Entity.CUSTOMER, 5, {"vip": True})
    result = lab.sync(incremental=True)
    assert result.complete, result
    assert all(each.incremental for each in result.entities)
    assert {each.entity: each.differences for each in result.entities if each.differences} == {
        "membership": 3,
        "product": 1,
        "customer": 1,
    }
    with lab.session() as session:
        assert session.get_one(MembershipRecord, (lab.id, 120)).times_billed == 7
        assert session.get_one(CustomerRecord, (lab.id, 5)).raw["vip"] not in (False, "0")
    quiet(lab)
    assert lab.sync(incremental=True).differences == 0
    assert lab.sync().differences == 0, "a whole pass has nothing to add"


def test_nothing_changed_costs_a_few_small_requests(engine: Engine, open_lab: Open) -> None:
    """One for what changed and one for the count of each, and none to probe."""
    lab = open_lab(engine, memberships=500)
    lab.sync()
    whole = len(list(lab.sandbox.journal))
    quiet(lab)
    assert lab.sync(incremental=True).differences == 0
    assert len(list(lab.sandbox.journal)) < whole / 2
    quiet(lab)
    result = lab.sync(incremental=True, entities=[Entity.MEMBERSHIP])
    assert result.of("membership").rows == 0
    assert len(list(lab.sandbox.journal)) == 2


def test_one_percent_changed_costs_at_most_five_percent(
    sqlite_engine: Engine, open_lab: Open
) -> None:
    """In requests, of a whole pass over the memberships."""
    lab = open_lab(sqlite_engine, memberships=10_000)
    whole = lab.sync(entities=[Entity.MEMBERSHIP])
    requests = len(list(lab.sandbox.journal))
    quiet(lab)
    state = lab.sandbox.state
    for membership in range(50, 10_050, 100):
        row = state.row("membership", membership)
        assert row is not None
        moved = {"times_billed": 9, "date_modified": "2026-11-24 12:05:00"}
        state.save("membership", membership, {**row, **moved})
    result = lab.sync(incremental=True, entities=[Entity.MEMBERSHIP])
    assert result.of("membership").changed == 100
    assert len(list(lab.sandbox.journal)) <= 0.05 * requests
    assert whole.of("membership").rows == len(lab.there("membership"))


@pytest.mark.parametrize("release", RELEASES)
def test_what_is_new_is_taken(engine: Engine, open_lab: Open, release: str) -> None:
    """Also rows without a time of modification, and far from the old ids."""
    lab = open_lab(engine, memberships=150, release=release)
    lab.sync()
    quiet(lab)
    state = lab.sandbox.state
    state.clock = lab.clock
    customers = [state.insert("customer", user_id=9000 + each) for each in range(130)]
    membership = state.insert("membership", customer_id=customers[-1], plan_id=3, status="active")
    state.insert(
        "site",
        domain="network.example.test",
        path="/new/",
        title="New",
        type="customer_owned",
        customer_id=customers[-1],
        membership_id=membership,
    )
    result = lab.sync(incremental=True)
    assert result.complete
    lab.assert_equal()
    assert result.of("customer").created == 130
    assert (result.of("membership").created, result.of("site").created) == (1, 1)
    site = lab.there("site")[-1]
    with lab.session() as session:
        assert session.get_one(SiteRecord, (lab.id, site)).membership_id == membership


@pytest.mark.parametrize("release", RELEASES)
def test_what_was_deleted_goes(engine: Engine, open_lab: Open, release: str) -> None:
    """Found by the count and a few pages of ids, wherever it stood."""
    lab = open_lab(engine, memberships=2000, release=release)
    lab.sync()
    quiet(lab)
    for membership in (1, 700, 701, 2007):
        lab.sandbox.state.remove("membership", membership)
    lab.sandbox.state.remove("site", lab.there("site")[4])
    result = lab.sync(incremental=True)
    assert result.complete
    assert (result.of("membership").removed, result.of("site").removed) == (4, 1)
    lab.assert_equal()
    assert len(lab.listings("membership")) < 15, "of 21 pages of ids"


def test_a_plan_changed_shows_in_the_limits_of_its_sites(engine: Engine, open_lab: Open) -> None:
    """A site has no time of its own: it is read again with its membership."""
    lab = open_lab(engine)
    lab.sync()
    quiet(lab)
    lab.sandbox.state.clock = lab.clock
    row = next(row for row in lab.sandbox.state.rows("site") if row["membership_id"])
    membership, site = int(str(row["membership_id"])), int(str(row["blog_id"]))
    with lab.session() as session:
        before = effective_limits(session, lab.id, site)
    lab.client.write_limits(
        Entity.MEMBERSHIP, membership, {"visits": {"enabled": True, "limit": 4711}}
    )
    lab.client.update(Entity.MEMBERSHIP, membership, {"times_billed": 99})
    result = lab.sync(incremental=True)
    assert result.of("site").changed >= 1
    with lab.session() as session:
        after = effective_limits(session, lab.id, site)
    assert after is not None
    assert after != before
    assert after["visits"]["limit"] == 4711


def test_the_sites_of_a_membership_that_went_are_read_again(
    sqlite_engine: Engine, open_lab: Open
) -> None:
    """Their limits went with it, though nothing was written to them."""
    lab = open_lab(sqlite_engine)
    lab.sync()
    quiet(lab)
    row = next(row for row in lab.sandbox.state.rows("site") if row["membership_id"])
    membership, site = int(str(row["membership_id"])), int(str(row["blog_id"]))
    with lab.session() as session:
        before = effective_limits(session, lab.id, site)
    lab.sandbox.state.remove("membership", membership)
    assert lab.sync(incremental=True).of("membership").removed == 1
    with lab.session() as session:
        after = effective_limits(session, lab.id, site)
    assert after != before
    lab.sync()
    with lab.session() as session:
        assert effective_limits(session, lab.id, site) == after, "as a full pass finds them"


def test_the_first_time_everything_is_read(sqlite_engine: Engine, open_lab: Open) -> None:
    """There is nothing to follow on from."""
    lab = open_lab(sqlite_engine, memberships=50)
    result = lab.sync(incremental=True)
    assert result.complete
    assert not any(each.incremental for each in result.entities)
    lab.assert_equal()


def test_after_a_day_what_only_the_feed_tells_is_read_whole(
    sqlite_engine: Engine, open_lab: Open
) -> None:
    """The network forgets its feed of changes; times of modification stay."""
    lab = open_lab(sqlite_engine, memberships=50)
    lab.sync()
    lab.clock.now += timedelta(days=2)
    result = lab.sync(incremental=True)
    whole = {each.entity for each in result.entities if not each.incremental}
    assert whole == {"customer", "domain"}


def test_a_pass_that_broke_off_is_made_up_for(sqlite_engine: Engine, open_lab: Open) -> None:
    """The next one looks back as far as the last one that came to its end."""
    lab = open_lab(sqlite_engine, memberships=50)
    lab.sync()
    quiet(lab)
    lab.sandbox.state.clock = lambda: lab.clock.now
    lab.client.update(Entity.MEMBERSHIP, 9, {"times_billed": 5})
    lab.sandbox.faults = lambda request: (
        Fault(status=500) if request.path.endswith("/membership") else None
    )
    broken = lab.sync(incremental=True)
    assert "500" in broken.of("membership").error
    lab.clock.now += timedelta(hours=2)
    lab.sandbox.faults = lambda _request: None
    assert lab.sync(incremental=True).of("membership").changed == 1
    lab.assert_equal()


@pytest.mark.parametrize("release", RELEASES)
def test_rows_that_shift_meanwhile_are_not_lost(
    sqlite_engine: Engine, open_lab: Open, release: str
) -> None:
    """A changed row deleted from the first page moves another one past its edge."""
    lab = open_lab(sqlite_engine, memberships=300, release=release)
    lab.sync()
    quiet(lab)
    state = lab.sandbox.state
    for row in list(state.rows("membership")):
        moved = {"times_billed": 42, "date_modified": "2026-11-24 12:09:00"}
        state.save("membership", int(str(row["id"])), {**row, **moved})

    def delete_on_the_way(request: Request) -> None:
        second = request.path.endswith("/membership") and request.query.get("page") == "2"
        if second and "fields" not in request.query and 1 in lab.there("membership"):
            for membership in lab.there("membership")[:3]:
                state.remove("membership", membership)

    lab.sandbox.faults = delete_on_the_way
    assert lab.sync(incremental=True).complete
    lab.assert_equal()
    with lab.session() as session:
        for membership in lab.there("membership"):
            found = session.get_one(MembershipRecord, (lab.id, membership))
            assert found.times_billed == 42, membership


@pytest.mark.parametrize("count", ["12", "100000", "[]", "null", '"12"'])
def test_a_wrong_count_removes_nothing(sqlite_engine: Engine, open_lab: Open, count: str) -> None:
    """All ids are compared then, and rows about to be removed are asked for."""
    lab = open_lab(sqlite_engine, memberships=250)
    lab.sync()
    quiet(lab)
    lab.sandbox.state.remove("membership", 77)
    lab.sandbox.faults = lambda request: Fault(html=count) if "count" in request.query else None
    result = lab.sync(incremental=True, entities=[Entity.MEMBERSHIP])
    assert result.complete, result
    assert result.of("membership").removed == 1
    assert lab.ids("membership") == lab.there("membership")


def test_a_row_that_cannot_be_read_is_looked_for_again(
    sqlite_engine: Engine, open_lab: Open
) -> None:
    """Until it is corrected, it is named every time, and its correction is seen."""
    lab = open_lab(sqlite_engine)
    lab.sync()
    quiet(lab)
    state = lab.sandbox.state
    row = state.row("membership", 3)
    assert row is not None
    spoilt = {"date_expiration": "some day", "date_modified": "2026-11-24 12:09:00"}
    state.save("membership", 3, {**row, **spoilt})
    for _ in range(2):
        (sentence,) = lab.sync(incremental=True).of("membership").unreadable
        assert "membership 3" in sentence
        lab.clock.now += timedelta(hours=1)
    state.save("membership", 3, {**row, "amount": 5, "date_modified": "2026-11-24 12:09:30"})
    result = lab.sync(incremental=True)
    assert result.complete
    assert result.of("membership").changed == 1


@pytest.mark.parametrize("there", [set(), {5}, set(range(1, 1000)), set(range(0, 3000, 3))])
@pytest.mark.parametrize("gone", [set(), {3}, {0, 999, 1500, 2997}, set(range(300, 700))])
def test_the_two_lists_are_compared_at_few_places(there: set[int], gone: set[int]) -> None:
    """Missing ids are found exactly, by pages or one by one."""
    known = array("q", sorted(there | gone))
    left = sorted(there - gone)
    expected = sorted(set(known) - set(left))

    def page(number: int) -> list[int]:
        return left[(number - 1) * 100 : number * 100]

    assert differing_ids(page, known, there=len(left)) == Difference(missing=expected)
    assert compare_all(left, known) == Difference(missing=expected)
    assert compare_all(known, array("q", left)) == Difference(unknown=expected)


def test_a_count_that_is_too_high_is_noticed() -> None:
    """There is no such page."""
    with pytest.raises(MiscountedRows):
        differing_ids(lambda _number: [], array("q", range(300)), there=5000)
