"""Setup intents: keeping a payment method for later."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from bridge.sandbox.stripe_errors import ApiError, StripeObject, declined, missing
from bridge.sandbox.stripe_parameters import (
    Kind,
    boolean,
    clearable,
    list_of,
    merge_metadata,
    metadata,
    nested,
    one_of,
    text,
    time_filter,
    within,
)
from bridge.sandbox.stripe_resources import customers
from bridge.sandbox.stripe_resources.cards import NOT_AUTHENTICATED, Refusal, card_of
from bridge.sandbox.stripe_resources.payment_methods import attach, named
from bridge.sandbox.stripe_routes import Call, Route, get, listing, paged, post, retrieving
from bridge.sandbox.stripe_state import StripeState

_OPEN: Final = frozenset({"requires_payment_method", "requires_confirmation", "requires_action"})
_CHANGEABLE: Final[Mapping[str, Kind]] = {
    "allowed_payment_method_types": list_of(text),
    "customer": text,
    "description": clearable(text),
    "metadata": metadata,
    "payment_method": text,
    "payment_method_types": list_of(text),
}


def make(
    state: StripeState, *, customer: str | None, extra: Mapping[str, str], **fields: Any
) -> StripeObject:
    """A new setup intent, announced; ``extra`` is its metadata."""
    intent = state.new("setup_intent", customer=customer, metadata=dict(extra), **fields)
    intent["client_secret"] = f"{intent['id']}_secret_{intent['id'][-12:]}"
    state.emit("setup_intent.created", intent)
    return intent


def attempt(state: StripeState, intent: StripeObject, method: StripeObject) -> None:
    """Set a method up; the outcome is the intent's ``status``."""
    card = card_of(method)
    intent["payment_method"] = method["id"]
    if card.attach:
        _fail(state, intent, method, card.attach)
    elif card.authenticates != "never" and not method["_set_up"]:
        intent |= {
            "next_action": {"type": "use_stripe_sdk", "use_stripe_sdk": {}},
            "status": "requires_action",
        }
        state.emit_change("setup_intent.requires_action", intent)
    else:
        _succeed(state, intent, method)


def authenticate(state: StripeState, intent: StripeObject, *, succeeded: bool) -> None:
    """The customer answers his bank.

    Raises:
        ApiError: nobody asked him.
    """
    if intent["status"] != "requires_action":
        raise ApiError(f"{intent['id']} is {intent['status']}, nobody is asked.")
    method = state.get("payment_method", intent["payment_method"])
    intent["next_action"] = None
    if succeeded:
        method["_set_up"] = True
        _succeed(state, intent, method)
    else:
        _fail(state, intent, method, NOT_AUTHENTICATED)


def create(call: Call) -> StripeObject:
    """POST /v1/setup_intents, confirmed at once where asked."""
    state, params = call.state, call.params
    if params.get("customer"):
        customers.living(state, params["customer"])
    intent = make(
        state,
        customer=params.get("customer"),
        extra=merge_metadata({}, params.get("metadata", {})),
        automatic_payment_methods=params.get("automatic_payment_methods"),
        description=params.get("description"),
        usage=params.get("usage", "off_session"),
    )
    _set(state, intent, params)
    if params.get("confirm"):
        _confirm(state, intent, params)
    return intent


def update(call: Call) -> StripeObject:
    """POST /v1/setup_intents/{id}."""
    intent = _open(call)
    _set(call.state, intent, call.params)
    return intent


def confirm(call: Call) -> StripeObject:
    """POST /v1/setup_intents/{id}/confirm.

    Raises:
        ApiError: 402 when the card is declined.
    """
    intent = _open(call)
    _confirm(call.state, intent, call.params)
    return intent


def cancel(call: Call) -> StripeObject:
    """POST /v1/setup_intents/{id}/cancel."""
    intent = _open(call)
    intent |= {
        "cancellation_reason": call.params.get("cancellation_reason"),
        "next_action": None,
        "status": "canceled",
    }
    call.state.emit_change("setup_intent.canceled", intent)
    return intent


def _confirm(state: StripeState, intent: StripeObject, params: Mapping[str, Any]) -> None:
    key = params.get("payment_method") or intent["payment_method"]
    if not key:
        raise missing("payment_method")
    attempt(state, intent, named(state, key))
    error = intent["last_setup_error"]
    if intent["status"] == "requires_payment_method" and error:
        raise declined(
            error["message"],
            code=error["code"],
            decline_code=error["decline_code"],
            more={"setup_intent": state.show(intent)},
        )


def _succeed(state: StripeState, intent: StripeObject, method: StripeObject) -> None:
    if intent["customer"]:
        attach(state, method["id"], state.get("customer", intent["customer"]))
    method["_set_up"] = True
    intent |= {"last_setup_error": None, "status": "succeeded"}
    state.emit_change("setup_intent.succeeded", intent)


def _fail(state: StripeState, intent: StripeObject, method: StripeObject, refusal: Refusal) -> None:
    intent |= {
        "last_setup_error": {
            "code": refusal.code,
            "decline_code": refusal.decline_code,
            "message": refusal.message,
            "payment_method": state.show(method),
            "type": "card_error",
        },
        "payment_method": None,
        "status": "requires_payment_method",
    }
    state.emit_change("setup_intent.setup_failed", intent)


def _open(call: Call) -> StripeObject:
    intent = call.get("setup_intent")
    if intent["status"] not in _OPEN:
        raise ApiError(
            f"This SetupIntent's status is {intent['status']} and cannot be changed.",
            code="setup_intent_unexpected_state",
        )
    return intent


def _set(state: StripeState, intent: StripeObject, params: Mapping[str, Any]) -> None:
    for name in ("customer", "description", "payment_method_types"):
        if name in params:
            intent[name] = params[name]
    if "allowed_payment_method_types" in params:
        intent["payment_method_types"] = params["allowed_payment_method_types"]
    if "payment_method" in params:
        intent["payment_method"] = named(state, params["payment_method"])["id"]
        intent["status"] = "requires_confirmation"
    if "metadata" in params:
        intent["metadata"] = merge_metadata(intent["metadata"], params["metadata"])


def _fits(call: Call, intent: StripeObject) -> bool:
    wanted = {
        name: call.params[name] for name in ("customer", "payment_method") if name in call.params
    }
    return all(intent[name] == value for name, value in wanted.items()) and within(
        call.params.get("created"), intent["created"]
    )


ROUTES: tuple[Route, ...] = (
    post(
        "/v1/setup_intents",
        create,
        {
            **_CHANGEABLE,
            "automatic_payment_methods": nested(
                {"allow_redirects": one_of("always", "never"), "enabled": boolean},
                required=("enabled",),
            ),
            "confirm": boolean,
            "return_url": text,
            "usage": one_of("off_session", "on_session"),
        },
    ),
    get(
        "/v1/setup_intents",
        listing("setup_intent", _fits),
        paged(created=time_filter, customer=text, payment_method=text),
    ),
    get("/v1/setup_intents/{id}", retrieving("setup_intent")),
    post("/v1/setup_intents/{id}", update, _CHANGEABLE),
    post("/v1/setup_intents/{id}/confirm", confirm, {"payment_method": text, "return_url": text}),
    post(
        "/v1/setup_intents/{id}/cancel",
        cancel,
        {"cancellation_reason": one_of("abandoned", "duplicate", "requested_by_customer")},
    ),
)
