"""Path matrices: what the rules make of each way from plan to plan."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from bridge.domain.catalogue import Catalogue, PricingType, Product, ProductType
from bridge.domain.paths import PlanGroup, Way, plan_groups
from bridge.domain.terms import FairTerms, NetworkTerms, PathRule, Timing

NOW = datetime(2026, 3, 11, 12, 0, tzinfo=UTC)


def plan(id: int, name: str, amount: int, group: str, **values: object) -> Product:
    made = Product(id, name.lower(), name, ProductType.PLAN, amount, "USD", group=group)
    return replace(made, **values)  # type: ignore[arg-type]


FREE = plan(1, "Free", 0, "High End", pricing_type=PricingType.FREE)
PREMIUM = plan(2, "Premium", 4900, "High End", list_order=20)
BASIC = plan(3, "Basic", 1900, "Starter")

FAIR = NetworkTerms()


def groups(*products: Product, terms: NetworkTerms = FAIR) -> dict[str, PlanGroup]:
    found = plan_groups(Catalogue.of(products), terms, now=NOW)
    return {group.name: group for group in found}


def way(group: PlanGroup, one: Product, other: Product) -> Way:
    return group.paths[(one.id, other.id)].way


def test_the_seeds_example() -> None:
    """Free and Premium are one family, Basic another: never a path between them."""
    found = groups(FREE, PREMIUM, BASIC)
    assert set(found) == {"High End", "Starter"}
    high = found["High End"]
    assert [one.name for one in high.plans] == ["Free", "Premium"]
    assert way(high, FREE, PREMIUM) is Way.NOW
    assert way(high, PREMIUM, FREE) is Way.END_OF_TERM
    assert way(high, FREE, FREE) is Way.CURRENT
    assert set(found["Starter"].paths) == {(3, 3)}


@pytest.mark.parametrize("policy", ["fair", "parity"])
def test_both_policies_wait_with_a_downgrade(policy: str) -> None:
    high = groups(FREE, PREMIUM, terms=NetworkTerms(policy=policy))["High End"]
    assert way(high, PREMIUM, FREE) is Way.END_OF_TERM


def test_a_rule_of_the_network_counts() -> None:
    """An illegal path is refused and says why."""
    rule = PathRule(timing=Timing.ILLEGAL, from_plan=PREMIUM.id, to_plan=FREE.id)
    terms = NetworkTerms(fair=FairTerms(paths=(rule,)))
    high = groups(FREE, PREMIUM, terms=terms)["High End"]
    assert way(high, PREMIUM, FREE) is Way.REFUSED
    assert high.paths[(PREMIUM.id, FREE.id)].why


def test_inactive_plans_may_be_left_and_not_entered() -> None:
    old = replace(PREMIUM, active=False)
    high = groups(FREE, old)["High End"]
    assert way(high, FREE, old) is Way.NOT_OFFERED
    assert way(high, old, FREE) is Way.END_OF_TERM


def test_plans_by_contact_are_shown_and_not_sold() -> None:
    big = plan(9, "Big", 0, "High End", pricing_type=PricingType.CONTACT_US)
    assert way(groups(FREE, big)["High End"], FREE, big) is Way.BY_CONTACT


def test_without_a_group_three_plans_are_offered() -> None:
    """The plugin's rule for members whose plan has no group."""
    plans = [plan(n, f"P{n}", 1000 * n, "", list_order=n) for n in range(1, 6)]
    found = groups(*plans)[""]
    assert way(found, plans[0], plans[2]) is Way.NOW
    assert way(found, plans[0], plans[3]) is Way.NOT_OFFERED
