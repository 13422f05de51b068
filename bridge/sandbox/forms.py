"""How a value is kept in memory, stored in a column, and read back: PHP's loose types.

A setter casts what it is given (``put``), the database column rounds or cuts it
(``store``), and reading the row gives the column's text or a cast of it (``read``). The
three differ, which is why the answer to a PUT is not what was stored
(domain/live-findings.md §2.3). Stored values are plain JSON data: int, str or None,
amounts as ``"29.9900"``.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from typing import Any, TypeAlias

Json: TypeAlias = Any
"""Plain JSON data."""

NO_DATE = "0000-00-00 00:00:00"
EPOCH = "1970-01-01 00:00:00"

_LEADING_NUMBER = re.compile(r"\s*[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?")


@dataclass(frozen=True, slots=True)
class Form:
    """The three casts of a kind of field."""

    put: Callable[[Json], Json]
    store: Callable[[Json], Json]
    read: Callable[[Json], Json]


def is_numeric(value: Json) -> bool:
    """PHP's ``is_numeric``: numbers and texts that are a number from end to end."""
    if isinstance(value, bool):
        return False
    if isinstance(value, int | float):
        return True
    return isinstance(value, str) and bool(_LEADING_NUMBER.fullmatch(value.strip() or "x"))


def number(value: Json) -> Decimal:
    """PHP's cast to float: the number that the value starts with, else 0."""
    if isinstance(value, bool | int | float):
        return Decimal(str(int(value) if isinstance(value, bool) else value))
    if isinstance(value, str) and (match := _LEADING_NUMBER.match(value)):
        try:
            return Decimal(match.group().strip())
        except InvalidOperation:
            return Decimal(0)
    return Decimal(0)


def integer(value: Json) -> int:
    """PHP's cast to int."""
    return int(number(value))


def shortest(value: Json) -> int | float:
    """A number as PHP writes it in JSON: ``5``, not ``5.0``."""
    amount = number(value)
    return int(amount) if amount == amount.to_integral_value() else float(amount)


def truthy(value: Json) -> bool:
    """PHP's truth: ``"0"``, ``""``, 0, null and empty arrays are false."""
    return bool(value) and value != "0"


def decimal_text(value: Json) -> str:
    """What a ``decimal(13,4)`` column keeps: ``"29.9900"``, halves away from zero."""
    return str(number(value).quantize(Decimal("0.0001"), rounding=ROUND_HALF_UP))


def text(value: Json) -> str:
    """PHP's cast to string."""
    if isinstance(value, bool):
        return "1" if value else ""
    return "" if value is None else str(value)


def moment_text(moment: datetime) -> str:
    """An aware time as the database keeps it: UTC, ``2027-01-31 23:59:59``."""
    return moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S")


def stored_date(value: Json) -> str | None:
    """What a date column keeps. Text that is no date becomes 1970 (live-findings.md §2.3)."""
    if value is None or value is False:
        return None
    if value in ("", NO_DATE):
        return NO_DATE
    try:
        moment = datetime.fromisoformat(text(value))
    except ValueError:
        return EPOCH
    return moment_text(moment if moment.tzinfo else moment.replace(tzinfo=UTC))


def keep(value: Json) -> Json:
    """The value as it is."""
    return value


def _flag(value: Json) -> int:
    return int(truthy(value))


def _listed(value: Json) -> Json:
    return value if value and isinstance(value, list | dict) else []


TEXT = Form(put=keep, store=text, read=keep)
INT = Form(put=integer, store=integer, read=keep)
INT_TEXT = Form(put=keep, store=integer, read=text)
NUMBER = Form(put=shortest, store=decimal_text, read=shortest)
DECIMAL_TEXT = Form(put=keep, store=decimal_text, read=keep)
BOOL = Form(put=truthy, store=_flag, read=bool)
BOOL_TEXT = Form(put=keep, store=_flag, read=str)
DATE = Form(put=keep, store=stored_date, read=keep)
ARRAY = Form(put=_listed, store=_listed, read=_listed)
RAW = Form(put=keep, store=keep, read=keep)
UNREAD = Form(put=keep, store=keep, read=lambda _: None)
"""Stored, shown in the answer to the PUT that sets it, and null whenever it is read."""
