"""The lines of a payment, as the plugin keeps them and shows them on its invoice.

REST takes them on every release, though only the head shows them again: what is sent becomes
the plugin's own line items, which work their totals out anew from price, quantity, discount
and tax (domain/entities.md §2.5). So these are sent in a form that comes to what was charged.
The plugin's payments name no product of their own and keep no ``discount_total``
(recordings payment/01, entities.md §2.5); neither do these.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

from pydantic import TypeAdapter

from bridge.domain.money import round_half_away, to_major
from bridge.domain.quotes import LineItem, LineType

ADJUSTMENT: Final = "Adjustment"
"""What the plugin calls a line that makes up a difference (domain/billing-stripe.md §6)."""

_LINES: Final = TypeAdapter(tuple[LineItem, ...])


@dataclass(frozen=True, slots=True, kw_only=True)
class Booked:
    """What a payment is to show, in minor units: ``total`` was charged, ``tax`` is in it.

    Lines that come to something else are completed by an adjustment.
    """

    customer_id: int
    membership_id: int
    currency: str
    total: int
    tax: int
    key: str
    lines: tuple[LineItem, ...] = ()
    code: str = ""


def lines_document(lines: Sequence[LineItem]) -> list[dict[str, Any]]:
    """Lines as plain JSON."""
    document: list[dict[str, Any]] = _LINES.dump_python(tuple(lines), mode="json")
    return document


def kept_lines(document: Sequence[Mapping[str, Any]]) -> tuple[LineItem, ...]:
    """The lines of a document that was kept."""
    return _LINES.validate_python(document)


def payment_fields(booked: Booked) -> dict[str, Any]:
    """A payment as `NetworkClient.create` takes it, sums as the plugin's cart has them.

    The subtotal leaves credits out (domain/plan-changes.md §5.2).
    """
    lines = _completed(booked)
    subtotal = sum(line.subtotal for line in lines if line.type is not LineType.CREDIT)
    if not lines or sum(line.tax_total for line in lines) != booked.tax:
        subtotal = booked.total - booked.tax
    fields: dict[str, Any] = {
        "customer_id": booked.customer_id,
        "membership_id": booked.membership_id,
        "status": "completed",
        "currency": booked.currency,
        "subtotal": to_major(subtotal, booked.currency),
        "tax_total": to_major(booked.tax, booked.currency),
        "total": to_major(booked.total, booked.currency),
        "gateway": "stripe",
        "gateway_payment_id": booked.key,
    }
    if booked.lines:
        fields["line_items"] = dict(
            _wire(line, number, booked.currency) for number, line in enumerate(lines, 1)
        )
    if booked.code:
        fields["discount_code"] = booked.code
    return fields


def _completed(booked: Booked) -> tuple[LineItem, ...]:
    rest = booked.total - sum(line.total for line in booked.lines)
    if not booked.lines or not rest:
        return booked.lines
    kind = LineType.CREDIT if rest < 0 else LineType.FEE
    return (*booked.lines, LineItem(kind, ADJUSTMENT, rest, 1, rest, 0, 0, rest, False))


def _wire(line: LineItem, number: int, currency: str) -> tuple[str, dict[str, Any]]:
    kind = line.type.value
    code = f"PB{number}"
    shown: dict[str, Any] = {
        "type": kind,
        "hash": code,
        "title": line.title,
        "description": line.description,
        "quantity": line.quantity,
        "unit_price": to_major(line.unit_price, currency),
        "recurring": line.recurring,
        "discountable": line.type is not LineType.CREDIT,
        "taxable": line.type is not LineType.CREDIT,
        **_tax(line, currency),
    }
    if line.product_id is not None:
        shown["product_id"] = line.product_id
    if line.period is not None and line.type is not LineType.CREDIT:
        shown |= {"duration": line.period.count, "duration_unit": line.period.unit}
    if line.discount_total:
        # As a sum: a percentage may be rounded otherwise there.
        off = to_major(line.discount_total, currency)
        shown |= {"discount_type": "absolute", "discount_rate": off}
    return f"LN_{kind.upper()}_{code}", shown


def _tax(line: LineItem, currency: str) -> dict[str, Any]:
    """By its rate where the plugin, which rounds to two decimals, comes to the same by it."""
    if not line.tax_total:
        return {}
    tax = to_major(line.tax_total, currency)
    rate = Decimal(line.tax_rate)
    base = to_major(line.subtotal - line.discount_total, currency)
    share = rate / (100 + rate) if line.tax_inclusive else rate / 100
    exact = round_half_away(base * share * 100) == tax * 100
    kind = ("percentage", rate) if exact else ("absolute", tax)
    return {"tax_type": kind[0], "tax_rate": kind[1], "tax_inclusive": line.tax_inclusive}
