"""The lines of a booked payment come to what was charged, however the plugin works them out."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from bridge.domain.money import exponent
from bridge.domain.periods import Period
from bridge.domain.quotes import LineItem, LineType
from bridge.network.writes import encode
from bridge.sandbox.payment_lines import stored
from bridge.upgrades.payment_lines import Booked, kept_lines, lines_document, payment_fields

MONTH = Period(1, "month")


def line(kind: LineType, price: int, **more: Any) -> LineItem:
    quantity, off, tax = (more.pop(name, 0) for name in ("quantity", "off", "tax"))
    quantity = quantity or 1
    inclusive = more.get("tax_inclusive", False)
    return LineItem(
        kind,
        more.pop("title", kind.value),
        price,
        quantity,
        price * quantity,
        off,
        tax,
        price * quantity - off + (0 if inclusive else tax),
        more.pop("recurring", kind is LineType.PRODUCT),
        product_id=more.pop("product", None),
        period=MONTH,
        **more,
    )


PLAN = line(LineType.PRODUCT, 6000, product=6)


def booked(*lines: LineItem, total: int, currency: str = "USD") -> dict[str, Any]:
    tax = sum(one.tax_total for one in lines)
    return payment_fields(
        Booked(
            customer_id=1,
            membership_id=2,
            currency=currency,
            total=total,
            tax=tax,
            key="in_1",
            lines=kept_lines(lines_document(lines)),
        )
    )


CASES = [
    pytest.param([PLAN], "USD", id="plain"),
    pytest.param([PLAN, line(LineType.CREDIT, -1478)], "USD", id="credit"),
    pytest.param(
        [line(LineType.PRODUCT, 6000, tax=1200, tax_rate="20"), line(LineType.FEE, 1000, tax=200,
         tax_rate="20")], "USD", id="tax"),
    pytest.param(
        [line(LineType.PRODUCT, 6000, tax=1000, tax_rate="20", tax_inclusive=True)],
        "EUR", id="inclusive"),
    pytest.param([line(LineType.PRODUCT, 999, quantity=3, off=333)], "USD", id="discount"),
    pytest.param(
        [line(LineType.PRODUCT, 999, off=77, tax=67, tax_rate="7.25")], "USD", id="both"),
    pytest.param([line(LineType.PRODUCT, 1001, tax=73, tax_rate="7.25")], "JPY", id="yen"),
]  # fmt: skip


@pytest.mark.parametrize(("lines", "currency"), CASES)
def test_they_add_up_in_the_plugins_arithmetic(lines: list[LineItem], currency: str) -> None:
    total = sum(one.total for one in lines)
    sent = encode(booked(*lines, total=total, currency=currency))
    kept = stored(sent["line_items"])
    scale = 10 ** exponent(currency)
    for one, key in zip(lines, kept, strict=True):
        assert kept[key]["id"] == key
        got = [round(kept[key][name] * scale) for name in ("subtotal", "tax_total", "total")]
        assert got == [one.subtotal, one.tax_total, one.total]
    assert round(sum(each["total"] for each in kept.values()) * scale) == total


def test_a_rate_is_shown_as_one() -> None:
    (shown,) = booked(line(LineType.PRODUCT, 6000, tax=1200, tax_rate="20"), total=7200)[
        "line_items"
    ].values()
    assert (shown["tax_type"], shown["tax_rate"]) == ("percentage", Decimal(20))


def test_the_subtotal_is_that_of_the_plugins_cart() -> None:
    """Credits are left out of it; they are lines."""
    fields = booked(PLAN, line(LineType.CREDIT, -1478), total=4522)
    assert (fields["subtotal"], fields["total"]) == (Decimal("60.00"), Decimal("45.22"))
    assert "product_id" not in fields
    assert "discount_total" not in fields


@pytest.mark.parametrize(("total", "kind"), [(5500, "credit"), (6500, "fee")])
def test_what_the_lines_do_not_explain_is_an_adjustment(total: int, kind: str) -> None:
    """As the plugin's own renewals have one."""
    fields = booked(PLAN, total=total)
    last = list(fields["line_items"].values())[-1]
    assert (last["type"], last["title"]) == (kind, "Adjustment")
    assert 6000 + int(last["unit_price"] * 100) == total


def test_without_lines_there_are_none() -> None:
    """A change that was accepted before lines were kept."""
    fields = booked(total=4522)
    assert "line_items" not in fields
    assert fields["subtotal"] == Decimal("45.22")
