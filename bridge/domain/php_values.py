"""How PHP reads the loose values that the plugin stores: numbers in strings, empties, maps.

Limits rows are PHP arrays on their way through JSON. The plugin compares them with PHP's
rules, so composing them elsewhere needs the same ones: ``is_numeric``, the ``(int)`` cast,
truth, and arrays that arrive as a JSON list when they are empty or numbered from 0.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any

_SPACE = " \t\n\r\v\f"
_NUMBER = re.compile(rf"[{_SPACE}]*[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?[{_SPACE}]*", re.ASCII)
_LEADING_NUMBER = re.compile(rf"[{_SPACE}]*[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?", re.ASCII)
_INTEGER = re.compile(r"[+-]?\d+", re.ASCII)
_SCALARS = (str, int, float, type(None))
_ARRAYS = (dict, list, tuple, Mapping)
_INT_MIN, _INT_MAX = -(2**63), 2**63 - 1


def is_numeric(value: object) -> bool:
    """PHP 8's ``is_numeric``: numbers and numeric strings, spaces around allowed; no booleans."""
    if isinstance(value, str):
        return _NUMBER.fullmatch(value) is not None
    return isinstance(value, int | float) and not isinstance(value, bool)


def is_map(value: object) -> bool:
    """Whether the value is a PHP array: a JSON object, or a list."""
    # Scalars first: to find that one is no Mapping costs ten times as much.
    return not isinstance(value, _SCALARS) and isinstance(value, _ARRAYS)


def as_map(value: object) -> dict[str, Any]:
    """A PHP array as a dict with text keys (a list is numbered from 0), else an empty one.

    The dict is new, the values are the same objects.
    """
    if isinstance(value, Mapping):
        return {str(key): item for key, item in value.items()}
    if isinstance(value, list | tuple):
        return {str(index): item for index, item in enumerate(value)}
    return {}


def truthy(value: object) -> bool:
    """PHP's truth, the opposite of ``empty()``: ``"0"`` and ``""`` are false, ``"0.0"`` is true."""
    return value != "0" and bool(value)


def to_number(value: object) -> int | float:
    """A numeric value as PHP's arithmetic takes it: ``"25"`` is 25, ``"2.5"`` is 2.5.

    What is not numeric counts by its leading number (``"5abc"`` is 5), or as 0.
    """
    if isinstance(value, bool) or value is None:
        return int(bool(value))
    if isinstance(value, int | float):
        return value
    if isinstance(value, str):
        match = _LEADING_NUMBER.match(value)
        if match is None:
            return 0
        text = match.group().strip(_SPACE)
        if _INTEGER.fullmatch(text) and _INT_MIN <= int(text) <= _INT_MAX:
            return int(text)
        return float(text)
    return int(truthy(value))


def to_int(value: object) -> int:
    """PHP's ``(int)``: truncates, ``"5abc"`` is 5, ``"abc"`` and null are 0, true is 1."""
    number = to_number(value)
    if isinstance(number, int):
        return number
    if not math.isfinite(number):
        return 0
    whole = int(number)
    if isinstance(value, str):
        # Too large digits in a string saturate ...
        return max(_INT_MIN, min(_INT_MAX, whole))
    # ... but a float wraps around 64 bits.
    return (whole - _INT_MIN) % 2**64 + _INT_MIN


def add_numbers(left: object, right: object) -> int | float:
    """``(int) left + right``, as PHP's ``+``: integers that overflow 64 bits become floats.

    A float without a fraction is given back as an int, since JSON shows it without one.
    """
    total = to_int(left) + to_number(right)
    if isinstance(total, float):
        return int(total) if total.is_integer() and abs(total) < 2**53 else total
    return total if _INT_MIN <= total <= _INT_MAX else float(total)
