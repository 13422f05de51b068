"""How stored rows are shown: read from the database, or echoed after a write."""

from __future__ import annotations

from collections.abc import Mapping

from bridge.sandbox.forms import Json, integer, number, shortest
from bridge.sandbox.models import Field, Model
from bridge.sandbox.network_models import MODELS
from bridge.sandbox.network_state import NetworkState, Row, addon_quantities

GATEWAY_FIELDS = ("gateway", "gateway_customer_id", "gateway_subscription_id")

_SEVERITIES: Mapping[int, tuple[str, str]] = {
    1: ("Success", "wu-bg-green-200 wu-text-green-700"),
    2: ("Neutral", "wu-bg-gray-200 wu-text-gray-700"),
    3: ("Info", "wu-bg-blue-200 wu-text-blue-700"),
    4: ("Warning", "wu-bg-yellow-200 wu-text-yellow-700"),
    5: ("Fatal", "wu-bg-red-200 wu-text-red-700"),
}


def read(state: NetworkState, model: Model, row: Row) -> dict[str, Json]:
    """A row as GET and listings show it."""
    shown: dict[str, Json] = {}
    if model.id_column != "id":
        shown["id"] = row[model.id_column] if state.release.loads_meta else 0
    for each in model.fields_of(state.release):
        shown[each.name] = value_read(state, each, row)
    return _completed(state, model, shown, row)


def echo(
    state: NetworkState, model: Model, row: Row, changes: Mapping[str, Json]
) -> dict[str, Json]:
    """The object in memory after a PUT: what was loaded, and what the setters made of it.

    Args:
        row: As it was before the write; derived fields are those of before.
        changes: Field name to the value in memory.
    """
    release = state.release
    shown: dict[str, Json] = {}
    if model.id_column != "id":
        shown["id"] = row[model.id_column] if release.loads_meta else 0
    for each in model.fields_of(release):
        if each.name in changes:
            opaque = each.name in model.opaque and not release.loads_meta
            shown[each.name] = {} if opaque else changes[each.name]
            continue
        value = value_read(state, each, row)
        shaper = model.echoes.get(each.name)
        shown[each.name] = shaper(value, release) if shaper else value
    return _completed(state, model, shown, row)


def created(
    state: NetworkState, model: Model, memory: Mapping[str, Json], row: Row
) -> dict[str, Json]:
    """The object in memory after a POST."""
    hidden = model.id_column != "id" and not state.release.loads_meta
    shown: dict[str, Json] = {"id": 0 if hidden else memory.get("id", 0)}
    for each in model.fields_of(state.release):
        shown[each.name] = memory.get(each.name, each.fresh(state.release))
    completed = _completed(state, model, shown, row)
    if model.name == "membership":
        technical = {name: memory[name] for name in GATEWAY_FIELDS}
        completed[f"{state.release.technical_prefix}gateway_info"] = technical
    if model.name == "site" and not state.release.loads_meta:
        completed["limitations"] = {f"{memory['id']}_composite_limitations_site": {}}
    return completed


def value_read(state: NetworkState, field: Field, row: Row) -> Json:
    """One field as a read row holds it."""
    if field.in_meta and not state.release.loads_meta:
        return None
    if field.fixed:
        return field.form.read(field.fresh(state.release))
    return field.form.read(row[field.name])


def compiled_products(state: NetworkState, membership: Row) -> list[Json]:
    """A membership's plan and add-ons in full, each at the membership's period if it has one."""
    listed = [(membership["plan_id"], 1), *addon_quantities(membership["addon_products"])]
    return [
        {"quantity": quantity, "product": _at_period(state, product, membership)}
        for key, quantity in listed
        if (product := state.row("product", key)) is not None
    ]


def discount_description(row: Row) -> str:
    """``20% OFF on Subscriptions and 50% OFF on Setup Fees``."""
    parts = []
    for kind, value, what in (
        (row["type"], row["value"], "Subscriptions"),
        (row["setup_fee_type"], row["setup_fee_value"], "Setup Fees"),
    ):
        if number(value):
            sign = f"{shortest(value)}%" if kind == "percentage" else f"$ {number(value):.2f}"
            parts.append(f"{sign} OFF on {what}")
    return " and ".join(parts)


def _at_period(state: NetworkState, product: Row, membership: Row) -> dict[str, Json]:
    shown = read(state, MODELS["product"], product)
    period = (membership["duration"], membership["duration_unit"])
    if period == (product["duration"], product["duration_unit"]):
        return shown
    for variation in product["price_variations"] or []:
        if (integer(variation.get("duration")), variation.get("duration_unit")) == period:
            return shown | {
                "duration": period[0],
                "duration_unit": period[1],
                "amount": shortest(variation.get("amount")),
                "price_variations": product["price_variations"],
            }
    return shown


def _completed(
    state: NetworkState, model: Model, shown: dict[str, Json], row: Row
) -> dict[str, Json]:
    """Adds what is not a field: the model's name and what is derived."""
    whole: dict[str, Json] = {"id": shown.pop("id"), "model": model.name, **shown}
    match model.name:
        case "membership":
            if state.release.loads_meta and whole["status"] == "cancelled":
                whole["cancellation_reason"] = row["cancellation_reason"] or False
            prefix = state.release.technical_prefix
            whole[f"{prefix}compiled_product_list"] = compiled_products(state, row)
            whole[f"{prefix}gateway_info"] = {name: row[name] for name in GATEWAY_FIELDS}
            whole["limitations"] = []
        case "site":
            if state.host and whole["domain"] == state.domain:
                whole["domain"] = state.host
            composed = state.release.loads_meta and state.site_limits(row["blog_id"])
            whole["limitations"] = composed or []
        case "discount_code":
            whole["discount_description"] = discount_description({**row, **shown})
        case "event":
            label, classes = _SEVERITIES.get(int(whole["severity"]), _SEVERITIES[3])
            whole |= {"severity_label": label, "severity_classes": classes, "author": []}
    return whole
