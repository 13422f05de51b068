"""What all rows of a network have in common: typed fields over the source JSON."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Self, get_type_hints

from bridge.network.entities import Entity
from bridge.network.faults import UnreadableRow
from bridge.network.shapes import ANYTHING, Shape, integer

# Never shown again, whatever was written (domain/live-findings.md §2.2).
_WRITE_ONLY = frozenset({"meta", "skip_validation", "password"})


@dataclass(frozen=True, slots=True)
class Named:
    """In a field's annotation, where its attribute's name alone would mislead.

    ``key`` is its name in the JSON and ``written_as`` the one under which it is set. Where
    ``follows`` is False the shown value does not follow what is set.
    """

    key: str = ""
    written_as: str = ""
    follows: bool = True


@dataclass(frozen=True, slots=True)
class _Column:
    attribute: str
    key: str
    written_as: str
    follows: bool
    shape: Shape


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One row as a network shows it; ``raw`` is its JSON, unknown fields included."""

    entity: ClassVar[Entity]

    id: int
    raw: dict[str, Any] = field(repr=False, compare=False)

    @classmethod
    def parse(cls, raw: dict[str, Any], *, network: str = "") -> Self:
        """Read a row from its JSON. Amounts become minor units, times aware UTC.

        Raises:
            UnreadableRow: a field has a value outside all known shapes.
        """
        try:
            identity = cls.identity(raw)
        except ValueError:
            raise cls._unreadable(network, 0, "id", raw.get("id"), "a whole number") from None
        currency = cls.currency_of(raw)
        values: dict[str, Any] = {}
        for column in _columns(cls):
            key = column.key
            value = raw[key] if key in raw else _value(raw, key)
            try:
                values[column.attribute] = column.shape.read(value, currency)
            except ValueError:
                expected = column.shape.expected
                raise cls._unreadable(network, identity, key, value, expected) from None
        return cls(id=identity, raw=raw, **values)

    @classmethod
    def identity(cls, raw: Mapping[str, Any]) -> int:
        """The id under which the row is read and written. Raises ValueError."""
        return integer(raw.get("id"))

    @classmethod
    def currency_of(cls, raw: Mapping[str, Any]) -> str:
        """The ISO code that the row's amounts are in; "" when it does not say."""
        return str(raw.get("currency") or "")

    @classmethod
    def differences(
        cls, asked: Mapping[str, object], stored: Mapping[str, Any]
    ) -> Iterator[tuple[str, object, object]]:
        """Fields whose stored value is not what was asked for: name, asked, stored.

        Both sides in the network's own form. Fields that the network does not show are
        passed over: they can be neither proven nor disproven.
        """
        columns = {column.written_as: column for column in _columns(cls)}
        for name, wanted in asked.items():
            column = columns.get(name) or _Column(name, name, name, True, ANYTHING)
            shown = _value(stored, column.key)
            hidden = shown is None and not column.shape.always_shown
            if hidden or not column.follows or name in _WRITE_ONLY:
                continue
            try:
                same = column.shape.same(wanted, shown)
            except ValueError:
                same = False
            if not same:
                yield name, wanted, shown

    def shows(self, name: str, value: object) -> bool | None:
        """Whether a column has a value, both as sent; None where the row does not show it."""
        column = next((c for c in _columns(type(self)) if name in (c.key, c.attribute)), None)
        if name == "id":
            return integer(value) == self.id
        shown = None if column is None else _value(self.raw, column.key)
        if column is None or (shown is None and not column.shape.always_shown):
            return None
        return column.shape.same(value, shown)

    @classmethod
    def _unreadable(
        cls, network: str, identity: int, key: str, value: object, expected: str
    ) -> UnreadableRow:
        shown = repr(value)
        return UnreadableRow(
            network=network,
            entity=cls.entity.value,
            id=identity,
            field=key,
            value=shown if len(shown) <= 60 else shown[:59] + "…",
            expected=expected,
        )


def _value(raw: Mapping[str, Any], key: str) -> object:
    """A field by its key; some releases show technical keys with an underscore before it."""
    return raw[key] if key in raw else raw.get(f"_{key}")


_COLUMNS: dict[type[Row], tuple[_Column, ...]] = {}


def _columns(cls: type[Row]) -> tuple[_Column, ...]:
    if cls not in _COLUMNS:
        _COLUMNS[cls] = tuple(_declared(cls))
    return _COLUMNS[cls]


def _declared(cls: type[Row]) -> Iterator[_Column]:
    for name, hint in get_type_hints(cls, include_extras=True).items():
        notes = getattr(hint, "__metadata__", ())
        shape = next((note for note in notes if isinstance(note, Shape)), None)
        named = next((note for note in notes if isinstance(note, Named)), Named())
        if shape is not None:
            yield _Column(
                attribute=name,
                key=named.key or name,
                written_as=named.written_as or name,
                follows=named.follows,
                shape=shape,
            )
