"""The audit rows that saves leave: the network's only change feed (live-findings.md §2.3)."""

from __future__ import annotations

from collections.abc import Mapping

from bridge.sandbox.draft import Draft
from bridge.sandbox.forms import Json, text
from bridge.sandbox.models import Model
from bridge.sandbox.network_state import NetworkState
from bridge.sandbox.views import GATEWAY_FIELDS


def record_change(
    state: NetworkState, model: Model, key: int, differences: Mapping[str, Json]
) -> None:
    """Add a ``changed`` row; nothing when no field differs, nor for sites."""
    if not differences or model.name == "site":
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


def technical_differences(draft: Draft) -> dict[str, Json]:
    """What the audit row of every membership save names besides, since 2.4.8.

    The network also repeats the whole compiled product list there; the sandbox leaves
    that out.
    """
    before = draft.before
    if draft.model.name != "membership" or before is None or draft.state.release.technical_prefix:
        return {}
    loaded = {name: before[name] for name in GATEWAY_FIELDS}
    return {"gateway_info": {"old_value": [], "new_value": loaded}}


def _told(value: Json) -> str:
    return "" if isinstance(value, dict | list) else text(value)
