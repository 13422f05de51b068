"""The models' own rules, checked when an object is saved (not by core's schema)."""

from __future__ import annotations

from urllib.parse import urlsplit

from bridge.sandbox.arguments import listed
from bridge.sandbox.draft import Draft
from bridge.sandbox.forms import Json, is_numeric
from bridge.sandbox.wire import Refused, json_answer

Broken = tuple[str, str]


def check(draft: Draft) -> None:
    """Refuse a save that breaks a rule: status 500, the first field as code.

    Raises:
        Refused: with every further broken rule in ``additional_errors``.
    """
    broken = [*_enums(draft), *_references(draft), *_uniques(draft), *_values(draft)]
    if not broken:
        return
    errors: list[dict[str, Json]] = [
        {"code": code, "message": message, "data": None} for code, message in broken
    ]
    body = errors[0] | ({"additional_errors": errors[1:]} if errors[1:] else {})
    raise Refused(json_answer(body, status=500))


def _enums(draft: Draft) -> list[Broken]:
    return [
        (
            name,
            f"The {_label(name)} only allows {listed([f'{each!r}' for each in allowed], 'or')}",
        )
        for name, allowed in draft.model.enums.items()
        if draft.get(name) not in allowed
    ]


def _references(draft: Draft) -> list[Broken]:
    if draft.model.name != "membership":
        return []
    broken = []
    for name, table in (("customer_id", "customer"), ("plan_id", "product")):
        key = draft.get(name)
        if draft.state.row(table, key) is None:
            broken.append((name, f"{_label(name)} {key} is not valid"))
    return broken


def _uniques(draft: Draft) -> list[Broken]:
    unique = {"product": "slug", "customer": "user_id", "domain": "domain"}
    name = unique.get(draft.model.name)
    if name is None or (draft.before is not None and name not in draft.changes):
        return []
    value = draft.get(name)
    taken = any(
        row[name] == value and row[draft.model.id_column] != draft.key
        for row in draft.state.rows(draft.model.name)
    )
    return [(name, f"{_label(name)} {value} has been used")] if taken else []


def _values(draft: Draft) -> list[Broken]:
    if draft.model.name == "webhook":
        url = urlsplit(draft.get("webhook_url"))
        if url.scheme not in ("http", "https") or not url.netloc:
            return [("webhook_url", "The Webhook url is not valid url")]
    if draft.model.name == "discount_code" and draft.before is None:
        fee = draft.changes.get("setup_fee_value")
        if not is_numeric(fee) and not draft.state.release.loads_meta:
            return [("setup_fee_value", "The Setup fee value must be numeric")]
    return []


def _label(name: str) -> str:
    return name.replace("_", " ").capitalize()
