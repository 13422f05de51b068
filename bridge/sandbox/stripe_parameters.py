"""Form-encoded parameters: ``items[0][price]=price_1`` and what may be in it.

Stripe knows the name and the type of every parameter and refuses all others. A *kind* is a
function from what was sent and its name to the value; the tables of the resources say
which parameter is of which kind. Only what the stand-in acts upon is in them: a parameter
that Stripe knows and the stand-in would ignore is refused, so that no test believes in it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from decimal import Decimal, InvalidOperation
from typing import Any, TypeAlias
from urllib.parse import parse_qsl

from bridge.sandbox.stripe_errors import ApiError, invalid, missing, unknown

Sent: TypeAlias = Any
"""A text, or a dict of them for what was sent with brackets."""

Kind: TypeAlias = Callable[[Sent, str], Any]
Parameters: TypeAlias = Mapping[str, Kind]

_KEY = re.compile(r"[^\[\]]+|\[\]")
_MAX_METADATA_KEYS = 50


def decode(form: str) -> dict[str, Sent]:
    """Nest a form by its brackets; ``a[]=x`` counts up like ``a[0]=x``."""
    nested: dict[str, Sent] = {}
    for name, value in parse_qsl(form, keep_blank_values=True, max_num_fields=5000):
        parts = _KEY.findall(name) or [name]
        place = nested
        for part in parts[:-1]:
            inner = place.setdefault(_index(part, place), {})
            if not isinstance(inner, dict):
                raise invalid(f"Invalid {name}: sent as a value and as a hash.", name)
            place = inner
        place[_index(parts[-1], place)] = value
    return nested


def _index(part: str, place: Mapping[str, Sent]) -> str:
    return str(len(place)) if part == "[]" else part


def read(sent: Mapping[str, Sent], known: Parameters, *, required: tuple[str, ...] = ()) -> Any:
    """The values of the known parameters that were sent.

    Raises:
        ApiError: ``parameter_unknown``, ``parameter_missing`` or a value of a wrong kind.
    """
    return _read(sent, known, required=required, path="")


def _read(
    sent: Mapping[str, Sent], known: Parameters, *, required: tuple[str, ...], path: str
) -> dict[str, Any]:
    strange = [_path(path, name) for name in sent if name not in known]
    if strange:
        raise unknown(strange)
    for name in required:
        if name not in sent:
            raise missing(_path(path, name))
    return {name: known[name](value, _path(path, name)) for name, value in sent.items()}


def _path(path: str, name: str) -> str:
    return f"{path}[{name}]" if path else name


def text(sent: Sent, param: str) -> str:
    """A text that is not empty."""
    if not isinstance(sent, str):
        raise invalid(f"Invalid string: {{{param}}}", param)
    if not sent:
        raise invalid(
            f"You passed an empty string for '{param}'. We assume empty values are an attempt "
            f"to unset a parameter; however '{param}' cannot be unset. You should remove "
            f"'{param}' from your request or supply a non-empty value.",
            param,
            code="parameter_invalid_empty",
        )
    return sent


def integer(sent: Sent, param: str) -> int:
    """A whole number."""
    value = text(sent, param)
    if not re.fullmatch(r"-?\d{1,18}", value):
        raise invalid(f"Invalid integer: {value}", param, code="parameter_invalid_integer")
    return int(value)


def natural(sent: Sent, param: str) -> int:
    """A whole number that is not negative, such as an amount or a time."""
    value = integer(sent, param)
    if value < 0:
        raise invalid(
            "This value must be greater than or equal to 0.",
            param,
            code="parameter_invalid_integer",
        )
    return value


def boolean(sent: Sent, param: str) -> bool:
    """``true`` or ``false``."""
    value = text(sent, param)
    if value not in ("true", "false"):
        raise invalid(f"Invalid boolean: {value}", param)
    return value == "true"


def decimal(sent: Sent, param: str) -> Decimal:
    """A decimal number as a text."""
    value = text(sent, param)
    try:
        number = Decimal(value)
    except InvalidOperation:
        number = Decimal("NaN")
    if not number.is_finite():
        raise invalid(f"Invalid decimal: {value}", param)
    return number


def currency(sent: Sent, param: str) -> str:
    """Three letters; lower case inside."""
    value = text(sent, param).lower()
    if not re.fullmatch(r"[a-z]{3}", value):
        raise invalid(f"Invalid currency: {value}.", param)
    return value


def one_of(*choices: str) -> Kind:
    """One of these texts."""

    def read_choice(sent: Sent, param: str) -> str:
        value = text(sent, param)
        if value not in choices:
            raise invalid(f"Invalid {param}: must be one of {', '.join(choices)}", param)
        return value

    return read_choice


def either(word: str, kind: Kind) -> Kind:
    """This word, or a value of the kind: ``now`` or a time."""

    def read_either(sent: Sent, param: str) -> Any:
        return word if sent == word else kind(sent, param)

    return read_either


def clearable(kind: Kind) -> Kind:
    """A value of the kind, or an empty text, which unsets: None."""

    def read_clearable(sent: Sent, param: str) -> Any:
        return None if sent == "" else kind(sent, param)

    return read_clearable


def nested(known: Parameters, *, required: tuple[str, ...] = ()) -> Kind:
    """A hash of parameters."""

    def read_nested(sent: Sent, param: str) -> dict[str, Any]:
        if not isinstance(sent, dict):
            raise invalid(f"Invalid object: {param}", param)
        return _read(sent, known, required=required, path=param)

    return read_nested


def list_of(kind: Kind) -> Kind:
    """A list: ``a[0]``, ``a[1]`` … in the order of the numbers."""

    def read_list(sent: Sent, param: str) -> list[Any]:
        if not isinstance(sent, dict) or not all(key.isdecimal() for key in sent):
            raise invalid(f"Invalid array: {param}", param)
        ordered = sorted(sent.items(), key=lambda item: int(item[0]))
        return [kind(value, f"{param}[{key}]") for key, value in ordered]

    return read_list


def metadata(sent: Sent, param: str) -> dict[str, str] | None:
    """Texts by name; an empty one removes its key, an empty text for all of it removes all."""
    if sent == "":
        return None
    if not isinstance(sent, dict):
        raise invalid("Invalid hash", param)
    for key, value in sent.items():
        if not isinstance(value, str):
            raise invalid(f"Invalid string: {param}[{key}]", f"{param}[{key}]")
        if len(key) > 40 or len(value) > 500:
            raise invalid(
                "Metadata keys must be at most 40 characters long and values at most 500.", param
            )
    if len(sent) > _MAX_METADATA_KEYS:
        raise invalid(f"You can only add {_MAX_METADATA_KEYS} keys to metadata.", param)
    return dict(sent)


def merge_metadata(kept: Mapping[str, str], sent: Mapping[str, str] | None) -> dict[str, str]:
    """What an object keeps after an update: keys are added, replaced, or removed by ``""``."""
    if sent is None:
        return {}
    return {key: value for key, value in {**kept, **sent}.items() if value != ""}


def time_filter(sent: Sent, param: str) -> dict[str, int]:
    """``created=…`` or ``created[gte]=…``: bounds by their names; a plain time is both."""
    if isinstance(sent, dict):
        bounds = dict.fromkeys(("gt", "gte", "lt", "lte"), natural)
        return _read(sent, bounds, required=(), path=param)
    at = natural(sent, param)
    return {"gte": at, "lte": at}


def within(bounds: Mapping[str, int] | None, value: int) -> bool:
    """Whether a time lies within the bounds of a `time_filter`."""
    tests: dict[str, Callable[[int], bool]] = {
        "gt": lambda bound: value > bound,
        "gte": lambda bound: value >= bound,
        "lt": lambda bound: value < bound,
        "lte": lambda bound: value <= bound,
    }
    return all(tests[name](bound) for name, bound in (bounds or {}).items())


ADDRESS: Kind = nested(
    {name: clearable(text) for name in "city country line1 line2 postal_code state".split()}
)
EXPAND: Parameters = {"expand": list_of(text)}
PAGE: Parameters = {
    **EXPAND,
    "limit": integer,
    "starting_after": text,
    "ending_before": text,
}


def check_exclusive(params: Mapping[str, Any], *names: str) -> None:
    """Refuse more than one of these parameters in one request.

    Raises:
        ApiError: two of them were sent.
    """
    sent = [name for name in names if params.get(name) is not None]
    if len(sent) > 1:
        raise ApiError(
            f"You may only specify one of these parameters: {', '.join(sent)}.", param=sent[1]
        )
