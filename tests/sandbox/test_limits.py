"""Effective limits follow every write at once, by the rules of the release."""

from __future__ import annotations

from bridge.sandbox.example_limits import BASIC, FREE, PREMIUM
from bridge.sandbox.examples import FREE_ID, PREMIUM_ID, UNLIMITED_VISITS_ID
from bridge.sandbox.releases import Release
from bridge.sandbox.server import SandboxNetwork
from tests.sandbox.conftest import Caller, MovingClock


def test_an_upgrade_reaches_every_site_at_once(call: Caller) -> None:
    """Both sites of the free member show the new plan on the next request."""
    sites = call.get("site?membership_id=1")
    assert [site["limitations"] for site in sites] == [FREE, FREE]
    call.put("membership/1", {"plan_id": PREMIUM_ID})
    assert [site["limitations"] for site in call.get("site?membership_id=1")] == [PREMIUM] * 2


def test_packages_add_to_the_plan(call: Caller) -> None:
    """Two packages of disk space on Premium; unlimited visits stay unlimited."""
    (site,) = call.get("site?membership_id=3")
    assert site["limitations"]["disk_space"]["limit"] == 10240 + 2 * 10240
    call.put("membership/3", {"addon_products": {str(UNLIMITED_VISITS_ID): 1}})
    (site,) = call.get("site?membership_id=3")
    assert site["limitations"]["visits"]["limit"] == 0


def test_a_site_override_beats_a_membership_override(call: Caller, clock: MovingClock) -> None:
    """And hides a new plan until it is cleared."""
    (site,) = call.get("site?membership_id=2")
    for path, limit in (("membership/2", 777), (f"site/{site['id']}", 333)):
        row = {"disk_space": {"enabled": True, "limit": limit}}
        call.put(path, {"meta": {"wu_limitations": row}})
        clock.advance()
    call.put("membership/2", {"plan_id": PREMIUM_ID})
    (shown,) = call.get("site?membership_id=2")
    assert shown["limitations"]["disk_space"]["limit"] == 333
    call.put(f"site/{site['id']}", {"meta": {"wu_limitations": []}})
    (shown,) = call.get("site?membership_id=2")
    assert shown["limitations"]["disk_space"]["limit"] == 777


def test_a_partial_row_wipes_the_rest_of_a_product(call: Caller, clock: MovingClock) -> None:
    """Meta is replaced as a whole."""
    clock.advance()
    row = {"visits": {"enabled": True, "limit": 5}}
    call.put(f"product/{FREE_ID}", {"meta": {"wu_limitations": row}})
    assert call.get("site?membership_id=1")[0]["limitations"] == row


def test_only_sites_of_customers_have_limits(call: Caller) -> None:
    """The main site and templates show none, whatever membership they name."""
    assert call.get("site/1")["limitations"] == []
    assert call.get("site/2")["limitations"] == []
    (site,) = call.get("site?membership_id=2")
    assert site["limitations"] == BASIC
    assert call.put(f"site/{site['id']}", {"type": "default"})["limitations"] == []


def test_hidden_wins_only_since_the_head(clock: MovingClock) -> None:
    """The same add-on, composed by the rules of each release."""
    shown = {}
    for release in (Release.HEAD, Release.V2_4_12):
        network = SandboxNetwork(clock=clock, release=release)
        plugin = {"hello.php": {"visibility": "hidden", "behavior": "default"}}
        row = {"plugins": {"enabled": True, "limit": plugin}}
        network.state.set_meta("product", UNLIMITED_VISITS_ID, "wu_limitations", row)
        membership = network.state.row("membership", 2)
        assert membership is not None
        changed = {**membership, "plan_id": PREMIUM_ID, "addon_products": {"1": 1}}
        network.state.save("membership", 2, changed)
        limits = network.state.membership_limits(changed)
        shown[release] = limits["plugins"]["limit"]["hello.php"]["visibility"]
        network.stop()
    assert shown == {Release.HEAD: "hidden", Release.V2_4_12: "visible"}


def test_garbage_in_a_limits_row_counts_as_none(call: Caller, clock: MovingClock) -> None:
    """The network keeps what it was given and composes without it."""
    clock.advance()
    call.put("membership/2", {"meta": {"wu_limitations": "abc"}})
    (site,) = call.get("site?membership_id=2")
    assert site["limitations"] == BASIC
