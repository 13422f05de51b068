"""Discount codes between the rules and the database: as columns, and as JSON in a membership."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from bridge.domain.discounts import DiscountCode
from bridge.store.tables import DiscountCodeRecord


def discount_columns(code: DiscountCode) -> dict[str, Any]:
    """The code as columns of `DiscountCodeRecord`."""
    return {
        "code": code.code,
        "name": code.name,
        "type": code.type,
        "value": str(code.value),
        "setup_fee_type": code.setup_fee_type,
        "setup_fee_value": str(code.setup_fee_value),
        "active": code.active,
        "apply_to_renewals": code.apply_to_renewals,
        "uses": code.uses,
        "max_uses": code.max_uses,
        "allowed_products": _listed(code.allowed_products),
        "allowed_periods": _listed(code.allowed_periods),
        "date_start": code.date_start,
        "date_expiration": code.date_expiration,
    }


def discount_to_json(code: DiscountCode) -> dict[str, Any]:
    """The same as plain JSON, for the code that a membership carries."""
    return {
        name: value.isoformat() if isinstance(value, datetime) else value
        for name, value in discount_columns(code).items()
    }


def discount_from_json(document: Mapping[str, Any]) -> DiscountCode:
    """The code that a membership carries, for the rules."""
    values = dict(document)
    for name in ("date_start", "date_expiration"):
        if values[name] is not None:
            values[name] = datetime.fromisoformat(values[name])
    return _from_values(values)


def discount_from_record(record: DiscountCodeRecord) -> DiscountCode:
    """A code of the mirror, for the rules."""
    names = discount_columns(DiscountCode(code="", value=Decimal(0)))
    return _from_values({name: getattr(record, name) for name in names})


def _from_values(values: Mapping[str, Any]) -> DiscountCode:
    decimals = {name: Decimal(values[name]) for name in ("value", "setup_fee_value")}
    restrictions = {
        name: None if values[name] is None else tuple(values[name])
        for name in ("allowed_products", "allowed_periods")
    }
    return DiscountCode(**{**values, **decimals, **restrictions})


def _listed(values: tuple[Any, ...] | None) -> list[Any] | None:
    return None if values is None else list(values)
