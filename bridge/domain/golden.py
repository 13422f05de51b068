"""Golden cases: results computed by the plugin, read as domain objects and compared.

Amounts of a case are major units as PHP doubles. They are read as ten-thousandths, so
that nothing is lost in currencies whose minor unit is larger than what the plugin keeps
(tax of two decimals in JPY), and compared after rounding to the network's decimals.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from bridge.domain.catalogue import Catalogue, PriceVariation, PricingType, Product, ProductType
from bridge.domain.currencies import rounding_quantum
from bridge.domain.discounts import DiscountCode
from bridge.domain.expiration import renewed_expiration
from bridge.domain.memberships import Customer, Membership, MembershipStatus
from bridge.domain.money import parse_major, round_half_away
from bridge.domain.offers import offers
from bridge.domain.periods import Period
from bridge.domain.pricing import quote
from bridge.domain.quotes import Quote, QuoteRequest
from bridge.domain.rounding import round_to
from bridge.domain.terms import NetworkTerms, TaxMode, TaxRate
from bridge.errors import InvalidInput, PlanbridgeError

Case = Mapping[str, Any]
DIGITS = 4
_NO_DATE = 9_460_800_000  # 300 years of 365 days: the plugin's "never"


class InvalidCase(InvalidInput):
    """This is not a case of this kind: {why}."""


def quote_mismatches(case: Case) -> list[str]:
    """What differs between a case and our quote by the parity rules, a line each.

    Raises:
        InvalidCase: a part is missing or of another kind; so for the other two checks.
    """
    return _checked(_check_quote, case)


def offer_mismatches(case: Case) -> list[str]:
    """What differs between a case's offers and ours."""
    return _checked(_check_offers, case)


def expiration_mismatches(case: Case) -> list[str]:
    """How a case's new expiration differs from ours."""
    return _checked(_check_expiration, case)


def _checked(check: Callable[[Case], list[str]], case: Case) -> list[str]:
    try:
        return check(case)
    except (KeyError, TypeError, ValueError, AttributeError, PlanbridgeError) as error:
        raise InvalidCase(why=repr(error)) from error


def _check_quote(case: Case) -> list[str]:
    given = case["input"]
    settings, request = given["settings"], given["request"]
    currency = str(settings["currency"])
    result = quote(
        read_request(request),
        membership=read_membership(given["membership"]),
        customer=read_customer(given["customer"]),
        catalogue=Catalogue.of(read_product(row) for row in given["products"]),
        terms=read_terms(settings),
        now=read_moment(given["now"]),
        discount=read_discount(request.get("discount")),
        enforce_offers=False,
    )
    return _compare(case["expected"], result, quantum=rounding_quantum(currency))


def _check_offers(case: Case) -> list[str]:
    row, expected = case["membership"], case["expected"]
    form = offers(
        Membership(
            id=0,
            customer_id=0,
            plan_id=int(row["plan_id"]),
            currency="USD",
            amount=0,
            period=Period(int(row["duration"]), row["duration_unit"]),
            status=MembershipStatus.ACTIVE,
        ),
        Catalogue.of(read_product(product) for product in case["catalogue"]),
    )
    actual = {
        "plans": [plan.id for plan in form.listed],
        "period_selector": form.period_selector,
        "periods": [[period.count, period.unit] for period in form.periods],
        "addons": [addon.id for addon in form.addons],
    }
    return [
        _differing(field, expected[field], value)
        for field, value in actual.items()
        if expected[field] != value
    ]


def _check_expiration(case: Case) -> list[str]:
    membership = Membership(
        id=0,
        customer_id=0,
        plan_id=0,
        currency="USD",
        amount=1,
        period=Period(int(case["duration"]), case["duration_unit"]),
        status=MembershipStatus.ACTIVE,
        recurring=bool(case["recurring"]),
        date_expiration=_moment(case["date_expiration"]),
    )
    actual = renewed_expiration(
        membership,
        now=read_moment(case["now"]),
        policy="parity",
        from_today=bool(case["from_today"]),
    )
    expected = _moment(case["expected"])
    return [] if actual == expected else [_differing("date_expiration", expected, actual)]


