"""A product's row is what is left of what a site shows, and what cannot be told is listed."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from bridge.domain.limit_diff import differences
from bridge.domain.limit_solving import Solved, hidden_modules, solve
from bridge.domain.limits import compose
from bridge.sandbox.example_limits import BASIC, EXTRA_DISK_SPACE, PREMIUM, UNLIMITED_VISITS

Row = dict[str, Any]


def visits(limit: object, *, enabled: bool = True) -> Row:
    return {"visits": {"enabled": enabled, "limit": limit}}


def disk(limit: object) -> Row:
    return {"disk_space": {"enabled": True, "limit": limit}}


def plan_of(shown: Row, *addons: tuple[Row, int], known: Row | None = None) -> Solved:
    return solve(
        shown,
        composed=lambda row: compose(plan=row, addons=addons),
        others=[addon for addon, count in addons for _ in range(count)],
        known=known,
    )


def addon_of(shown: Row, plan: Row, quantity: int, known: Row | None = None) -> Solved:
    return solve(
        shown,
        composed=lambda row: compose(plan=plan, addons=[(row, quantity)]),
        others=[plan],
        quantity=quantity,
        known=known,
    )


@pytest.mark.parametrize("plan", [BASIC, PREMIUM])
def test_a_plan_is_found_behind_its_addons(plan: Row) -> None:
    """Numbers are what is left of the sum; what no add-on has is shown as it is."""
    addons = ((EXTRA_DISK_SPACE, 2),)
    shown = compose(plan=plan, addons=addons)
    found = plan_of(shown, *addons)
    assert found.unclear == ()
    assert not differences(found.row, plan)


def test_a_changed_number_behind_an_addon() -> None:
    """Of the sum, the add-on's part is taken off; the rest of the row stays as it was."""
    changed = copy.deepcopy(BASIC) | disk(5000)
    shown = compose(plan=changed, addons=[(EXTRA_DISK_SPACE, 1)])
    assert plan_of(shown, (EXTRA_DISK_SPACE, 1), known=BASIC) == Solved(changed, ())


def test_what_an_addon_hides_stays_as_it_was_or_is_unclear() -> None:
    """An unlimited add-on leaves nothing of the plan's number to be seen."""
    shown = compose(plan=BASIC, addons=[(UNLIMITED_VISITS, 1)])
    assert plan_of(shown, (UNLIMITED_VISITS, 1), known=BASIC) == Solved(dict(BASIC), ())
    assert plan_of(shown, (UNLIMITED_VISITS, 1)).unclear == ("visits",)


def test_nothing_left_of_a_sum_is_unclear() -> None:
    """No number of a plan adds nothing: it may be off, or have none, or not have the module."""
    found = plan_of(visits(500), (visits(500), 1), known=visits(1000))
    assert found == Solved({}, ("visits",))
    assert plan_of(visits(400), (visits(500), 1), known=visits(1000)).unclear == ("visits",)


def test_an_unlimited_plan_behind_a_number() -> None:
    """Only the plan can be what makes it unlimited."""
    shown = compose(plan=visits(""), addons=[(visits(500), 1)])
    assert plan_of(shown, (visits(500), 1), known=visits(1000)) == Solved(visits(""), ())


def test_an_addon_by_its_quantity() -> None:
    """Each has its share; what cannot be shared is unclear."""
    plan = {**visits(1000), **disk(100)}
    shown = compose(plan=plan, addons=[(visits(700), 3)])
    assert addon_of(shown, plan, 3, known=visits(500)) == Solved(visits(700), ())
    assert addon_of({**visits(1001), **disk(100)}, plan, 2, known=visits(500)).unclear == (
        "visits",
    )


def test_a_module_that_is_new_or_gone() -> None:
    """Beside add-ons that do not have it."""
    both = {**visits(1000), **disk(100)}
    addon = {"sites": {"enabled": True, "limit": 3}}
    shown = compose(plan=both, addons=[(addon, 1)])
    assert plan_of(shown, (addon, 1), known=visits(1000)) == Solved(both, ())
    shown = compose(plan=disk(100), addons=[(addon, 1)])
    assert plan_of(shown, (addon, 1), known=both) == Solved(disk(100), ())


def test_what_makes_no_difference_is_hidden() -> None:
    """An unlimited add-on hides a number, one that is added to it does not."""

    def hidden(*addons: tuple[Row, int]) -> set[str]:
        return hidden_modules(
            BASIC,
            composed=lambda row: compose(plan=row, addons=addons),
            others=[addon for addon, _ in addons],
        )

    assert hidden((EXTRA_DISK_SPACE, 1)) == set()
    assert hidden((UNLIMITED_VISITS, 1)) == {"visits"}
    assert hidden(({"customer_user_role": {"enabled": True, "limit": "editor"}}, 1)) == {
        "customer_user_role"
    }
