"""Why a site differs: its product changed on the network, or an override, and whose."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Engine

from bridge.domain.limit_diff import differences
from bridge.network.entities import Entity
from bridge.sandbox.example_limits import BASIC
from bridge.sandbox.examples import BASIC_ID, FREE_ID, PREMIUM_ID, UNLIMITED_VISITS_ID, member
from bridge.sandbox.network_state import LIMITS_KEY
from bridge.store.limits import OWN, LimitsOwner, save_limits
from bridge.store.tables import DriftPolicy, DriftState
from sync.attribution import EITHER, Cause, Evidence, attribute
from sync.catalogue import take
from sync.learning import learn
from sync.pushing import Part, carry_out, planned
from tests.conftest import NOW
from tests.sync.test_drift import BY_HAND, LIMITS, Open, Watched

CHANGED = {**BASIC, "visits": {"enabled": True, "limit": 4711}}
PLAN, ADDON, OTHER = 10, 20, 30


@pytest.fixture
def watched(sqlite_engine: Engine, open_lab: Open) -> Watched:
    """Twenty memberships; what is written to the network from now on is dated."""
    watched = Watched(open_lab(sqlite_engine, memberships=20))
    watched.lab.clock.now += timedelta(hours=1)
    watched.lab.sandbox.state.clock = watched.lab.clock
    return watched


def sites_of(watched: Watched, product: int) -> list[int]:
    """The sites whose membership has this plan."""
    state = watched.lab.sandbox.state
    members = {row["id"] for row in state.rows("membership") if row["plan_id"] == product}
    return [
        int(str(row["blog_id"])) for row in state.rows("site") if row["membership_id"] in members
    ]


def second_site(watched: Watched, site: int) -> int:
    """Another site of the same membership."""
    state = watched.lab.sandbox.state
    row = state.row("site", site)
    assert row is not None
    with state.changing():
        found = state.insert("site", **{**row, "blog_id": 900, "id": 900, "path": "/second/"})
    watched.lab.sync()
    return int(found)


def test_a_changed_product_is_named_and_no_override(watched: Watched) -> None:
    """Also on the first site that is looked at, while the mirror still has the others as before;
    a repair writes nothing, since it would not help.
    """
    lab, sites = watched.lab, sites_of(watched, BASIC_ID)
    lab.client.write_limits(Entity.PRODUCT, BASIC_ID, CHANGED)
    scan = watched.scan()
    found = watched.findings()
    assert set(found) == set(sites)
    for finding in found.values():
        assert finding.overrides == []
        assert "The limits of Basic (5) seem to have changed on the network (visits)" in (
            finding.note
        )
        assert "`planbridge catalogue learn lab`" in finding.note
    assert [note for note in scan.notes if "Basic" in note] == list(scan.notes)
    lab.sandbox.journal.clear()
    for done in (*watched.repair(), *watched.repair(with_membership=True, sites=sites[:1])):
        assert (done.state, done.differs, done.writes) == (None, True, ())
        assert "Basic" in done.note
    (planned,) = watched.repair(dry_run=True, sites=sites[:1])
    assert planned.writes == ()
    assert watched.writes() == []
    assert {each.state for each in watched.findings().values()} == {DriftState.OPEN}


def test_what_was_learned_after_it_is_no_drift(watched: Watched) -> None:
    """The advice of the finding helps."""
    lab = watched.lab
    lab.client.write_limits(Entity.PRODUCT, BASIC_ID, CHANGED)
    assert watched.scan().drifted
    with lab.session() as session, session.begin():
        network = session.merge(lab.network)
        take(session, network, learn(session, network).proposal, clock=lab.clock)
    assert watched.scan().drifted == 0
    assert watched.findings() == {}


def test_the_policy_repairs_overrides_beside_a_changed_product(watched: Watched) -> None:
    """A product's sites are many, but they are not written to, and keep nothing from it."""
    watched.policy(DriftPolicy.REPAIR)
    watched.lab.client.write_limits(Entity.PRODUCT, BASIC_ID, CHANGED)
    odd = sites_of(watched, PREMIUM_ID)[0]
    watched.change_by_hand(odd)
    watched.lab.sandbox.journal.clear()
    scan = watched.scan()
    assert scan.repaired == 1
    assert {each.path.rpartition("/")[2] for each in watched.writes()} == {str(odd)}
    states = {site: each.state for site, each in watched.findings().items()}
    assert states.pop(odd) is DriftState.REPAIRED
    assert set(states) == set(sites_of(watched, BASIC_ID))