# -- reading -----------------------------------------------------------------------


def amount(value: object) -> int:
    """Major units as ten-thousandths."""
    return round_half_away(parse_major(value).scaleb(DIGITS))


def read_moment(text: str) -> datetime:
    """``2026-11-23T20:57:11Z`` or ``2026-11-23 20:57:11``, both UTC."""
    return datetime.fromisoformat(text.replace("Z", "").replace("T", " ")).replace(tzinfo=UTC)


def _moment(text: str | None) -> datetime | None:
    return read_moment(text) if text else None


def read_product(row: Case) -> Product:
    """A product of a case; keys that a case leaves out have the plugin's defaults."""
    trial = int(row.get("trial_duration") or 0)
    return Product(
        id=int(row["id"]),
        slug=str(row.get("slug", "")),
        name=str(row.get("name", "")),
        type=ProductType(row["type"]),
        amount=amount(row["amount"]),
        currency=str(row.get("currency", "USD")),
        period=Period(int(row["duration"]), row["duration_unit"]),
        pricing_type=PricingType(row["pricing_type"]),
        group=str(row.get("group") or ""),
        setup_fee=amount(row.get("setup_fee")),
        recurring=bool(row.get("recurring", True)),
        trial=Period(trial, row["trial_duration_unit"]) if trial > 0 else None,
        billing_cycles=int(row.get("billing_cycles") or 0),
        list_order=int(row.get("list_order", 10)),
        active=bool(row.get("active", True)),
        taxable=bool(row.get("taxable", True)),
        tax_category=str(row.get("tax_category") or ""),
        variations=tuple(
            PriceVariation(
                Period(int(variation["duration"]), variation["duration_unit"]),
                amount(variation["amount"]),
            )
            for variation in row.get("price_variations") or ()
        ),
        available_addons=tuple(int(addon) for addon in row.get("available_addons") or ()),
        pwyw_minimum=amount(row.get("pwyw_minimum_amount")),
        pwyw_suggested=amount(row.get("pwyw_suggested_amount")),
        pwyw_recurring_mode=str(row.get("pwyw_recurring_mode") or "customer_choice"),
    )


def read_discount(row: Case | None) -> DiscountCode | None:
    """A discount code's row, or None where the code does not exist."""
    if row is None:
        return None
    return DiscountCode(
        code=str(row["code"]),
        value=parse_major(row["value"]),
        type=str(row["type"]),
        setup_fee_value=parse_major(row["setup_fee_value"]),
        setup_fee_type=str(row["setup_fee_type"]),
        active=bool(row["active"]),
        apply_to_renewals=bool(row["apply_to_renewals"]),
        uses=int(row["uses"]),
        max_uses=int(row["max_uses"]),
        date_start=_moment(row["date_start"]),
        date_expiration=_moment(row["date_expiration"]),
        allowed_products=(
            tuple(int(one) for one in row["allowed_products"]) if row["limit_products"] else None
        ),
        allowed_periods=(
            tuple(row["allowed_billing_periods"]) if row["limit_billing_periods"] else None
        ),
    )


def read_membership(row: Case) -> Membership:
    """The membership of a case."""
    addons: Any = row["addon_products"] or {}
    return Membership(
        id=int(row["id"]),
        customer_id=int(row["customer_id"]),
        plan_id=int(row["plan_id"]),
        currency=str(row["currency"]),
        amount=amount(row["amount"]),
        period=Period(int(row["duration"]), row["duration_unit"]),
        status=MembershipStatus(row["status"]),
        addons={int(key): int(quantity) for key, quantity in dict(addons).items()},
        initial_amount=amount(row["initial_amount"]),
        recurring=bool(row["recurring"]),
        auto_renew=bool(row["auto_renew"]),
        times_billed=int(row["times_billed"]),
        date_created=_moment(row["date_created"]),
        date_renewed=_moment(row["date_renewed"]),
        date_expiration=_moment(row["date_expiration"]),
        date_trial_end=_moment(row["date_trial_end"]),
        discount=read_discount(row["discount_code"]),
    )


def read_customer(row: Case) -> Customer:
    """The customer of a case."""
    return Customer(
        id=int(row["id"]),
        country=str(row["country"] or ""),
        has_trialed=bool(row["has_trialed"]),
    )


