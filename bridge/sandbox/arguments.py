"""The argument schema that core enforces before the plugin sees a request.

``argument_schemas.json`` holds, per recorded release and model, the types, enums and
required arguments that its OPTIONS answers declare. Bodies that are not sent as JSON are
not parsed, and so not validated (domain/live-findings.md §2.1).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from functools import cache
from importlib.resources import files

from bridge.sandbox.forms import Json, is_numeric, number
from bridge.sandbox.releases import Release
from bridge.sandbox.wire import refused

COLLECTION_ARGUMENTS: Mapping[str, Mapping[str, Json]] = {
    "page": {"type": "integer", "default": 1, "minimum": 1},
    "per_page": {"type": "integer", "default": 10, "minimum": 1, "maximum": 100},
}
SITE_ARGUMENTS: Mapping[str, Mapping[str, Json]] = {
    "type": {"type": "string"},
    "customer_id": {"type": "integer", "minimum": 1},
    "membership_id": {"type": "integer", "minimum": 1},
    "template_id": {"type": "integer", "minimum": 1},
}


def schema_of(release: Release, model: str) -> Mapping[str, Mapping[str, Json]]:
    """The arguments of creating or updating a model."""
    schema: Mapping[str, Mapping[str, Json]] = _schemas()[release.value][model]
    return schema


def listing_schema(release: Release, model: str) -> Mapping[str, Mapping[str, Json]]:
    """The arguments of listing a model."""
    if not release.pages:
        return {}
    return {**COLLECTION_ARGUMENTS, **(SITE_ARGUMENTS if model == "site" else {})}


def check_required(schema: Mapping[str, Mapping[str, Json]], given: Mapping[str, Json]) -> None:
    """Refuse a create that lacks required arguments; null counts as lacking."""
    missing = [
        name for name, rule in schema.items() if rule.get("required") and given.get(name) is None
    ]
    if missing:
        raise refused(
            "rest_missing_callback_param",
            f"Missing parameter(s): {', '.join(missing)}",
            status=400,
            params=missing,
        )


def check_types(schema: Mapping[str, Mapping[str, Json]], given: Mapping[str, Json]) -> None:
    """Refuse arguments that do not fit their schema, all of them at once."""
    faults = {
        name: fault
        for name, rule in schema.items()
        if name in given and (fault := _fault(name, rule, given[name])) is not None
    }
    if faults:
        raise refused(
            "rest_invalid_param",
            f"Invalid parameter(s): {', '.join(faults)}",
            status=400,
            params={name: fault["message"] for name, fault in faults.items()},
            details=faults,
        )


def unknown_types(schema: Mapping[str, Mapping[str, Json]], given: Mapping[str, Json]) -> list[str]:
    """The given arguments whose schema names a type that core does not know."""
    return [name for name, rule in schema.items() if name in given and rule["type"] not in _FITTING]


def doing_it_wrong(name: str) -> str:
    """The header by which core complains of a type that it does not know."""
    return (
        f'rest_sanitize_value_from_schema (since 5.5.0; The "type" schema keyword for {name} '
        "can only be one of the built-in types: array, object, string, number, integer, "
        "boolean, and null.)"
    )


def listed(words: list[str], last: str) -> str:
    """``a, b, and c``."""
    if len(words) < 3:
        return f" {last} ".join(words)
    return f"{', '.join(words[:-1])}, {last} {words[-1]}"


def _fault(name: str, rule: Mapping[str, Json], value: Json) -> dict[str, Json] | None:
    kind = rule["type"]
    if kind in _FITTING and not _FITTING[kind](value):
        message = f"{name} is not of type {kind}."
        return {"code": "rest_invalid_type", "message": message, "data": {"param": name}}
    if enum := rule.get("enum"):
        words = list(enum.values() if isinstance(enum, dict) else enum)
        if value not in words:
            message = f"{name} is not one of {listed(words, 'and')}."
            return {"code": "rest_not_in_enum", "message": message, "data": None}
    return _out_of_bounds(name, rule, value)


def _out_of_bounds(name: str, rule: Mapping[str, Json], value: Json) -> dict[str, Json] | None:
    low, high = rule.get("minimum"), rule.get("maximum")
    if low is None:
        return None
    given = number(value)
    if given >= low and (high is None or given <= high):
        return None
    message = (
        f"{name} must be greater than or equal to {low}"
        if high is None
        else f"{name} must be between {low} (inclusive) and {high} (inclusive)"
    )
    return {"code": "rest_out_of_bounds", "message": message, "data": None}


def _is_integer(value: Json) -> bool:
    return is_numeric(value) and number(value) == number(value).to_integral_value()


def _is_boolean(value: Json) -> bool:
    if isinstance(value, str):
        return value.lower() in ("true", "false", "0", "1")
    return value in (0, 1)


def _is_array(value: Json) -> bool:
    """Scalars count as comma-separated lists; so does an empty map."""
    return value == {} or (value is not None and not isinstance(value, dict))


_FITTING: Mapping[str, Callable[[Json], bool]] = {
    "integer": _is_integer,
    "number": is_numeric,
    "boolean": _is_boolean,
    "string": lambda value: isinstance(value, str),
    "array": _is_array,
    "object": lambda value: isinstance(value, dict | list) or value == "",
    "null": lambda value: value is None,
}


@cache
def _schemas() -> Json:
    return json.loads(files(__package__).joinpath("argument_schemas.json").read_text("utf-8"))
