"""What saving a membership does beside writing its row (domain/entities.md §2.2)."""

from __future__ import annotations

from bridge.sandbox.draft import Draft
from bridge.sandbox.events import record_change
from bridge.sandbox.forms import Json, number
from bridge.sandbox.network_models import MODELS
from bridge.sandbox.network_state import NetworkState, Row
from bridge.sandbox.plugin_stripe import GatewayRefused
from bridge.sandbox.views import GATEWAY_FIELDS, compiled_products, read
from bridge.sandbox.wire import Refused, error_answer

REMOTE_GATEWAYS = {"stripe": "stripe", "stripe-checkout": "stripe", "paypal": "paypal"}
"""Gateways that hold subscriptions, and the family whose name their errors carry."""

DEFAULT_GATEWAYS = frozenset({"free"})
"""Gateways that cannot change a subscription: they drop the integration instead."""


def set_discount_code(draft: Draft, code: Json) -> None:
    """Keep a snapshot of the code's object, or false when there is no such code."""
    state = draft.state
    wanted = str(code).upper()
    found = next((row for row in state.rows("discount_code") if row["code"] == wanted), None)
    snapshot = read(state, MODELS["discount_code"], found) if found else False
    draft.put("discount_code", snapshot)


def before_save(draft: Draft) -> None:
    """The plugin's own steps before the row is written; the gateway may refuse.

    Raises:
        Refused: the gateway of the membership cannot follow; nothing is saved.
    """
    _start_trial(draft)
    if _products_changed(draft):
        draft.state.record("products_job", "membership", draft.key)
    if draft.get("status") == "cancelled":
        for name in GATEWAY_FIELDS:
            draft.put(name, "")
        draft.put("auto_renew", False)
    if draft.before is None:
        return
    if any(draft.get(name) != draft.before[name] for name in GATEWAY_FIELDS):
        cancel_subscription(draft.state, draft.before)
    elif _products_changed(draft) or _price_changed(draft):
        _update_gateway(draft)


def after_save(draft: Draft) -> None:
    """The status hook that writes the date of cancellation after the save."""
    if draft.before is None or draft.before["status"] == "cancelled":
        return
    if draft.get("status") == "cancelled":
        row = draft.state.row("membership", draft.key)
        assert row is not None
        old, now = row["date_cancellation"] or "", draft.state.now()
        draft.state.save("membership", draft.key, {**row, "date_cancellation": now})
        change = {"date_cancellation": {"old_value": old, "new_value": now}}
        record_change(draft.state, draft.model, draft.key, change)


def cancel_subscription(state: NetworkState, membership: Row) -> None:
    """Cancel at the gateway what a membership was paid by; manual and free have nothing."""
    if membership["gateway"] in REMOTE_GATEWAYS and membership["gateway_subscription_id"]:
        state.record(
            "subscription_cancelled",
            "membership",
            membership["id"],
            **{name: membership[name] for name in GATEWAY_FIELDS},
        )
        if REMOTE_GATEWAYS[membership["gateway"]] == "stripe" and state.stripe is not None:
            state.stripe.cancel(membership["gateway_subscription_id"])


def _start_trial(draft: Draft) -> None:
    state = draft.state
    ends = draft.get("date_trial_end") or ""
    if draft.get("status") != "pending" or ends <= f"{state.now()[:10]} 23:59:59":
        return
    customer = state.row("customer", draft.get("customer_id"))
    verified = customer is not None and customer["email_verification"] != "pending"
    awaited = any(
        row["membership_id"] == draft.key and row["status"] == "pending"
        for row in state.rows("payment")
    )
    if verified and not awaited:
        draft.put("status", "trialing")


def _products_changed(draft: Draft) -> bool:
    if draft.before is None:
        return False
    old = _product_quantities(draft.state, draft.before)
    return bool(old) and old != _product_quantities(draft.state, draft.row())


def _product_quantities(state: NetworkState, membership: Row) -> list[tuple[str, int]]:
    return sorted(
        (each["product"]["id"], each["quantity"]) for each in compiled_products(state, membership)
    )


def _price_changed(draft: Draft) -> bool:
    assert draft.before is not None
    return number(draft.get("amount")) != number(draft.before["amount"]) or _period_changed(draft)


def _period_changed(draft: Draft) -> bool:
    assert draft.before is not None
    return any(draft.get(name) != draft.before[name] for name in ("duration", "duration_unit"))


def _update_gateway(draft: Draft) -> None:
    gateway = draft.get("gateway")
    if family := REMOTE_GATEWAYS.get(gateway):
        _update_remote(draft, family)
    elif gateway in DEFAULT_GATEWAYS and _price_changed(draft):
        for name in GATEWAY_FIELDS:
            draft.put(name, "")
        draft.put("auto_renew", False)
        draft.state.record("integration_dropped", "membership", draft.key, gateway=gateway)


def _update_remote(draft: Draft, family: str) -> None:
    if not draft.get("gateway_subscription_id"):
        code = f"wu_{family}_no_subscription_id"
        message = "Error: No gateway subscription ID found for this membership."
        raise Refused(error_answer(code, message, status=500))
    state = draft.state
    if family == "stripe" and state.stripe is not None:
        membership = draft.row()
        try:
            state.stripe.reprice(membership, compiled_products(state, membership))
        except GatewayRefused as refusal:
            code = f"wu_{family}_update_error"
            raise Refused(error_answer(code, str(refusal), status=500)) from None
    customer = state.row("customer", draft.get("customer_id"))
    # The gateway asked for both, so the object in memory has them loaded.
    address = customer["billing_address"] if customer else []
    draft.shown["billing_address"] = address if state.release.loads_meta else {}
    draft.shown["discount_code"] = draft.get("discount_code") or False
    state.record(
        f"{family}_updated",
        "membership",
        draft.key,
        **{
            name: draft.get(name)
            for name in (
                *GATEWAY_FIELDS,
                "plan_id",
                "addon_products",
                "amount",
                "duration",
                "duration_unit",
            )
        },
    )
