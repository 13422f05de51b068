"""What holds for every quote of the fair policy, whatever the network and the member."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from bridge.domain.memberships import Membership
from bridge.domain.periods import Period
from bridge.domain.quotes import ChangeKind, Quote
from bridge.domain.terms import Anchor
from tests.domain.money_paths import ADDONS, World, carried_out, targets, worlds

pytestmark = pytest.mark.slow
suite = settings(
    max_examples=2000,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
Target = tuple[int, Period]


def change(world: World, target: Target, membership: Membership) -> tuple[Quote, Membership]:
    """Quote a change of plan and carry it out at once."""
    plan, period = target
    answer = world.ask((plan,), period=period, membership=membership)
    assume(answer.possible)
    return answer, carried_out(answer, membership, world.now)


@suite
@given(worlds(), targets)
def test_no_cent_is_created_or_lost(world: World, target: Target) -> None:
    """What the member has after a change is what he had before and what he paid."""
    answer, after = change(world, target, world.membership)
    assert world.worth(after) == world.worth(world.membership) + answer.due_now


@suite
@given(worlds(), targets, targets)
def test_two_changes_cost_what_one_costs(world: World, first: Target, second: Target) -> None:
    """A to B to C costs what A to C costs at the same instant; the rest is in the ledger."""
    one, between = change(world, first, world.membership)
    two, after_both = change(world, second, between)
    direct, after_one = change(world, second, world.membership)
    # A kept cycle must be kept, or restarted, all the way: else more time was bought.
    assume(one.keeps_cycle == two.keeps_cycle == direct.keeps_cycle)
    assert one.due_now + two.due_now - after_both.ledger == direct.due_now - after_one.ledger


@suite
@given(worlds(anchor=Anchor.KEEP), st.sampled_from((2, 3)))
def test_an_undone_change_gives_the_money_back(world: World, plan: int) -> None:
    """Within one unit: the member's own plan may be priced anew when he returns to it."""
    home = (1, world.membership.period)
    _, at_list_price = change(world, (plan, world.membership.period), world.membership)
    _, start = change(world, home, at_list_price)
    there, away = change(world, (plan, world.membership.period), start)
    back, again = change(world, home, away)
    assume(there.keeps_cycle and back.keeps_cycle)
    paid = there.due_now + back.due_now
    assert abs(paid - (again.ledger - start.ledger)) <= 1
    assert (again.amount, again.date_expiration) == (start.amount, start.date_expiration)


@suite
@given(worlds(), st.permutations(ADDONS), st.booleans())
def test_the_order_of_packages_does_not_matter(
    world: World, chosen: list[int], with_plan: bool
) -> None:
    plan = (2,) if with_plan else ()
    one = world.ask((*plan, *chosen))
    other = world.ask((*sorted(chosen), *plan))
    assert one == other
    assert one.explanation == other.explanation


@suite
@given(worlds(), targets, st.lists(st.sampled_from(ADDONS), max_size=3))
def test_nothing_is_ever_negative(world: World, target: Target, chosen: list[int]) -> None:
    plan, period = target
    for products in ((plan, *chosen), tuple(chosen)):
        answer = world.ask(products, period=period)
        assert answer.due_now >= 0
        assert answer.recurring_total >= 0
        assert answer.next_billing_amount >= 0
        assert 0 <= answer.ledger_used <= world.membership.ledger
        assert answer.ledger_added >= 0
        if answer.target is not None:
            assert answer.target.amount >= 0
            assert min(answer.target.addons.values(), default=1) > 0


@suite
@given(worlds(anchor=Anchor.RESTART), targets, st.integers(0, 500), st.integers(0, 86399))
def test_waiting_never_makes_a_new_plan_cheaper(
    world: World, target: Target, days: int, seconds: int
) -> None:
    """The credit only shrinks with time, so what is due, less what is kept, only grows."""
    plan, period = target
    now = world.ask((plan,), period=period)
    later = world.ask((plan,), period=period, now=world.now + timedelta(days=days, seconds=seconds))
    assume(now.possible and later.possible)
    assert now.due_now - now.ledger_added <= later.due_now - later.ledger_added


@suite
@given(worlds(paying=True), st.sampled_from(ADDONS), st.floats(0, 1))
def test_waiting_never_makes_an_addon_dearer(world: World, addon: int, part: float) -> None:
    expires = world.membership.date_expiration
    assert expires is not None
    later = world.now + part * (expires - world.now)
    now, then = world.ask((addon,)), world.ask((addon,), now=later)
    assert then.due_now + then.ledger_used <= now.due_now + now.ledger_used


@suite
@given(worlds(), targets, st.lists(st.sampled_from(ADDONS), max_size=3, unique=True))
def test_every_cent_is_explained(world: World, target: Target, chosen: list[int]) -> None:
    """Lines and explained steps add up to what is due now and to what recurs."""
    plan, period = target
    products = tuple(chosen) if plan == 3 else (plan, *chosen)
    answer = world.ask(products, period=period)
    assume(answer.possible)
    steps = answer.explanation
    due = sum(step.amount or 0 for step in steps if step.rule.startswith("due."))
    recurring = sum(step.amount or 0 for step in steps if step.rule.startswith("recurring."))
    assert sum(line.total for line in answer.lines) == answer.due_now == due
    assert recurring == answer.recurring_total
    assert all(step.text and step.source for step in steps)


@suite
@given(worlds(paying=True), st.sampled_from(ADDONS))
def test_an_addon_bought_mid_term_is_worth_what_was_paid(world: World, addon: int) -> None:
    """The next change credits it, within one unit; a change of plan keeps it."""
    bought = world.ask((addon,))
    assert bought.kind is ChangeKind.ADDON
    between = carried_out(bought, world.membership, world.now)
    gained = world.worth(between) - world.worth(world.membership)
    assert abs(gained - bought.due_now) <= 1
    answer = world.ask((2,), period=world.membership.period, membership=between)
    if answer.target is not None and answer.target.recurring:
        assert answer.target.addons[addon] == world.membership.addons.get(addon, 0) + 1
