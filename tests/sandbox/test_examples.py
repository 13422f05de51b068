"""The example is the handbook's, and the made-up networks are the same every time."""

from __future__ import annotations

import re

import pytest

from bridge.domain.limits import compose
from bridge.sandbox.examples import BASIC_ID, EXAMPLES, FREE_ID, PREMIUM_ID
from bridge.sandbox.network_state import NetworkState, UnknownField
from bridge.sandbox.server import SandboxNetwork
from tests.sandbox.conftest import Caller, MovingClock


def test_free_and_premium_are_one_family_and_basic_is_not(call: Caller) -> None:
    """The plan groups of the document that the project started from."""
    groups = {row["name"]: row["product_group"] for row in call.get("product?type=plan")}
    assert groups == {"Free": "High End", "Premium": "High End", "Basic": "Starter"}


def test_a_free_member_has_two_sites(call: Caller) -> None:
    """The one whose upgrade the demonstration shows."""
    (member, *_) = call.get("membership?orderby=id&order=ASC")
    assert member["plan_id"] == FREE_ID
    assert member["amount"] == 0
    assert len(call.get(f"site?membership_id={member['id']}")) == 2


def test_a_yearly_member_pays_the_price_variation(call: Caller) -> None:
    """The embedded product is shown at the membership's period."""
    member = call.get("membership/4")
    (compiled,) = member["compiled_product_list"]
    assert (member["amount"], member["duration_unit"]) == (490, "year")
    assert compiled["product"]["amount"] == 490
    assert compiled["product"]["price_variations"]
    assert call.get(f"product/{PREMIUM_ID}")["price_variations"] is None


def test_people_are_made_up(network: SandboxNetwork) -> None:
    """Customers have numbers for names, and addresses at example.test."""
    for row in network.state.rows("customer"):
        address = row["billing_address"]
        assert re.fullmatch(r"Customer \d+", address["company_name"])
        assert address["billing_email"].endswith("@example.test")


def test_the_same_number_gives_the_same_network(clock: MovingClock) -> None:
    """Populating is deterministic, in rows and in order."""
    tables = []
    for _ in range(2):
        network = SandboxNetwork(clock=clock, memberships=50)
        names = ("customer", "membership", "site", "payment")
        tables.append([list(network.state.rows(name)) for name in names])
        network.stop()
    assert tables[0] == tables[1]
    assert len(tables[0][1]) == 57


def test_every_membership_names_what_exists(clock: MovingClock) -> None:
    """No dangling customers, plans or sites, and limits that compose."""
    network = SandboxNetwork(clock=clock, memberships=100)
    state = network.state
    for membership in state.rows("membership"):
        assert state.row("customer", membership["customer_id"])
        assert membership["plan_id"] in (FREE_ID, BASIC_ID, PREMIUM_ID)
    for site in state.rows("site"):
        assert site["membership_id"] is None or state.row("membership", site["membership_id"])
        assert bool(state.site_limits(site["blog_id"])) == (site["type"] == "customer_owned")
    network.stop()


def test_an_empty_network_has_its_main_site_only(clock: MovingClock) -> None:
    """For tests that bring their own rows."""
    state = NetworkState(clock=clock)
    EXAMPLES["empty"](state)
    assert state.ids("site") == [1]
    assert state.ids("product") == []
    assert compose(plan=None) == state.site_limits(1) == {}


def test_a_row_with_a_field_that_does_not_exist_is_refused(clock: MovingClock) -> None:
    """A misspelt field of an example fails loudly."""
    with pytest.raises(UnknownField, match="product has no prise"):
        NetworkState(clock=clock).insert("product", prise=1)
