"""Where an amount ends in exactly half a unit, PHP's doubles decide (bridge/domain/rounding.py).

The expected values were computed by PHP 8.2 with the plugin's formulas.
"""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from bridge.cli.golden_cases import read_cases
from bridge.domain.discounts import DiscountCode
from bridge.domain.golden import amount
from bridge.domain.lines import Line
from bridge.domain.quotes import LineType
from bridge.domain.rounding import divide, is_tie, round_like_php
from bridge.domain.terms import TaxMode, TaxRate
from tests.domain.builders import (
    ADDON,
    ADDON_2,
    MONTH,
    NEW,
    OLD,
    build_membership,
    build_product,
    price,
)

HALF_CENTS = list(read_cases(Path(__file__).parent / "cases" / "half_cents.jsonl"))


def line(row: dict[str, Any], *, like_php: bool) -> Line:
    given = Line(LineType.PRODUCT, "", amount(row["price"]), period=MONTH, like_php=like_php)
    if row["discount"]:
        given.discount = (row["discount_type"], Decimal(str(row["discount"])))
    given.rate, given.inclusive = Decimal(str(row["tax_rate"])), row["inclusive"]
    given.compute()
    return given


@pytest.mark.parametrize("row", HALF_CENTS)
def test_half_a_cent_of_tax_falls_as_in_php(row: dict[str, Any]) -> None:
    computed = line(row, like_php=True)
    assert computed.discount_total == amount(row["discount_total"])
    assert computed.tax_total == amount(row["tax_total"])


def test_some_of_these_would_fall_otherwise() -> None:
    """Exact arithmetic rounds every half up; these cases tell the two apart."""
    exact = [line(row, like_php=False).tax_total for row in HALF_CENTS]
    php = [line(row, like_php=True).tax_total for row in HALF_CENTS]
    assert sum(one != other for one, other in zip(exact, php, strict=True)) == 10


@pytest.mark.parametrize(
    ("addons", "due"),
    [((2286776, 598000), 839800), ((598000, 2286776), 839900)],
)
def test_a_total_of_half_a_unit_depends_on_the_order_of_its_lines(
    addons: tuple[int, int], due: int
) -> None:
    """HUF: 8838.95, 27441.31 and 4784.24 less 32666 are 8398.5, or 8398.499999999993."""
    dear = ADDON if addons[0] > addons[1] else ADDON_2
    catalogue = (
        build_product(OLD, 100, currency="HUF", recurring=False),
        build_product(NEW, 1104814, currency="HUF"),
        build_product(ADDON, addons[0], currency="HUF"),
        build_product(ADDON_2, addons[1], currency="HUF"),
    )
    result = price(
        (NEW, ADDON, ADDON_2),
        membership=build_membership(0, currency="HUF", initial_amount=3266600),
        catalogue=catalogue,
        terms={
            "taxes": TaxMode.EXCLUSIVE,
            "tax_rates": {"default": (TaxRate("VAT", "FR", Decimal(20)),)},
        },
        request={"discount_code": "THIRD"},
        discount=DiscountCode(
            "THIRD",
            Decimal("33.33"),
            allowed_products=tuple({NEW, ADDON, ADDON_2} - {dear}),
        ),
    )
    assert result.due_now == due


@pytest.mark.parametrize(
    ("value", "places", "expected"),
    [
        (0.0, 2, 0.0),
        (1.005, 2, 1.01),
        (-1.005, 2, -1.01),
        (1.955, 2, 1.96),
        (5.055, 2, 5.06),
        (8398.499999999993, 0, 8398.0),
        (2.5, 0, 3.0),
        (0.0049999999999999975, 2, 0.0),
        (1234567.891, 2, 1234567.89),
    ],
)
def test_rounding_is_phps(value: float, places: int, expected: float) -> None:
    assert round_like_php(value, places) == expected


@pytest.mark.parametrize(
    ("numerator", "denominator", "expected"),
    [(5, 10, 1), (-5, 10, -1), (4, 10, 0), (-4, 10, 0), (15, 10, 2), (-15, 10, -2), (0, 3, 0)],
)
def test_quotients_round_half_away_from_zero(
    numerator: int, denominator: int, expected: int
) -> None:
    assert divide(numerator, denominator) == expected
    assert is_tie(numerator, denominator) is (numerator in (5, -5, 15, -15))
