"""Creating, updating and deleting, with the traps of the real thing (live-findings.md §2.3)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from bridge.sandbox import membership_saves, payment_lines, rules, site_saves
from bridge.sandbox.arguments import doing_it_wrong, schema_of, unknown_types
from bridge.sandbox.draft import Draft
from bridge.sandbox.events import record_change, technical_differences
from bridge.sandbox.forms import Json, integer, truthy
from bridge.sandbox.models import Model
from bridge.sandbox.network_state import NetworkState, Row
from bridge.sandbox.users import add_user
from bridge.sandbox.views import created, echo
from bridge.sandbox.wire import (
    Answer,
    Refused,
    Request,
    error_answer,
    fatal,
    fatal_json,
    json_answer,
    refused,
)

CREDENTIALS = frozenset({"api_key", "api_secret", "api-key", "api-secret"})

DROPPED_ON_CREATE: Mapping[str, frozenset[str]] = {
    "membership": frozenset(
        {"discount_code", "network_id", "meta", "date_cancellation", "date_activated"}
    ),
    "payment": frozenset({"invoice_number", "refund_total", "meta"}),
}
"""Keys that the plugin's creators leave out without a word (domain/entities.md §1.1)."""

NOT_A_META_LIST = (
    "WP_Ultimo\\Models\\Base_Model::update_meta_batch (since 2.0.0; "
    "This method expects an array as argument.)"
)


def update(state: NetworkState, model: Model, before: Row, request: Request) -> Answer:
    """The answer to ``PUT /<model>/<id>``.

    Raises:
        Refused: a key has no setter, a rule is broken, a gateway refuses, or the UPDATE
            changed no row ("Code 2"; meta of the request is written all the same).
    """
    draft = Draft(state, model, before)
    headers = _apply(draft, _decoded(request))
    if request.sent_as_json:
        headers = _complaint(state, model, request) | headers
    _before_save(draft)
    if not draft.skips_validation:
        rules.check(draft)
    row = draft.row()
    if model.modified:
        row["date_modified"] = state.now()
    record_change(state, model, draft.key, draft.differences() | technical_differences(draft))
    if row == before and not (model.always_saved or draft.touches_meta()):
        failed = error_answer(f"wu_rest_{model.name}", "Something went wrong (Code 2).", status=500)
        raise Refused(replace(failed, headers={**failed.headers, **headers}))
    state.save(model.name, draft.key, row)
    _after_save(draft, draft.key)
    return json_answer(echo(state, model, before, draft.changes | draft.shown), headers=headers)


def create(state: NetworkState, model: Model, request: Request) -> Answer:
    """The answer to ``POST /<model>``; arguments were validated before.

    Raises:
        Refused: a rule is broken.
    """
    draft = Draft(state, model, None)
    given = _decoded(request)
    dropped = DROPPED_ON_CREATE.get(model.name, frozenset())
    for name, value in given.items():
        each = model.field_set_as(name)
        if each is not None and name not in dropped and name != "id":
            draft.put(each.name, value)
    _before_create(draft, given)
    _before_save(draft)
    rules.check(draft)
    memory = _memory(draft)
    if model.name == "discount_code" and memory["description"] is None:
        # HEAD answers 200 with id 0 and stores nothing.
        return json_answer(created(state, model, memory, draft.row()))
    key = state.next_id(model.name)
    memory["id"] = key
    if model.id_column != "id":
        memory[model.id_column] = key
    state.save(model.name, key, _new_row(draft, key))
    if model.name == "product" and isinstance(meta := given.get("meta"), dict):
        for name, value in meta.items():
            state.set_meta(model.name, key, name, value)
    row = state.row(model.name, key)
    assert row is not None
    body = created(state, model, memory, row)
    _after_save(draft, key)
    return json_answer(body, headers=_complaint(state, model, request))


def delete(state: NetworkState, model: Model, row: Row) -> Answer:
    """The answer to ``DELETE /<model>/<id>``; what refers to the row is left dangling."""
    if model.name == "membership":
        membership_saves.cancel_subscription(state, row)
    state.remove(model.name, row[model.id_column])
    return json_answer(True if model.name == "site" else 1)


def _decoded(request: Request) -> dict[str, Json]:
    """The body as the plugin decodes it, without credentials."""
    body = request.json_body
    if isinstance(body, list):
        body = {str(position): value for position, value in enumerate(body)}
    if not isinstance(body, dict):
        raise fatal()
    return {key: value for key, value in body.items() if key not in CREDENTIALS}


