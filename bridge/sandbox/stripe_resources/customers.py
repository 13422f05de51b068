"""Customers and the balance of theirs that invoices draw on."""

from __future__ import annotations

from bridge.sandbox.stripe_errors import ApiError, StripeObject
from bridge.sandbox.stripe_listing import newest_first, page
from bridge.sandbox.stripe_parameters import (
    ADDRESS,
    clearable,
    currency,
    integer,
    list_of,
    merge_metadata,
    metadata,
    nested,
    one_of,
    text,
    time_filter,
    within,
)
from bridge.sandbox.stripe_resources import coupons, payment_methods, subscription_status
from bridge.sandbox.stripe_routes import (
    Call,
    Route,
    delete,
    get,
    listing,
    paged,
    post,
    retrieving,
)
from bridge.sandbox.stripe_state import StripeState

_PLAIN = (
    "address",
    "balance",
    "description",
    "email",
    "name",
    "phone",
    "preferred_locales",
    "shipping",
    "tax_exempt",
)

_FIELDS = {
    "address": clearable(ADDRESS),
    "balance": integer,
    "description": clearable(text),
    "email": clearable(text),
    "invoice_settings": nested({"default_payment_method": clearable(text)}),
    "metadata": metadata,
    "name": clearable(text),
    "phone": clearable(text),
    "preferred_locales": clearable(list_of(text)),
    "shipping": clearable(nested({"address": ADDRESS, "name": text, "phone": text})),
    "tax_exempt": one_of("none", "exempt", "reverse"),
}


def create(call: Call) -> StripeObject:
    """POST /v1/customers."""
    customer = make(call.state)
    _set(call, customer)
    method = call.params.get("payment_method")
    if method:
        attached = payment_methods.attach(call.state, method, customer)
        if call.params.get("invoice_settings", {}).get("default_payment_method") == method:
            customer["invoice_settings"]["default_payment_method"] = attached["id"]
    _check_default(call.state, customer)
    call.state.emit("customer.created", customer)
    return customer


def make(state: StripeState) -> StripeObject:
    """A new customer, not announced yet."""
    customer = state.new("customer")
    customer["invoice_prefix"] = customer["id"][-8:].upper()
    return customer


def update(call: Call) -> StripeObject:
    """POST /v1/customers/{id}."""
    customer = _living(call)
    _set(call, customer)
    _check_default(call.state, customer)
    call.state.emit_change("customer.updated", customer)
    return customer


def remove(call: Call) -> StripeObject:
    """DELETE /v1/customers/{id}: ends the subscriptions at once; what is left is a stub."""
    customer = _living(call)
    state = call.state
    for subscription in state.find("subscription", lambda each: each["customer"] == customer["id"]):
        if subscription["status"] not in subscription_status.ENDED:
            subscription_status.end(state, subscription, reason="cancellation_requested")
    state.emit("customer.deleted", customer)
    for method in state.find("payment_method", lambda each: each["customer"] == customer["id"]):
        method["customer"] = None
    customer["_gone"] = True
    return customer


def living(state: StripeState, key: str, param: str = "customer") -> StripeObject:
    """The customer that a parameter names.

    Raises:
        ApiError: there is none, or it was deleted.
    """
    customer = state.named("customer", key, param)
    if customer.get("_gone"):
        raise ApiError(f"No such customer: '{key}'", code="resource_missing", param=param)
    return customer


def adjust_balance(
    state: StripeState, customer: StripeObject, amount: int, *, code: str, why: StripeObject
) -> StripeObject:
    """Add to the balance (negative is a credit) and write it down; ``why`` are further fields."""
    customer["balance"] += amount
    customer["currency"] = customer["currency"] or code
    entry = state.new(
        "customer_balance_transaction",
        amount=amount,
        currency=code,
        customer=customer["id"],
        ending_balance=customer["balance"],
        **why,
    )
    state.emit_change("customer.updated", customer)
    return entry


def _living(call: Call) -> StripeObject:
    customer = call.get("customer")
    if customer.get("_gone"):
        raise ApiError(
            f"No such customer: '{call.key}'", status=404, code="resource_missing", param="id"
        )
    return customer


def _set(call: Call, customer: StripeObject) -> None:
    params = call.params
    for name in _PLAIN:
        if name in params:
            customer[name] = (
                [] if name == "preferred_locales" and not params[name] else params[name]
            )
    if "metadata" in params:
        customer["metadata"] = merge_metadata(customer["metadata"], params["metadata"])
    customer["invoice_settings"] |= params.get("invoice_settings", {})


def _check_default(state: StripeState, customer: StripeObject) -> None:
    key = customer["invoice_settings"]["default_payment_method"]
    if key is None:
        return
    method = state.named("payment_method", key, "invoice_settings[default_payment_method]")
    if method["customer"] != customer["id"]:
        raise ApiError(
            f"The customer does not have a payment method with the ID {key}. The payment method "
            "must be attached to the customer.",
            code="resource_missing",
            param="invoice_settings[default_payment_method]",
        )


def _fits(call: Call, customer: StripeObject) -> bool:
    if customer.get("_gone") or not within(call.params.get("created"), customer["created"]):
        return False
    return "email" not in call.params or customer["email"] == call.params["email"]


def _adjust(call: Call) -> StripeObject:
    params = call.params
    why = {"description": params.get("description"), "metadata": params.get("metadata") or {}}
    return adjust_balance(
        call.state, _living(call), params["amount"], code=params["currency"], why=why
    )


def _remove_discount(call: Call) -> StripeObject:
    customer = _living(call)
    if not customer["discount"]:
        raise ApiError(
            f"No active discount for customer: {call.key}", status=404, code="resource_missing"
        )
    gone = coupons.take_away(call.state, customer)
    return {"deleted": True, "id": gone["id"], "object": "discount"}


def _balance(call: Call) -> StripeObject:
    found = call.state.find(
        "customer_balance_transaction", lambda each: each["customer"] == call.key
    )
    return page(newest_first(found), call.params, call.path)


ROUTES: tuple[Route, ...] = (
    post("/v1/customers", create, {**_FIELDS, "payment_method": text}),
    get("/v1/customers", listing("customer", _fits), paged(email=text, created=time_filter)),
    get("/v1/customers/{id}", retrieving("customer")),
    post("/v1/customers/{id}", update, _FIELDS),
    delete("/v1/customers/{id}", remove),
    delete("/v1/customers/{id}/discount", _remove_discount),
    get("/v1/customers/{id}/balance_transactions", _balance, paged()),
    post(
        "/v1/customers/{id}/balance_transactions",
        _adjust,
        {"amount": integer, "currency": currency, "description": text, "metadata": metadata},
        "amount",
        "currency",
    ),
)
