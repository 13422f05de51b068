"""What a model of the plugin is made of: its fields, and how they differ between releases."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from bridge.sandbox.forms import DATE, INT, INT_TEXT, RAW, TEXT, Form, Json
from bridge.sandbox.releases import Release

NONE: frozenset[Release] = frozenset()


@dataclass(frozen=True, slots=True)
class Field:
    """One property of a model, in the order in which it is serialised.

    ``new`` is what a new object holds before it is saved. ``in_meta`` fields are read as
    null by releases that do not load meta tables, and saving one always counts as a
    change. ``absent`` names the releases that do not have the field. ``fixed`` fields
    have no setter that matters: they read as ``new`` always.
    """

    name: str
    form: Form = TEXT
    new: Json = ""
    in_meta: bool = False
    absent: frozenset[Release] = NONE
    fixed: bool = False
    setter: str = ""

    def fresh(self, release: Release) -> Json:
        """What a new object of this release holds."""
        return self.new(release) if callable(self.new) else self.new

    @property
    def set_as(self) -> str:
        """The name under which a request sets the field."""
        return self.setter or self.name


Echo = Callable[[Json, Release], Json]
"""What an untouched field shows in the answer to a PUT: (value as read, release) → value."""


@dataclass(frozen=True, slots=True)
class Model:
    """A kind of object behind ``/wu/v2/<name>``.

    ``modified``: the table has a modification time that moves with every save.
    ``always_saved``: a save counts as one even when no column changed.
    ``unlisted``: setters that exist without being in the argument schema.
    ``aliases``: setters of another name for a field.
    ``opaque``: fields whose objects older releases serialise as ``{}``.
    ``meta_columns``: meta keys by which ``meta_query`` finds a field.
    """

    name: str
    label: str
    fields: tuple[Field, ...]
    modified: bool = True
    always_saved: bool = False
    id_column: str = "id"
    searched: tuple[str, ...] = ()
    unlisted: frozenset[str] = frozenset()
    aliases: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    opaque: frozenset[str] = frozenset()
    echoes: Mapping[str, Echo] = field(default_factory=lambda: MappingProxyType({}))
    meta_columns: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    enums: Mapping[str, tuple[str, ...]] = field(default_factory=lambda: MappingProxyType({}))

    @property
    def class_name(self) -> str:
        """The PHP class, as its error messages name it: ``Discount_Code``."""
        return "_".join(part.capitalize() for part in self.name.split("_"))

    def field_set_as(self, key: str) -> Field | None:
        """The field that a request's key sets, or None."""
        name = self.aliases.get(key, key)
        return next((each for each in self.fields if each.set_as == name and not each.fixed), None)

    def fields_of(self, release: Release) -> tuple[Field, ...]:
        """The fields that this release has."""
        return tuple(each for each in self.fields if release not in each.absent)


def head(*, migrated: Json = 0, slug: bool = False) -> tuple[Field, ...]:
    """The fields that every stored model starts with."""
    return (
        Field("id", INT_TEXT, 0),
        Field("slug", TEXT, "", fixed=not slug),
        Field("date_created", DATE, None),
        Field("date_modified", DATE, None),
        Field("migrated_from_id", RAW if migrated is None else INT, migrated, fixed=True),
    )


def by_loading(loaded: Json, otherwise: Json) -> Callable[[Release], Json]:
    """A new object's value where meta is loaded, and where it is not."""
    return lambda release: loaded if release.loads_meta else otherwise


def always(value: Json) -> Echo:
    """Show this, whatever was read."""
    return lambda _value, _release: value


def unless_loaded(value: Json) -> Echo:
    """Show this where meta is not loaded; what was read elsewhere."""
    return lambda read, release: read if release.loads_meta else value
