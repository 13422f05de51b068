"""What a network's own argument schema lets through, and where it is known to be wrong.

WordPress checks a JSON body against the schema that the plugin publishes; the plugin's is
wrong in places that differ by release (domain/live-findings.md §2.1). The same JSON sent as
``text/plain`` reaches the plugin unchecked, whose models still apply their own rules.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from typing import Any

from bridge.network.entities import Entity

# Fields whose published type or list of values contradicts what the model stores.
_WRONG: dict[Entity, frozenset[str]] = {
    Entity.MEMBERSHIP: frozenset({"status", "amount", "initial_amount"}),
    Entity.PRODUCT: frozenset({"amount", "setup_fee", "type"}),
    Entity.DISCOUNT_CODE: frozenset({"value", "setup_fee_value"}),
}


@dataclass(frozen=True, slots=True)
class Argument:
    """One argument of a write: JSON type as published, allowed values, needed to create."""

    type: str = ""
    enum: tuple[str, ...] = ()
    required: bool = False

    def refuses(self, value: object) -> bool:
        """Whether WordPress answers 400 to this value (its ``rest_validate_value_from_schema``).

        Types that WordPress does not know ("mixed", "int|null") let everything through.
        """
        check = _CHECKS.get(self.type)
        if check is not None and not check(value):
            return True
        return bool(self.enum) and str(value) not in self.enum


@dataclass(frozen=True, slots=True)
class Schema:
    """The arguments of one entity: those of a write, and the names a listing knows."""

    arguments: Mapping[str, Argument] = field(default_factory=dict)
    listing: frozenset[str] = frozenset()

    @property
    def required(self) -> tuple[str, ...]:
        """What must be visible to WordPress in a create."""
        return tuple(name for name, each in self.arguments.items() if each.required)

    def refused(self, body: Mapping[str, object]) -> frozenset[str]:
        """Fields of a body that would be answered 400 when sent as JSON."""
        return frozenset(
            name
            for name, value in body.items()
            if name in self.arguments and self.arguments[name].refuses(value)
        )

    @classmethod
    def parse(cls, published: Mapping[str, Any]) -> Schema:
        """Read the answer to ``OPTIONS`` on an entity's collection."""
        by_method: dict[str, dict[str, Any]] = {}
        for each in _listed(published.get("endpoints")):
            if not isinstance(each, dict):
                continue
            for method in _listed(each.get("methods")):
                args = each.get("args")  # [] when there are none
                by_method[str(method)] = args if isinstance(args, dict) else {}
        return cls(
            arguments={
                name: _argument(each)
                for name, each in by_method.get("POST", {}).items()
                if isinstance(each, dict)
            },
            listing=frozenset(by_method.get("GET", {})),
        )


def doubtful(entity: Entity, body: Mapping[str, object]) -> frozenset[str]:
    """Fields of a body for which the entity's published schema is not to be trusted."""
    return _WRONG.get(entity, frozenset()) & body.keys()


def needs_plain(entity: Entity, body: Mapping[str, object], schema: Schema | None) -> bool:
    """Whether a body must be sent as ``text/plain`` to be judged by the model alone.

    Only where everything that would be refused is known to be refused wrongly; without a
    published schema, wherever that may be.
    """
    if schema is None:
        return bool(doubtful(entity, body))
    refused = schema.refused(body)
    return bool(refused) and refused <= doubtful(entity, body)


def _listed(value: object) -> Sequence[object]:
    return value if isinstance(value, list | tuple) else ()


def _argument(published: Mapping[str, Any]) -> Argument:
    enum = published.get("enum") or ()  # a map of constants up to 2.4.7
    values = enum.values() if isinstance(enum, dict) else _listed(enum)
    kind = published.get("type")
    return Argument(
        type=kind if isinstance(kind, str) else "",
        enum=tuple(str(value) for value in values),
        required=published.get("required") is True,
    )


def _is_number(value: object) -> bool:
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        return False
    try:
        return Decimal(str(value)).is_finite()
    except InvalidOperation:
        return False


def _is_integer(value: object) -> bool:
    return _is_number(value) and Decimal(str(value)) % 1 == 0


def _is_boolean(value: object) -> bool:
    return isinstance(value, bool) or str(value).lower() in ("0", "1", "true", "false")


_CHECKS: dict[str, Callable[[object], bool]] = {
    "integer": _is_integer,
    "number": _is_number,
    "boolean": _is_boolean,
    "string": lambda value: isinstance(value, str),
    "array": lambda value: isinstance(value, (list, str)),
    "object": lambda value: isinstance(value, Mapping) or value in ("", []),
}