def test_a_site_with_both_causes_is_told_both(watched: Watched) -> None:
    """And its override is taken away, though the product keeps it from being as computed."""
    lab, site = watched.lab, sites_of(watched, BASIC_ID)[0]
    lab.client.write_limits(Entity.PRODUCT, BASIC_ID, CHANGED)
    watched.change_by_hand(site, {"disk_space": {"enabled": True, "limit": 1}})
    watched.scan()
    finding = watched.findings()[site]
    assert "Basic" in finding.note
    (override,) = finding.overrides
    assert override.startswith("disk space: an override of the membership or site (1 MB)")
    (done,) = watched.repair(sites=[site])
    assert done.state is DriftState.STUCK
    assert "Basic" in done.note
    assert lab.sandbox.state.site_limits(site)["disk_space"] == BASIC["disk_space"]


def test_a_product_that_one_membership_alone_has(watched: Watched) -> None:
    """No other site tells; that it was saved after its limits were taken does."""
    lab = watched.lab
    (site,) = sites_of(watched, FREE_ID)[:1]
    for other in sites_of(watched, FREE_ID)[1:]:
        lab.sandbox.state.remove("site", other)
    lab.sync()
    watched.change_by_hand(site)
    watched.scan()
    (override,) = watched.findings()[site].overrides
    assert "an override of the membership or site" in override
    watched.repair()
    with lab.session() as session:
        pushes = planned(session, session.merge(lab.network), slugs=["free"], parts=[Part.LIMITS])
    assert all(each.equal for each in carry_out(lab.engine, lab.network, lab.client, pushes))
    watched.change_by_hand(site)
    watched.scan()
    assert watched.findings()[site].overrides == [override], "it was saved there by ourselves"
    watched.repair()
    lab.clock.now += timedelta(minutes=1)
    lab.client.write_limits(Entity.PRODUCT, FREE_ID, CHANGED)
    watched.scan()
    finding = watched.findings()[site]
    assert finding.overrides == []
    assert "The limits of Free (4) seem to have changed on the network" in finding.note


@pytest.mark.parametrize("owner", ["site", "membership"])
def test_other_sites_of_the_membership_tell_whose_the_override_is(
    watched: Watched, owner: str
) -> None:
    """And a repair writes that row, and no other."""
    state, site = watched.lab.sandbox.state, sites_of(watched, BASIC_ID)[0]
    second = second_site(watched, site)
    row = state.row("site", site)
    assert row is not None
    member = int(str(row["membership_id"]))
    state.set_meta(owner, site if owner == "site" else member, LIMITS_KEY, BY_HAND)
    watched.scan()
    found = watched.findings()
    assert set(found) == ({site} if owner == "site" else {site, second})
    assert f"visits: an override of the {owner} (5 / month)" in found[site].overrides[0]
    watched.lab.sandbox.journal.clear()
    if owner == "membership":
        (stuck,) = watched.repair(sites=[site])
        assert (stuck.state, stuck.writes) == (DriftState.STUCK, ())
        assert "--with-membership" in stuck.note
        assert watched.writes() == []
    (done,) = watched.repair(sites=[site], with_membership=True)
    assert done.state is DriftState.REPAIRED
    assert [(write.entity.value, write.id) for write in done.writes] == [
        (owner, site if owner == "site" else member)
    ]


def test_a_known_override_changed_by_hand_is_the_sites(watched: Watched) -> None:
    """Not the membership's, because the site's row is a known one."""
    sold = {"visits": {"enabled": True, "limit": 777}}
    site = sites_of(watched, BASIC_ID)[0]
    watched.keep({LimitsOwner("site", site): sold})
    watched.change_by_hand(site)
    watched.scan()
    (override,) = watched.findings()[site].overrides
    assert (
        override
        == "visits: an override of the site (5 / month) seems to hide the computed 777 / month"
    )


