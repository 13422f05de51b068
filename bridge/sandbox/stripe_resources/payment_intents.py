"""Payment intents."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from bridge.sandbox.stripe_errors import ApiError, StripeObject, invalid, missing
from bridge.sandbox.stripe_parameters import (
    Kind,
    boolean,
    clearable,
    currency,
    list_of,
    merge_metadata,
    metadata,
    natural,
    nested,
    one_of,
    text,
    time_filter,
    within,
)
from bridge.sandbox.stripe_resources import charging, collection, customers
from bridge.sandbox.stripe_resources.cards import DEBIT_FAILED, NOT_AUTHENTICATED
from bridge.sandbox.stripe_resources.payment_methods import named, owned
from bridge.sandbox.stripe_routes import (
    Call,
    Route,
    get,
    listing,
    matching,
    paged,
    post,
    retrieving,
)
from bridge.sandbox.stripe_state import StripeState

_UNPAID: Final = frozenset({"requires_payment_method", "requires_confirmation", "requires_action"})
_CHANGEABLE: Final[Mapping[str, Kind]] = {
    "amount": natural,
    "currency": currency,
    "customer": text,
    "description": clearable(text),
    "metadata": metadata,
    "payment_method": text,
    "payment_method_types": list_of(text),
    "allowed_payment_method_types": list_of(text),
    "receipt_email": clearable(text),
    "setup_future_usage": clearable(one_of("off_session", "on_session")),
    "statement_descriptor": text,
    "statement_descriptor_suffix": text,
}
_CONFIRMING: Final[Mapping[str, Kind]] = {
    "error_on_requires_action": boolean,
    "off_session": boolean,
    "payment_method": text,
    "receipt_email": clearable(text),
    "return_url": text,
    "setup_future_usage": clearable(one_of("off_session", "on_session")),
}


def create(call: Call) -> StripeObject:
    """POST /v1/payment_intents, confirmed at once where asked."""
    state, params = call.state, call.params
    customer = params.get("customer")
    if customer:
        customers.living(state, customer)
    if params.get("off_session") and not params.get("confirm"):
        raise invalid("`off_session` can only be used with `confirm=true`.", "off_session")
    method = None
    if params.get("payment_method"):
        method = _method(state, params["payment_method"], customer)
    automatic = params.get("automatic_payment_methods")
    intent = charging.new_intent(
        state,
        amount=params["amount"],
        currency=params["currency"],
        customer=customer,
        automatic_payment_methods=automatic and {"allow_redirects": "always", **automatic},
        payment_method=method,
        _return_url=params.get("return_url"),
    )
    _set(intent, params)
    if params.get("confirm"):
        _confirm(state, intent, params)
    return intent


def update(call: Call) -> StripeObject:
    """POST /v1/payment_intents/{id}: once it is paid, only what describes it."""
    params, state = call.params, call.state
    describes = params.keys() <= {"description", "metadata"}
    intent = call.get("payment_intent") if describes else _open(call)
    if intent.get("_invoice") and params.keys() & {"amount", "currency", "customer"}:
        raise ApiError("You cannot change the amount of a PaymentIntent of an invoice.")
    if "amount" in params:
        charging.check_amount(params["amount"], params.get("currency", intent["currency"]))
    for name in ("amount", "currency", "customer"):
        if name in params:
            intent[name] = params[name]
    if "payment_method" in params:
        intent["payment_method"] = _method(state, params["payment_method"], intent["customer"])
        intent["status"] = "requires_confirmation"
    _set(intent, params)
    return intent


def confirm(call: Call) -> StripeObject:
    """POST /v1/payment_intents/{id}/confirm.

    Raises:
        ApiError: 402 when the card is declined.
    """
    intent = _open(call)
    _set(intent, call.params)
    _confirm(call.state, intent, call.params)
    return intent


def cancel(call: Call) -> StripeObject:
    """POST /v1/payment_intents/{id}/cancel."""
    intent = _open(call)
    if intent.get("_invoice"):
        raise ApiError("You cannot cancel the PaymentIntent of an invoice. Void the invoice.")
    charging.cancel(call.state, intent, call.params.get("cancellation_reason"))
    return intent


def settle(state: StripeState, intent: StripeObject, *, succeeded: bool) -> None:
    """The bank answers what was in processing; an invoice follows.

    Raises:
        ApiError: it is not in processing.
    """
    if intent["status"] != "processing":
        raise ApiError(f"{intent['id']} is {intent['status']}, not processing.")
    if succeeded:
        charging.succeed(state, intent)
    else:
        charging.fail(state, intent, DEBIT_FAILED)
    collection.after_intent(state, intent)


def authenticate(state: StripeState, intent: StripeObject, *, succeeded: bool) -> None:
    """The customer answers his bank; an invoice follows.

    Raises:
        ApiError: nobody asked him.
    """
    if intent["status"] != "requires_action":
        raise ApiError(f"{intent['id']} is {intent['status']}, nobody is asked.")
    charging.authenticate(state, intent, succeeded=succeeded)
    collection.after_intent(state, intent)


def _confirm(state: StripeState, intent: StripeObject, params: Mapping[str, Any]) -> None:
    key = params.get("payment_method") or intent["payment_method"]
    if not key:
        raise missing("payment_method")
    if params.get("return_url"):
        intent["_return_url"] = params["return_url"]
    method = state.get("payment_method", _method(state, key, intent["customer"]))
    charging.confirm(state, intent, method, present=not params.get("off_session", False))
    collection.after_intent(state, intent)
    if intent["status"] == "requires_payment_method":
        raise charging.refuse(state, intent)
    if intent["status"] == "requires_action" and params.get("error_on_requires_action"):
        charging.fail(state, intent, NOT_AUTHENTICATED)
        raise charging.refuse(state, intent)


def _method(state: StripeState, key: str, customer: str | None) -> str:
    method = named(state, key)
    if method["customer"]:
        if customer is None:
            raise ApiError(
                "The provided PaymentMethod is attached to a customer; the PaymentIntent must "
                "name that customer.",
                param="payment_method",
            )
        owned(state, method["id"], customer, param="payment_method")
    return str(method["id"])


def _open(call: Call) -> StripeObject:
    intent = call.get("payment_intent")
    if intent["status"] not in _UNPAID:
        raise ApiError(
            f"This PaymentIntent's status is {intent['status']}; it must be one of "
            f"{', '.join(sorted(_UNPAID))}.",
            code="payment_intent_unexpected_state",
            more={"payment_intent": call.state.show(intent, call.shape)},
        )
    return intent


def _set(intent: StripeObject, params: Mapping[str, Any]) -> None:
    for name in (
        "description",
        "receipt_email",
        "setup_future_usage",
        "statement_descriptor",
        "statement_descriptor_suffix",
        "payment_method_types",
    ):
        if name in params:
            intent[name] = params[name]
    if "allowed_payment_method_types" in params:
        intent["payment_method_types"] = params["allowed_payment_method_types"]
    if "metadata" in params:
        intent["metadata"] = merge_metadata(intent["metadata"], params["metadata"])


_NAMED = matching("customer")


ROUTES: tuple[Route, ...] = (
    post(
        "/v1/payment_intents",
        create,
        {
            **_CHANGEABLE,
            **_CONFIRMING,
            "automatic_payment_methods": nested(
                {"allow_redirects": one_of("always", "never"), "enabled": boolean},
                required=("enabled",),
            ),
            "capture_method": one_of("automatic", "automatic_async"),
            "confirm": boolean,
        },
        "amount",
        "currency",
    ),
    get(
        "/v1/payment_intents",
        listing(
            "payment_intent",
            lambda call, intent: (
                _NAMED(call, intent) and within(call.params.get("created"), intent["created"])
            ),
        ),
        paged(created=time_filter, customer=text),
    ),
    get("/v1/payment_intents/{id}", retrieving("payment_intent")),
    post("/v1/payment_intents/{id}", update, _CHANGEABLE),
    post("/v1/payment_intents/{id}/confirm", confirm, _CONFIRMING),
    post(
        "/v1/payment_intents/{id}/cancel",
        cancel,
        {
            "cancellation_reason": one_of(
                "abandoned", "duplicate", "fraudulent", "requested_by_customer"
            )
        },
    ),
)
