"""A product's limits changed on the network: the sites of all who have it are read again."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import Engine
from sqlmodel import select

from bridge.network.entities import Entity
from bridge.sandbox.example_limits import BASIC
from bridge.sandbox.examples import BASIC_ID, PREMIUM_ID, UNLIMITED_VISITS_ID, member
from bridge.sandbox.faults import Fault
from bridge.store.limits import effective_limits
from bridge.store.tables import DueProduct
from sync import passes
from tests.sync.conftest import Lab
from tests.sync.test_incremental import quiet

Open = Callable[..., Lab]


def having(lab: Lab, *products: int) -> list[int]:
    """The sites on the network whose membership has one of these products."""
    state = lab.sandbox.state
    found = {
        int(str(row["id"]))
        for row in state.rows("membership")
        if int(str(row["plan_id"])) in products
        or {str(each) for each in products} & {*(row["addon_products"] or {})}
    }
    return [
        int(str(row["blog_id"]))
        for row in state.rows("site")
        if int(str(row["membership_id"] or 0)) in found
    ]


def change(lab: Lab, product: int, visits: int) -> None:
    row: dict[str, Any] = {**BASIC, "visits": {"enabled": True, "limit": visits}}
    lab.client.write_limits(Entity.PRODUCT, product, row)


def shown(lab: Lab, site: int) -> dict[str, Any]:
    """The limits in force on a site, as the mirror has them."""
    with lab.session() as session:
        found = effective_limits(session, lab.id, site)
    assert found is not None
    return found


def assert_as_shown(lab: Lab, sites: list[int]) -> None:
    """The mirror has the limits that the network shows."""
    for site in sites:
        assert shown(lab, site) == lab.sandbox.state.site_limits(site), site


def due(lab: Lab) -> dict[int, int]:
    """How far each product that changed has been followed."""
    with lab.session() as session:
        return {row.product_id: row.cursor for row in session.exec(select(DueProduct))}


def opened(engine: Engine, open_lab: Open, **options: Any) -> Lab:
    """A synced lab where three memberships have an add-on, and a while has gone by."""
    lab = open_lab(engine, memberships=40, **options)
    with lab.sandbox.state.changing():
        for _ in range(3):
            member(lab.sandbox.state, plan=PREMIUM_ID, addons={str(UNLIMITED_VISITS_ID): 2})
    lab.sync()
    assert due(lab) == {}, "the first time nothing is read twice"
    quiet(lab)
    lab.sandbox.state.clock = lab.clock
    return lab


@pytest.mark.parametrize("product", [BASIC_ID, UNLIMITED_VISITS_ID])
def test_the_sites_of_a_changed_product_are_read_again(
    engine: Engine, open_lab: Open, product: int
) -> None:
    """Whether they have it as their plan or as an add-on, and no others."""
    lab = opened(engine, open_lab)
    sites = having(lab, product)
    assert len(sites) >= 3
    change(lab, product, 4711)
    result = lab.sync(incremental=True)
    assert result.complete
    assert (result.of("site").rows, result.of("site").changed) == (len(sites), len(sites))
    assert_as_shown(lab, sites)
    assert due(lab) == {}
    quiet(lab)
    assert lab.sync(incremental=True).of("site").rows == 0
    assert lab.sync().differences == 0, "a whole pass has nothing to add"


def test_many_sites_are_read_in_portions(
    engine: Engine, open_lab: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So many a pass, the lowest ids first, each once; it is said that more are to come."""
    monkeypatch.setattr(passes, "DUE_AT_ONCE", 8)
    lab = opened(engine, open_lab)
    sites = having(lab, BASIC_ID, PREMIUM_ID)
    change(lab, BASIC_ID, 4711)
    change(lab, PREMIUM_ID, 4712)
    passed = 0
    while left := sites[8 * passed :]:
        passed += 1
        result = lab.sync(incremental=True)
        assert result.of("site").rows == len(left[:8])
        assert_as_shown(lab, sites[: 8 * passed])
        more = len(left) > 8
        assert [note for note in result.notes if "Basic" in note and "Premium" in note] == (
            list(result.notes) if more else []
        )
        assert bool(due(lab)) == more
        quiet(lab)
    assert passed >= 3
    assert lab.sync().differences == 0


def test_a_product_that_changes_again_is_begun_anew(
    sqlite_engine: Engine, open_lab: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its first sites show the second change, too, and in the end all do."""
    monkeypatch.setattr(passes, "DUE_AT_ONCE", 4)
    lab = opened(sqlite_engine, open_lab)
    sites = having(lab, BASIC_ID)
    change(lab, BASIC_ID, 4711)
    lab.sync(incremental=True)
    quiet(lab)
    change(lab, BASIC_ID, 4712)
    lab.sync(incremental=True)
    assert_as_shown(lab, sites[:4])
    while due(lab):
        lab.sync(incremental=True)
    assert_as_shown(lab, sites)


def test_what_a_pass_could_not_read_stays_due(sqlite_engine: Engine, open_lab: Open) -> None:
    """A network that breaks after its products loses no site."""
    lab = opened(sqlite_engine, open_lab)
    change(lab, BASIC_ID, 4711)
    lab.sandbox.faults = lambda request: Fault(status=500) if "/site" in request.path else None
    assert not lab.sync(incremental=True).complete
    lab.sandbox.faults = lambda _request: None
    assert set(due(lab)) == {BASIC_ID}
    assert lab.sync(incremental=True).complete
    assert_as_shown(lab, having(lab, BASIC_ID))
    assert due(lab) == {}


def test_a_pass_over_all_sites_leaves_none_due(sqlite_engine: Engine, open_lab: Open) -> None:
    """They are read anyhow; over the products alone it leaves them."""
    lab = opened(sqlite_engine, open_lab)
    change(lab, BASIC_ID, 4711)
    lab.sync(entities=[Entity.PRODUCT])
    assert set(due(lab)) == {BASIC_ID}
    lab.sync()
    assert due(lab) == {}
    assert_as_shown(lab, having(lab, BASIC_ID))


def test_the_sites_of_a_deleted_product_are_read_again(
    sqlite_engine: Engine, open_lab: Open
) -> None:
    """Its limits went with it, though their memberships still name it."""
    lab = opened(sqlite_engine, open_lab)
    sites = having(lab, BASIC_ID)
    lab.sandbox.state.remove("product", BASIC_ID)
    assert lab.sync(incremental=True).of("product").removed == 1
    assert_as_shown(lab, sites)
    assert due(lab) == {}


def test_a_network_that_hides_limits_is_not_asked(sqlite_engine: Engine, open_lab: Open) -> None:
    """Up to 2.4.12 a site read again would tell nothing."""
    lab = open_lab(sqlite_engine, memberships=20, release="2.4.12")
    lab.sync()
    quiet(lab)
    lab.sandbox.state.clock = lab.clock
    lab.client.update(Entity.PRODUCT, BASIC_ID, {"name": "Renamed"})
    assert lab.sync(incremental=True).of("site").rows == 0
