"""The audit rows that every save leaves: the network's only change feed."""

from __future__ import annotations

from collections.abc import Mapping

from bridge.sandbox.forms import Json, text
from bridge.sandbox.models import Model
from bridge.sandbox.network_state import NetworkState


def record_change(
    state: NetworkState, model: Model, key: int, differences: Mapping[str, Json]
) -> None:
    """Add a ``changed`` row; nothing when no field differs."""
    if not differences:
        return
    told = ", ".join(
        f"{name} - {_told(each['old_value'])} &rarr; {_told(each['new_value'])}"
        for name, each in differences.items()
    )
    state.insert(
        "event",
        slug="changed",
        object_type=model.name,
        object_id=key,
        severity=3,
        initiator="system",
        payload=dict(differences),
        message=f"The <strong>{model.label}</strong> #{key} was changed: {told}",
    )


def _told(value: Json) -> str:
    return "" if isinstance(value, dict | list) else text(value)
