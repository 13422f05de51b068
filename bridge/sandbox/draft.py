"""An object in memory between loading it and saving it."""

from __future__ import annotations

from bridge.sandbox.forms import Json
from bridge.sandbox.models import Field, Model
from bridge.sandbox.network_state import NetworkState, Row
from bridge.sandbox.views import value_read


class Draft:
    """What setters made of an object.

    ``before`` is the stored row; None for a new object. ``changes`` are values in memory
    by field name. ``shown`` are values that only the answer shows.
    """

    def __init__(self, state: NetworkState, model: Model, before: Row | None) -> None:
        self.state = state
        self.model = model
        self.before = before
        self.changes: dict[str, Json] = {}
        self.shown: dict[str, Json] = {}
        self.skips_validation = False

    @property
    def key(self) -> int:
        """The object's id; 0 for a new one."""
        return self.before[self.model.id_column] if self.before else 0

    def get(self, name: str) -> Json:
        """A field as it would be stored now."""
        each = self._field(name)
        if name in self.changes:
            return each.form.store(self.changes[name])
        if self.before is not None:
            return self.before[name]
        return each.form.store(each.fresh(self.state.release))

    def put(self, name: str, value: Json) -> None:
        """Call a field's setter."""
        self.changes[name] = self._field(name).form.put(value)

    def row(self) -> Row:
        """The row that a save writes."""
        return {each.name: self.get(each.name) for each in self.model.fields if not each.fixed}

    def differences(self) -> dict[str, Json]:
        """Field to old and new value, of what the setters changed."""
        if self.before is None:
            return {}
        differing = {}
        for each in self.model.fields_of(self.state.release):
            if each.name not in self.changes:
                continue
            old = value_read(self.state, each, self.before)
            new = self.changes[each.name]
            if old != new:
                differing[each.setter or each.name] = {
                    "old_value": "" if old is None else old,
                    "new_value": new,
                }
        return differing

    def touches_meta(self) -> bool:
        """Whether a field kept in a meta table was set, which always counts as a change."""
        return any(each.in_meta for each in self.model.fields if each.name in self.changes)

    def _field(self, name: str) -> Field:
        return next(each for each in self.model.fields if each.name == name)