def _apply(draft: Draft, given: Mapping[str, Json]) -> dict[str, str]:
    """Call the setter of every key in order; meta is written at once, come what may."""
    state, model = draft.state, draft.model
    headers: dict[str, str] = {}
    accepted = schema_of(state.release, model.name).keys() | model.unlisted
    for key, value in given.items():
        if key == "id":
            raise fatal_json()
        if key == "meta":
            if isinstance(value, dict):
                for name, each in value.items():
                    state.set_meta(model.name, draft.key, name, each)
            elif value != []:
                headers["x-wp-doingitwrong"] = NOT_A_META_LIST
        elif key == "skip_validation":
            draft.skips_validation = truthy(value)
        elif key in accepted or key in model.aliases:
            _set(draft, key, value)
        else:
            raise refused(
                f"wu_rest_{model.name}_invalid_set_method",
                f"The WP_Ultimo\\Models\\{model.class_name} object does not have a "
                f"set_{key} method",
                status=400,
            )
    return headers


def _set(draft: Draft, key: str, value: Json) -> None:
    if draft.model.name == "membership" and key == "discount_code":
        membership_saves.set_discount_code(draft, value)
    elif (each := draft.model.field_set_as(key)) is not None:
        draft.put(each.name, value)
        free = key == "pricing_type" and value in ("free", "contact_us")
        if draft.model.name == "product" and free:
            draft.put("amount", 0)
            draft.put("recurring", False)


def _complaint(state: NetworkState, model: Model, request: Request) -> dict[str, str]:
    body = request.json_body
    if not request.sent_as_json or not isinstance(body, dict):
        return {}
    names = unknown_types(schema_of(state.release, model.name), body)
    return {"x-wp-doingitwrong": doing_it_wrong(names[0])} if names else {}


def _before_save(draft: Draft) -> None:
    if draft.model.name == "membership":
        membership_saves.before_save(draft)
    elif draft.model.name == "payment" and "line_items" in draft.changes:
        draft.put("line_items", payment_lines.stored(draft.changes["line_items"]))
    elif draft.model.name == "site":
        site_saves.before_save(draft)


def _after_save(draft: Draft, key: int) -> None:
    if draft.model.name == "membership":
        membership_saves.after_save(draft)
    elif draft.model.name == "site":
        site_saves.after_save(draft, key)
    elif draft.model.name == "payment":
        _number_invoice(draft.state, draft.model, key)


def _before_create(draft: Draft, given: Mapping[str, Json]) -> None:
    state, now = draft.state, draft.state.now()
    match draft.model.name:
        case "membership":
            if "date_expiration" not in given:
                draft.put("date_expiration", now)
        case "customer":
            draft.put("last_login", now)
            if "date_registered" not in given:
                draft.put("date_registered", now)
            if not integer(given.get("user_id")):
                draft.put("user_id", _new_user(state, given))


def _new_user(state: NetworkState, given: Mapping[str, Json]) -> int:
    """A WordPress user of the name and address given; his id."""
    taken = [row["user_id"] for row in state.rows("customer")]
    key = max(state.next_id("user"), max(taken, default=1) + 1)
    login = str(given.get("username") or f"customer{key}")
    add_user(state, key, login, email=str(given.get("email") or ""))
    return key


def _memory(draft: Draft) -> dict[str, Json]:
    release, now = draft.state.release, draft.state.now()
    memory = {
        each.name: draft.changes.get(each.name, each.fresh(release))
        for each in draft.model.fields_of(release)
    }
    for name in ("date_created", "date_modified"):
        if name in memory and memory[name] is None:
            memory[name] = now
    return memory


def _new_row(draft: Draft, key: int) -> Row:
    row, now = draft.row(), draft.state.now()
    row[draft.model.id_column] = key
    for name in ("date_created", "date_modified", "registered", "last_updated"):
        if name in row and row[name] is None:
            row[name] = now
    return row


def _number_invoice(state: NetworkState, model: Model, key: int) -> None:
    """A completed payment gets the next invoice number, once."""
    row = state.row(model.name, key)
    if row is None or row["status"] != "completed" or row["invoice_number"]:
        return
    invoice = integer(state.settings["next_invoice_number"])
    state.set_setting("next_invoice_number", invoice + 1)
    state.save(model.name, key, {**row, "invoice_number": invoice})
    record_change(state, model, key, {"invoice_number": {"old_value": "", "new_value": invoice}})
