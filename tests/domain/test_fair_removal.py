"""Removing add-ons: they are paid for until the term ends, and end with it."""

from __future__ import annotations

from typing import Any

from bridge.domain.quotes import ChangeKind, Quote
from tests.domain.builders import (
    ADDON,
    ADDON_2,
    FREE,
    NEW,
    OLD,
    build_membership,
    build_product,
    expiring,
    price,
)

PLAN, PRO = build_product(OLD, 3000), build_product(NEW, 6000)
DISK, MAIL = build_product(ADDON, 500), build_product(ADDON_2, 700)
ALL = (PLAN, PRO, build_product(FREE, 0), DISK, MAIL)
WITH_BOTH = {"addons": {ADDON: 2, ADDON_2: 1}}


def asked(products: tuple[int, ...], *dropped: int, **member: Any) -> Quote:
    membership = build_membership(member.pop("amount", 4700), **{**WITH_BOTH, **member})
    return price(
        products,
        membership=membership,
        catalogue=ALL,
        policy="fair",
        request={"dropped": dropped},
    )


def test_a_removed_add_on_ends_with_the_term() -> None:
    """Nothing is due or paid back; from the next bill on the others are paid alone."""
    quote = asked((OLD,), ADDON)
    assert (quote.kind, quote.possible, quote.scheduled) == (ChangeKind.DOWNGRADE, True, True)
    assert (quote.due_now, quote.recurring_total) == (0, 3700)
    assert (quote.next_billing_at, quote.next_billing_amount) == (expiring(15), 3700)
    assert quote.effective_at == expiring(15)
    assert quote.target is not None
    assert (quote.target.plan_id, dict(quote.target.addons)) == (OLD, {ADDON_2: 1})
    assert quote.target.amount == 3700


def test_the_plan_need_not_be_named() -> None:
    assert asked((), ADDON).target == asked((OLD,), ADDON).target


def test_every_cent_is_explained() -> None:
    quote = asked((OLD,), ADDON)
    rules = [step.rule for step in quote.explanation]
    assert "kind.removal" in rules
    assert "addon.dropped" in rules
    recurring = [s.amount or 0 for s in quote.explanation if s.rule.startswith("recurring.")]
    assert sum(recurring) == quote.recurring_total
    due = [s.amount or 0 for s in quote.explanation if s.rule.startswith("due.")]
    assert sum(due) == quote.due_now == 0


def test_with_another_plan_it_is_left_behind_at_once() -> None:
    quote = asked((NEW,), ADDON)
    assert quote.possible
    assert quote.target is not None
    assert dict(quote.target.addons) == {ADDON_2: 1}
    assert quote.recurring_total == 6700


def test_adding_and_removing_are_two_changes() -> None:
    """One begins now, the other with the next term: no single date would be right."""
    quote = asked((OLD, ADDON_2), ADDON, addons={ADDON: 1})
    assert [error.code for error in quote.errors] == ["add-and-remove"]
    assert not quote.possible


def test_what_one_does_not_have_cannot_be_removed() -> None:
    quote = asked((OLD,), ADDON, addons={})
    assert quote.kind is ChangeKind.NONE


def test_without_a_paid_term_it_ends_at_once() -> None:
    quote = asked((FREE,), ADDON, plan_id=FREE, amount=0, date_expiration=None, initial_amount=0)
    assert (quote.possible, quote.scheduled, quote.due_now) == (True, False, 0)
    assert quote.target is not None
    assert dict(quote.target.addons) == {ADDON_2: 1}