def test_an_addon_that_changed_is_told_from_the_plan(watched: Watched) -> None:
    """Sites that have the plan alone are as expected; those with the add-on differ."""
    lab = watched.lab
    with lab.sandbox.state.changing():
        for _ in range(2):
            member(lab.sandbox.state, plan=BASIC_ID, addons={str(UNLIMITED_VISITS_ID): 1})
    lab.sync()
    row = {"disk_space": {"enabled": True, "limit": 5}, **LIMITS[UNLIMITED_VISITS_ID]}
    lab.client.write_limits(Entity.PRODUCT, UNLIMITED_VISITS_ID, row)
    assert watched.scan().drifted >= 2
    for finding in watched.findings().values():
        assert "Unlimited visits (1)" in finding.note
        assert "Basic" not in finding.note
        assert finding.overrides == []


def test_limits_that_were_learned_and_saved_since(watched: Watched) -> None:
    """The sentence says when, on both sides."""
    lab = watched.lab
    with lab.session() as session, session.begin():
        owner = LimitsOwner("product", BASIC_ID)
        save_limits(session, lab.id, {owner: BASIC | {"x": {}}}, kind=OWN, source="file", now=NOW)
        save_limits(session, lab.id, {owner: BASIC}, kind=OWN, source="learned", now=NOW)
    lab.client.write_limits(Entity.PRODUCT, BASIC_ID, CHANGED)
    watched.scan()
    note = next(iter(watched.findings().values())).note
    assert "after they were taken into the catalogue (learned, 2026-11-24 12:00 UTC)" in note


class Dates:
    """When products were saved: ``since`` their limits were taken, or ``never`` since."""

    def __init__(self, since: Sequence[int] = (), never: Sequence[int] = ()) -> None:
        self._since, self._never = since, never

    def since(self, product_id: int) -> bool:
        return product_id in self._since

    def never_since(self, product_id: int) -> bool:
        return product_id in self._never


def site(visits: int, *products: int, expected: int = 100) -> Evidence:
    """A site with some products that shows other or the same visits as expected."""
    limits: list[dict[str, Any]] = [
        {"visits": {"enabled": True, "limit": each}} for each in (expected, visits)
    ]
    found = differences(*limits)
    return Evidence(dict.fromkeys(products, 1), {(one.module, one.path): one for one in found})


def cause(
    mine: Evidence,
    others: Sequence[Evidence] = (),
    siblings: Sequence[Evidence] = (),
    saved: Dates | None = None,
) -> Cause:
    (found,) = _values(attribute(mine, others=others, siblings=siblings, saved=saved or Dates()))
    return found


def _values(causes: Mapping[Any, Cause]) -> list[Cause]:
    return list(causes.values())


def test_what_others_show_decides() -> None:
    """Each line a case: what differs, what other sites show, and the cause."""
    mine, both = site(5, PLAN), site(5, PLAN, ADDON)
    as_expected, same = site(100, PLAN), site(5, PLAN)
    assert cause(mine, [same, same]) == Cause(products=(PLAN,))
    assert cause(mine, [same, as_expected]) == Cause(owner=EITHER)
    assert cause(mine, [site(7, PLAN), site(8, PLAN)]) == Cause(owner=EITHER)
    assert cause(mine, [same], saved=Dates(never=[PLAN])) == Cause(owner=EITHER)
    assert cause(mine, [same]) == Cause(products=(PLAN,))
    assert cause(both, [as_expected, site(9, PLAN, ADDON, expected=104)]) == Cause(owner=EITHER)
    assert cause(both, [as_expected, site(9, OTHER, ADDON, expected=104)]) == Cause(
        products=(ADDON,)
    )
    assert cause(both, [same, site(5, PLAN, OTHER)]) == Cause(products=(PLAN,))
    assert cause(both, [both, both]) == Cause(products=(PLAN, ADDON))
    assert cause(both, [both, both], saved=Dates(since=[ADDON])) == Cause(products=(ADDON,))
    assert cause(mine, [site(100, PLAN, OTHER), same]) == Cause(products=(PLAN,)), (
        "another add-on may hide what the plan has"
    )
    assert cause(mine) == Cause(owner=EITHER)
    assert cause(mine, saved=Dates(since=[PLAN])) == Cause(products=(PLAN,))
    assert cause(mine, [as_expected], saved=Dates(since=[PLAN])) == Cause(owner=EITHER)
    assert cause(mine, [as_expected], [as_expected]) == Cause(owner="site")
    assert cause(mine, [as_expected], [same]) == Cause(owner="membership")
    assert cause(mine, [as_expected], [site(8, PLAN)]) == Cause(owner=EITHER)
