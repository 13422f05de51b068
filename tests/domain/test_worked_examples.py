"""The worked examples of domain/plan-changes.md §11, one row each, in minor units.

Example 18b is left out: it is what releases up to 2.4.12 did with add-ons, and the
development head decides. "New signups" (12, 19) start from a free membership here.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from bridge.domain.catalogue import Product
from bridge.domain.dates import add_like_php
from bridge.domain.discounts import DiscountCode
from bridge.domain.expiration import renewed_expiration
from bridge.domain.memberships import MembershipStatus
from bridge.domain.periods import Period
from bridge.domain.quotes import ChangeKind
from bridge.domain.terms import TaxMode, TaxRate
from tests.domain.builders import (
    ADDON,
    ADDON_2,
    FREE,
    MONTH,
    NEW,
    OLD,
    TODAY,
    WEEK,
    YEAR,
    build_membership,
    build_product,
    expiring,
    price,
    variations,
)

UPGRADE, DOWNGRADE, ADDED, NONE = (
    ChangeKind.UPGRADE,
    ChangeKind.DOWNGRADE,
    ChangeKind.ADDON,
    ChangeKind.NONE,
)
AT_EXPIRATION = "at expiration"
FRENCH = {"default": (TaxRate("VAT", "FR", Decimal(20)),)}
TEN_PER_CENT = DiscountCode("TEN", Decimal(10), apply_to_renewals=False)
TEN_OFF = DiscountCode("OFF", Decimal(10), type="absolute", apply_to_renewals=False)


@dataclass
class Example:
    """From ``old`` to ``chosen``; what the membership has beside ``amount`` is in ``has``."""

    number: int
    old: Product
    new: Product
    amount: int
    kind: ChangeKind
    due: int
    recurring: int
    next_charge: Period | str | None
    has: dict[str, Any] = field(default_factory=dict)
    ask: dict[str, Any] = field(default_factory=dict)
    more: tuple[Product, ...] = ()


def plan(id: int, amount: int, **fields: Any) -> Product:
    return build_product(id, amount, **fields)


TEN_A_MONTH = plan(OLD, 1000, variations=variations((YEAR, 10000)))
EXAMPLES = [
    Example(1, plan(OLD, 3000), plan(NEW, 6000), 3000, UPGRADE, 4522, 6000, MONTH),
    Example(
        2, plan(OLD, 3000), plan(NEW, 6000), 3000, UPGRADE, 3000, 6000, MONTH,
        has={"date_renewed": TODAY},
    ),
    Example(
        3, plan(OLD, 3000), plan(NEW, 6000), 3000, UPGRADE, 3000, 6000, MONTH,
        has={"date_expiration": expiring(31)},
    ),
    Example(
        4, plan(OLD, 24000, period=YEAR), plan(NEW, 48000, period=YEAR), 24000,
        UPGRADE, 34858, 48000, YEAR,
        has={"period": YEAR, "date_expiration": expiring(200)},
    ),
    Example(
        5, TEN_A_MONTH, TEN_A_MONTH, 1000, UPGRADE, 9671, 10000, YEAR,
        has={"date_expiration": expiring(10)}, ask={"period": YEAR},
    ),
    Example(
        6, TEN_A_MONTH, TEN_A_MONTH, 10000, DOWNGRADE, 0, 1000, AT_EXPIRATION,
        has={"period": YEAR}, ask={"period": MONTH},
    ),
    Example(
        7, plan(OLD, 10000, period=YEAR), plan(NEW, 2000), 10000, NONE, 0, 0, None,
        has={"period": YEAR},
    ),
    Example(8, plan(OLD, 6000), plan(NEW, 3000), 6000, DOWNGRADE, 0, 3000, AT_EXPIRATION),
    Example(
        9, plan(OLD, 6000), plan(NEW, 3000), 6000, DOWNGRADE, 3000, 3000, MONTH,
        has={"status": MembershipStatus.EXPIRED},
    ),
    Example(
        10, plan(OLD, 3000, setup_fee=2000), plan(NEW, 6000, setup_fee=5000), 3000,
        UPGRADE, 7029, 6000, MONTH,
        has={"date_expiration": expiring(20)},
    ),
    Example(
        11, plan(OLD, 3000), plan(NEW, 6000), 3600, UPGRADE, 5426, 7200, MONTH,
        ask={"terms": {"taxes": TaxMode.EXCLUSIVE, "tax_rates": FRENCH}},
    ),
    Example(
        12, plan(FREE, 0), plan(NEW, 6000), 0, UPGRADE, 6000, 6000, MONTH,
        has={"plan_id": FREE},
        ask={"terms": {"taxes": TaxMode.INCLUSIVE, "tax_rates": FRENCH}},
    ),
    Example(
        13, plan(OLD, 3000), plan(NEW, 6000), 2700, UPGRADE, 4513, 6000, MONTH,
        has={"date_expiration": expiring(10)},
        ask={"request": {"discount_code": "TEN"}, "discount": TEN_PER_CENT},
    ),
    Example(
        14, plan(OLD, 1000, currency="JPY"), plan(NEW, 3000, currency="JPY"), 1000,
        UPGRADE, 2671, 3000, MONTH,
        has={"date_expiration": expiring(10), "currency": "JPY"},
    ),
    Example(
        15, plan(OLD, 20000, recurring=False), plan(NEW, 6000), 0, UPGRADE, 0, 6000, MONTH,
        has={"initial_amount": 20000, "date_expiration": None},
    ),
    Example(
        16, plan(OLD, 3000), plan(NEW, 30000, recurring=False), 3000, UPGRADE, 28522, 0, None
    ),
    Example(
        17, plan(OLD, 3000), plan(NEW, 6000), 3000, UPGRADE, 6000, 6000, MONTH,
        has={"status": MembershipStatus.TRIALING},
    ),
    Example(
        18, plan(OLD, 9000), build_product(ADDON, 500), 9000, ADDED, 500, 500, MONTH
    ),
    Example(
        19, plan(FREE, 0), plan(NEW, 2500), 0, UPGRADE, 1700, 4500, MONTH,
        has={"plan_id": FREE},
        ask={"request": {"discount_code": "OFF"}, "discount": TEN_OFF},
        more=(build_product(ADDON, 800), build_product(ADDON_2, 1200)),
    ),
    Example(
        20, plan(FREE, 0), plan(NEW, 2999), 0, UPGRADE, 2999, 2999, MONTH, has={"plan_id": FREE}
    ),
    Example(21, plan(OLD, 2999), plan(FREE, 0), 2999, DOWNGRADE, 0, 0, AT_EXPIRATION),
    Example(
        22, plan(OLD, 700, period=WEEK), plan(NEW, 1000, period=WEEK), 700,
        UPGRADE, 700, 1000, WEEK,
        has={"period": WEEK, "date_expiration": expiring(3)},
    ),
]  # fmt: skip


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: f"example {example.number}")
def test_a_worked_example_costs_what_the_table_says(example: Example) -> None:
    membership = build_membership(example.amount, **example.has)
    result = price(
        (example.new.id, *(product.id for product in example.more)),
        membership=membership,
        catalogue=(example.old, example.new, *example.more),
        **example.ask,
    )
    expected = {
        None: None,
        AT_EXPIRATION: membership.date_expiration,
    }
    next_charge = (
        add_like_php(TODAY, example.next_charge)
        if isinstance(example.next_charge, Period)
        else expected[example.next_charge]
    )
    assert (result.kind, result.due_now, result.recurring_total, result.next_billing_at) == (
        example.kind,
        example.due,
        example.recurring,
        next_charge,
    )


def test_there_are_22_worked_examples() -> None:
    assert [example.number for example in EXAMPLES] == list(range(1, 23))


def test_a_refused_agreement_is_told_in_the_plugins_words() -> None:
    """Example 7: a yearly member cannot take a plan that is dearer per day by the month."""
    example = EXAMPLES[6]
    result = price(
        (NEW,),
        membership=build_membership(example.amount, **example.has),
        catalogue=(example.old, example.new),
    )
    assert [(error.code, error.message) for error in result.errors] == [
        ("no_changes", "You already have an active year agreement.")
    ]


def test_an_addon_leaves_the_membership_amount_alone() -> None:
    """Example 18: the recurring package is not part of ``amount`` (§6)."""
    result = price(
        (ADDON,),
        membership=build_membership(9000, addons={ADDON_2: 1}),
        catalogue=(plan(OLD, 9000), build_product(ADDON, 500)),
    )
    assert result.target is not None
    assert result.target.amount == 9000
    assert dict(result.target.addons) == {ADDON_2: 1, ADDON: 1}


def test_inclusive_tax_is_shown_and_not_added() -> None:
    """Example 12: 10.00 of 60.00 is tax."""
    example = EXAMPLES[11]
    result = price(
        (NEW,),
        membership=build_membership(0, **example.has),
        catalogue=(example.old, example.new),
        **example.ask,
    )
    assert (result.tax_total, result.due_now) == (1000, 6000)


@pytest.mark.parametrize(
    ("base", "expected"),
    [
        ("2026-03-10", "2026-04-10"),
        ("2026-01-31", "2026-03-03"),
        ("2026-01-29", "2026-03-01"),
        ("2026-03-29", "2026-05-01"),
        ("2026-11-30", "2027-01-01"),
    ],
)
def test_a_renewal_runs_over_and_moves_to_the_first(base: str, expected: str) -> None:
    """The expiration examples below the table: PHP's overflow, then the 29-31 rule."""

    def last_second(day: str) -> datetime:
        return datetime.fromisoformat(f"{day} 23:59:59").replace(tzinfo=UTC)

    membership = build_membership(3000, date_expiration=last_second(base))
    now = last_second(base).replace(hour=1)
    assert renewed_expiration(membership, now=now, policy="parity") == last_second(expected)
