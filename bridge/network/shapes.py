"""All the shapes in which a network sends one value, read once into a typed value.

The same column arrives as ``"60"`` or ``60``, ``"1"`` or ``true``, ``"153.0000"`` or
``24.5``, and an empty map as ``[]`` (domain/entities.md §1.4).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from functools import lru_cache
from typing import Annotated, Any, TypeAlias

from bridge.domain.money import parse_major, to_minor
from bridge.errors import InvalidAmount

_TRUE = frozenset({"1", "true", "yes", "on"})
_FALSE = frozenset({"", "0", "false", "no", "off"})
_MOST = 2**31 - 1  # ids and counts fit into 32 bits
_SURELY_LESS = 9  # digits
_MOST_DIGITS = 15  # with three decimals in minor units it fits into 64 bits
_FOUR_PLACES = Decimal("0.0001")  # the network's columns are decimal(13,4)


@dataclass(frozen=True, slots=True)
class Shape:
    """How a field is read, and what to call it when it cannot be.

    ``read`` takes the value as sent and the row's currency and raises ValueError.
    ``same`` tells whether two values as sent mean the same once stored.
    """

    expected: str
    read: Callable[[object, str], object]
    same: Callable[[object, object], bool]
    always_shown: bool = False
    """None is a value of its own here, not the sign of a field that is not shown."""


def _shape(expected: str, read: Callable[[object], object], *, always_shown: bool = False) -> Shape:
    return Shape(
        expected,
        lambda value, _currency: read(value),
        lambda one, other: read(one) == read(other),
        always_shown,
    )


def integer(value: object) -> int:
    """A whole number of 32 bits in any shape; null, false and "" are 0. Raises ValueError."""
    if value is None or value is False or value == "":
        return 0
    if isinstance(value, str) and len(value) <= _SURELY_LESS and value.isdecimal():
        return int(value)  # as nearly all of them come
    if isinstance(value, (int, float, str)):
        try:
            number = Decimal(str(int(value) if value is True else value).strip())
        except ArithmeticError:
            raise ValueError from None
        if _is_sane(number) and number == number.to_integral_value() and abs(number) <= _MOST:
            return int(number)
    raise ValueError


def _is_sane(number: Decimal) -> bool:
    """Finite, and no ``1e999999`` that would take minutes and gigabytes to write out."""
    return number.is_finite() and number.adjusted() < _MOST_DIGITS


def _boolean(value: object) -> bool:
    if isinstance(value, bool):
        return value
    if value is None:
        return False
    text = str(value).strip().lower()
    if text in _TRUE:
        return True
    if text in _FALSE:
        return False
    raise ValueError


def _text(value: object) -> str:
    if isinstance(value, str):
        # No text that a person typed, and PostgreSQL keeps none.
        return value.replace("\x00", "") if "\x00" in value else value
    if value is None or value is False:
        return ""
    if value is True:
        return "1"
    if isinstance(value, (int, float)):
        return str(value)
    raise ValueError


def _decimal(value: object) -> Decimal:
    try:
        number = parse_major(value)
    except InvalidAmount:
        raise ValueError from None
    if not _is_sane(number):
        raise ValueError
    return number


def _minor(value: object, currency: str) -> int:
    if isinstance(value, (str, int, float)):
        return _known_minor(value, currency)
    return to_minor(_decimal(value), currency)


@lru_cache(maxsize=4096, typed=True)
def _known_minor(value: str | float, currency: str) -> int:
    """A network has few prices, and shows them on every row."""
    return to_minor(_decimal(value), currency)


def _moment(value: object) -> datetime | None:
    if value is None or value is False or value == "":
        return None
    if not isinstance(value, str):
        raise ValueError
    if value.startswith(("0000-00-00", "-0001-11-30")):
        return None  # MySQL's zero date, and what PHP makes of it
    moment = datetime.fromisoformat(value)
    try:
        return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    except OverflowError:
        raise ValueError from None  # at the end of time, moved behind it by its zone


def _pairs(value: object) -> dict[str, Any]:
    """A PHP array with keys: ``[]`` is the empty one, a list has its indexes as keys."""
    if value is None or value is False or value == "":
        return {}
    if isinstance(value, Mapping):
        return {str(key): each for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return {str(key): each for key, each in enumerate(value)}
    raise ValueError


def _quantities(value: object) -> dict[int, int]:
    return {integer(key): integer(each) for key, each in _pairs(value).items()}


def _items(value: object) -> tuple[Any, ...]:
    if value is None or value is False or value == "":
        return ()
    if isinstance(value, str):
        return tuple(part.strip() for part in value.split(",") if part.strip())
    return tuple(_pairs(value).values())


def _ids(value: object) -> tuple[int, ...]:
    return tuple(integer(each) for each in _items(value))


def _texts(value: object) -> tuple[str, ...]:
    if isinstance(value, str):
        return tuple(line for line in value.splitlines() if line.strip())
    return tuple(_text(each) for each in _items(value))


def _told(read: Callable[[object], object]) -> Callable[[object], object]:
    """None stays None: the network does not say (meta-backed fields before the head)."""
    return lambda value: None if value is None else read(value)


def _same_lines(one: object, other: object) -> bool:
    """Lines of a payment: the network adds much to each, and works its sums out anew."""
    asked, shown = _pairs(one), _pairs(other)
    return asked.keys() == shown.keys() and all(
        _line_facts(each) == _line_facts(shown[name]) for name, each in asked.items()
    )


def _line_facts(line: Any) -> tuple[str, object, object]:
    return str(line["title"]), _loose(line["quantity"]), _loose(line["unit_price"])


def _loose(value: object) -> object:
    """For fields that no row names: numbers by value, the rest by text."""
    if isinstance(value, (Mapping, list, tuple)):
        return _pairs(value)
    text = _text(value)
    try:
        return _decimal(text).normalize() if text else ""
    except ValueError:
        return text


AMOUNT_SHAPE = Shape(
    "an amount such as 29.99",
    _minor,
    # 29.99999 is stored as 30.0000 (recordings membership/128_get_amount)
    lambda one, other: (
        _decimal(one).quantize(_FOUR_PLACES) == _decimal(other).quantize(_FOUR_PLACES)
    ),
)
ANYTHING = _shape("anything", _loose)
_NUMBER, _TRUTH, _MAP, _LIST = "a whole number of 32 bits", "yes or no", "a map", "a list"

# What a row's fields are declared with. Those "IfTold" are None where the network does not
# show the field; all others have the plugin's empty value then.
Amount: TypeAlias = Annotated[int, AMOUNT_SHAPE]
Boolean: TypeAlias = Annotated[bool, _shape(_TRUTH, _boolean)]
BooleanIfTold: TypeAlias = Annotated[bool | None, _shape(_TRUTH, _told(_boolean))]
Integer: TypeAlias = Annotated[int, _shape(_NUMBER, integer)]
IntegerIfTold: TypeAlias = Annotated[int | None, _shape(_NUMBER, _told(integer))]
IdsIfTold: TypeAlias = Annotated[tuple[int, ...] | None, _shape(_LIST, _told(_ids))]
ItemsIfTold: TypeAlias = Annotated[tuple[Any, ...] | None, _shape(_LIST, _told(_items))]
Moment: TypeAlias = Annotated[
    datetime | None,
    _shape("a time such as 2027-01-31 23:59:59", _moment, always_shown=True),
]
Number: TypeAlias = Annotated[Decimal, _shape("a number", _decimal)]
Pairs: TypeAlias = Annotated[Mapping[str, Any], _shape(_MAP, _pairs)]
LinesIfTold: TypeAlias = Annotated[
    Mapping[str, Any] | None, Shape(_MAP, lambda value, _: _told(_pairs)(value), _same_lines)
]
PairsIfTold: TypeAlias = Annotated[Mapping[str, Any] | None, _shape(_MAP, _told(_pairs))]
Quantities: TypeAlias = Annotated[
    Mapping[int, int], _shape("a map of product and quantity", _quantities)
]
Text: TypeAlias = Annotated[str, _shape("text", _text)]
Texts: TypeAlias = Annotated[tuple[str, ...], _shape("a list of texts", _texts)]
