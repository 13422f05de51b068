"""What an invoice comes to: discounts, taxes, the customer's balance.

Discounts are taken off discountable lines, one after the other; what a fixed amount takes
off is spread over the lines by their amounts. Taxes are rounded line by line. Amounts are
integers in minor units.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Any

from bridge.domain.money import round_half_away
from bridge.sandbox.stripe_errors import StripeObject
from bridge.sandbox.stripe_resources import coupons
from bridge.sandbox.stripe_state import StripeState


def tally(state: StripeState, invoice: StripeObject) -> None:
    """Set all totals of an invoice from its lines."""
    lines = invoice["lines"]["data"]
    for line in lines:
        line["discount_amounts"] = []
        line["taxes"] = []
    reductions: list[StripeObject] = [
        {"amount": _discount(state, key, lines), "discount": key}
        for key in coupons.lasting(state, invoice["discounts"], state.now())
    ]
    for line in lines:
        for key in line["discounts"]:
            reductions.append({"amount": _discount(state, key, [line]), "discount": key})
    for line in lines:
        _tax(state, line, line.get("_tax_rates") or _ids(invoice["default_tax_rates"]))
    subtotal = sum(line["amount"] for line in lines)
    taxes = _summed(lines)
    added = sum(tax["amount"] for tax in taxes if tax["tax_behavior"] == "exclusive")
    within = sum(tax["amount"] for tax in taxes if tax["tax_behavior"] == "inclusive")
    discounted = sum(each["amount"] for each in reductions)
    total = subtotal - discounted + added
    invoice |= {
        "subtotal": subtotal,
        "subtotal_excluding_tax": subtotal - within,
        "total": total,
        "total_discount_amounts": reductions,
        "total_excluding_tax": total - added - within,
        "total_taxes": taxes,
    }
    customer = state.get("customer", invoice["customer"])
    invoice["starting_balance"] = customer["balance"]
    invoice["amount_due"] = invoice["amount_remaining"] = max(0, total + customer["balance"])


def tax_on(rate: Mapping[str, Any], amount: int) -> int:
    """The tax on an amount, which is in it if the rate is inclusive."""
    percent = Fraction(str(rate["percentage"])) / 100
    share = percent / (1 + percent) if rate["inclusive"] else percent
    return round_half_away(amount * share)


def _discount(state: StripeState, key: str, lines: Sequence[StripeObject]) -> int:
    """Take a discount off the lines; what it came to."""
    coupon = coupons.coupon_of(state, key)
    open_lines = [line for line in lines if line["discountable"] and _left(line) > 0]
    if coupon["percent_off"] is not None:
        share = Fraction(str(coupon["percent_off"])) / 100
        amounts: list[int] = [round_half_away(_left(line) * share) for line in open_lines]
    else:
        amounts = _spread(coupon["amount_off"], [_left(line) for line in open_lines])
    for line, amount in zip(open_lines, amounts, strict=True):
        line["discount_amounts"].append({"amount": amount, "discount": key})
    return sum(amounts)


def _spread(amount: int, over: Sequence[int]) -> list[int]:
    """Split an amount, at most their sum, in proportion; no cent is lost."""
    whole = sum(over)
    amount = min(amount, whole)
    shares, taken, seen = [], 0, 0
    for each in over:
        seen += each
        upto = amount * seen // whole
        shares.append(upto - taken)
        taken = upto
    return shares


def _left(line: StripeObject) -> int:
    taken: int = sum(each["amount"] for each in line["discount_amounts"])
    return int(line["amount"]) - taken


def _tax(state: StripeState, line: StripeObject, rates: Sequence[str]) -> None:
    for key in rates:
        rate = state.get("tax_rate", key)
        amount = tax_on(rate, _left(line))
        inside = amount if rate["inclusive"] else 0
        line["taxes"].append(
            {
                "amount": amount,
                "tax_behavior": "inclusive" if rate["inclusive"] else "exclusive",
                "tax_rate_details": {"tax_rate": key},
                "taxability_reason": "standard_rated",
                "taxable_amount": _left(line) - inside,
                "type": "tax_rate_details",
            }
        )


def _summed(lines: Sequence[StripeObject]) -> list[StripeObject]:
    sums: dict[str, StripeObject] = {}
    for line in lines:
        for tax in line["taxes"]:
            key = tax["tax_rate_details"]["tax_rate"]
            if key not in sums:
                sums[key] = dict(tax)
                continue
            sums[key]["amount"] += tax["amount"]
            sums[key]["taxable_amount"] += tax["taxable_amount"]
    return list(sums.values())


def _ids(rates: Sequence[StripeObject]) -> list[str]:
    return [rate["id"] for rate in rates]
