"""Payment methods: made from Stripe's test cards, attached, detached."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bridge.sandbox.stripe_errors import ApiError, StripeObject, no_such
from bridge.sandbox.stripe_listing import newest_first, page
from bridge.sandbox.stripe_parameters import (
    ADDRESS,
    Kind,
    clearable,
    merge_metadata,
    metadata,
    nested,
    one_of,
    text,
)
from bridge.sandbox.stripe_resources.cards import CARDS, check_attachable
from bridge.sandbox.stripe_routes import Call, Route, get, listing, paged, post, retrieving
from bridge.sandbox.stripe_state import StripeState

_BILLING: Kind = nested(
    {
        "address": ADDRESS,
        "email": clearable(text),
        "name": clearable(text),
        "phone": clearable(text),
    }
)


def from_card(
    state: StripeState, name: str, *, details: Mapping[str, Any] | None = None
) -> StripeObject:
    """A payment method of one of Stripe's test cards, not attached."""
    card = CARDS[name]
    method = state.new("payment_method", type=card.kind, _card=name, _set_up=False)
    method["billing_details"] |= details or {}
    if card.kind == "card":
        method["card"] = {
            "brand": card.brand,
            "checks": {
                "address_line1_check": None,
                "address_postal_code_check": None,
                "cvc_check": "pass",
            },
            "country": "US",
            "display_brand": card.brand,
            "exp_month": 8,
            "exp_year": 2040,
            "fingerprint": f"sandbox{card.last4}",
            "funding": "credit",
            "generated_from": None,
            "last4": card.last4,
            "networks": {"available": [card.brand], "preferred": None},
            "regulated_status": None,
            "three_d_secure_usage": {"supported": True},
            "wallet": None,
        }
    else:
        del method["card"]
    return method


def named(state: StripeState, key: str, param: str = "payment_method") -> StripeObject:
    """The method with this id; the name of a test card makes a new one of it.

    Raises:
        ApiError: ``resource_missing``.
    """
    if key in CARDS:
        return from_card(state, key)
    return state.named("payment_method", key, param)


def attach(state: StripeState, key: str, customer: StripeObject) -> StripeObject:
    """Attach a method, or a test card by its name, to a customer.

    Raises:
        ApiError: the card is declined, or the method belongs to another customer.
    """
    method = named(state, key)
    if method["customer"] == customer["id"]:
        return method
    if method["customer"]:
        raise ApiError(
            "The payment method you provided has already been attached to a customer.",
            param="payment_method",
        )
    if method.get("_detached"):
        raise ApiError(
            "This PaymentMethod was previously used without being attached to a Customer or was "
            "detached from a Customer, and may not be used again."
        )
    check_attachable(CARDS[method["_card"]])
    method["customer"] = customer["id"]
    state.emit("payment_method.attached", method)
    return method


def owned(state: StripeState, key: str, customer: str, *, param: str) -> StripeObject:
    """A method that is attached to this customer.

    Raises:
        ApiError: it is missing or somebody else's.
    """
    method = state.named("payment_method", key, param)
    if method["customer"] != customer:
        raise ApiError(
            f"The customer does not have a payment method with the ID {key}. The payment method "
            "must be attached to the customer.",
            code="resource_missing",
            param=param,
        )
    return method


def create(call: Call) -> StripeObject:
    """POST /v1/payment_methods: of a token such as ``tok_visa``, or a bank debit."""
    params = call.params
    name = {"sepa_debit": "pm_sepaDebit", "us_bank_account": "pm_usBankAccount_success"}.get(
        params["type"]
    )
    if name is None:
        token = params.get("card", {}).get("token", "")
        name = "pm_card_" + token.removeprefix("tok_")
        if not token.startswith("tok_") or name not in CARDS:
            raise no_such("token", token, param="card[token]", status=400)
    method = from_card(call.state, name, details=params.get("billing_details"))
    method["metadata"] = merge_metadata({}, params.get("metadata", {}))
    return method


def update(call: Call) -> StripeObject:
    """POST /v1/payment_methods/{id}."""
    method, params = call.get("payment_method"), call.params
    if not method["customer"]:
        raise ApiError("You must save this PaymentMethod to a customer before you can update it.")
    method["billing_details"] |= params.get("billing_details", {})
    if "metadata" in params:
        method["metadata"] = merge_metadata(method["metadata"], params["metadata"])
    call.state.emit_change("payment_method.updated", method)
    return method


def detach(call: Call) -> StripeObject:
    """POST /v1/payment_methods/{id}/detach: also where it was somebody's default."""
    method, state = call.get("payment_method"), call.state
    if not method["customer"]:
        raise ApiError(
            "The payment method you provided is not attached to a customer so detachment is "
            "impossible."
        )
    customer = state.get("customer", method["customer"])
    method["customer"] = None
    method["_detached"] = True
    state.emit_change("payment_method.detached", method)
    if customer["invoice_settings"]["default_payment_method"] == method["id"]:
        customer["invoice_settings"]["default_payment_method"] = None
        state.emit_change("customer.updated", customer)
    for subscription in state.find(
        "subscription", lambda each: each["default_payment_method"] == method["id"]
    ):
        subscription["default_payment_method"] = None
        state.emit_change("customer.subscription.updated", subscription)
    return method


def _attach(call: Call) -> StripeObject:
    customer = call.state.named("customer", call.params["customer"], "customer")
    return attach(call.state, call.key, customer)


def _of_customer(call: Call) -> StripeObject:
    customer = call.state.get("customer", call.key)
    found = call.state.find(
        "payment_method",
        lambda each: (
            each["customer"] == customer["id"]
            and call.params.get("type", each["type"]) == each["type"]
        ),
    )
    return page(newest_first(found), call.params, call.path)


def _fits(call: Call, method: StripeObject) -> bool:
    params = call.params
    return (
        method["customer"] is not None
        and params.get("customer", method["customer"]) == method["customer"]
        and params.get("type", method["type"]) == method["type"]
    )


ROUTES: tuple[Route, ...] = (
    post(
        "/v1/payment_methods",
        create,
        {
            "billing_details": _BILLING,
            "card": nested({"token": text}, required=("token",)),
            "metadata": metadata,
            "type": one_of("card", "sepa_debit", "us_bank_account"),
        },
        "type",
    ),
    get("/v1/payment_methods", listing("payment_method", _fits), paged(customer=text, type=text)),
    get("/v1/payment_methods/{id}", retrieving("payment_method")),
    post("/v1/payment_methods/{id}", update, {"billing_details": _BILLING, "metadata": metadata}),
    post("/v1/payment_methods/{id}/attach", _attach, {"customer": text}, "customer"),
    post("/v1/payment_methods/{id}/detach", detach),
    get("/v1/customers/{id}/payment_methods", _of_customer, paged(type=text)),
)