def read_terms(settings: Case) -> NetworkTerms:
    """The network's settings of a case."""
    rates = {
        category: tuple(
            TaxRate(
                title=str(rate["title"]),
                country=str(rate["country"]),
                rate=Decimal(str(rate["tax_rate"])),
                state=str(rate.get("state") or ""),
                city=str(rate.get("city") or ""),
                compound=bool(rate.get("compound")),
            )
            for rate in table["rates"]
        )
        for category, table in (settings.get("tax_rates") or {}).items()
    }
    return NetworkTerms(
        currency=str(settings["currency"]),
        taxes=TaxMode(settings["taxes"]),
        tax_rates=rates,
        policy="parity",
        minor_digits=DIGITS,
    )


def read_request(row: Case) -> QuoteRequest:
    """What the customer of a case asks for."""
    asked = row["duration"] and row["duration_unit"]
    return QuoteRequest(
        products=tuple(int(product_id) for product_id in row["products"]),
        period=Period(int(row["duration"]), row["duration_unit"]) if asked else None,
        discount_code=row["discount_code"],
        country=row["country"] or None,
    )


# -- comparing ---------------------------------------------------------------------


def _compare(expected: Case, result: Quote, *, quantum: int) -> list[str]:
    differences: list[str] = []

    def same(field: str, wanted: object, actual: object) -> None:
        if wanted != actual:
            differences.append(_differing(field, wanted, actual))

    def money(field: str, wanted: object, actual: int) -> None:
        same(field, round_to(amount(wanted), quantum), round_to(actual, quantum))

    same("valid", expected["valid"], not result.errors)
    same("cart_type", expected["cart_type"], result.proposed)
    same(
        "errors",
        [(error["code"], error["message"]) for error in expected["errors"]],
        [(error.code, error.message) for error in result.errors],
    )
    same("plan_id", expected["plan_id"], result.plan_id)
    same("period", _expected_period(expected), result.period)
    lines: Sequence[Case] = expected["line_items"]
    same("line_items", len(lines), len(result.lines))
    for index, (wanted, line) in enumerate(zip(lines, result.lines, strict=False)):
        where = f"line_items[{index}]."
        for field in ("type", "product_id", "title", "quantity", "recurring", "tax_inclusive"):
            same(where + field, wanted[field], getattr(line, field))
        same(where + "period", _expected_period(wanted), line.period)
        same(where + "tax_rate", Decimal(str(wanted["tax_rate"])), Decimal(line.tax_rate))
        for field in ("unit_price", "subtotal", "discount_total", "tax_total", "total"):
            money(where + field, wanted[field], getattr(line, field))
    money("subtotal", expected["subtotal"], result.subtotal)
    money("total_discounts", -parse_major(expected["total_discounts"]), result.discount_total)
    money("total_taxes", expected["total_taxes"], result.tax_total)
    money("total", expected["total"], result.due_now)
    money("recurring_total", expected["recurring_total"], result.recurring_total)
    money("recurring_subtotal", expected["recurring_subtotal"], result.recurring_subtotal)
    same("has_trial", expected["has_trial"], result.has_trial)
    same("has_recurring", expected["has_recurring"], result.recurring_total > 0)
    same("should_collect_payment", expected["should_collect_payment"], result.collects_payment)
    same("billing_start", _timestamp(expected["billing_start"]), _seconds(result.billing_starts_at))
    same("next_charge", _timestamp(expected["next_charge"]), _seconds(result.next_billing_at))
    return differences


def _expected_period(row: Case) -> Period | None:
    if not row["duration"]:
        return None
    return Period(int(row["duration"]), row["duration_unit"])


def _timestamp(value: object) -> int | None:
    """The plugin's 0, 1, false and 300 years all mean none."""
    if not isinstance(value, int | float) or value <= 1 or value >= _NO_DATE:
        return None
    return int(value)


def _seconds(moment: datetime | None) -> int | None:
    return None if moment is None else int(moment.timestamp())


def _differing(field: str, expected: object, actual: object) -> str:
    return f"{field}: expected {expected!r}, got {actual!r}"
