"""The decision how a change is collected, as it is kept with its collection."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from pydantic import TypeAdapter

from bridge.payments.collection import Collection

_PLAN: Final = TypeAdapter(Collection)


def kept_plan(document: Mapping[str, Any]) -> Collection | None:
    """The decision of a document that was kept; None while it is empty."""
    return _PLAN.validate_python(document) if document else None


def plan_document(plan: Collection) -> dict[str, Any]:
    """The decision as plain JSON."""
    document: dict[str, Any] = _PLAN.dump_python(plan, mode="json")
    return document
