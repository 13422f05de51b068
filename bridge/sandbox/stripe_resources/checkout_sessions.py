"""Checkout sessions: made, shown, expired."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from bridge.sandbox.stripe_errors import ApiError, StripeObject, invalid, missing
from bridge.sandbox.stripe_listing import page
from bridge.sandbox.stripe_parameters import (
    Kind,
    boolean,
    check_exclusive,
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
from bridge.sandbox.stripe_resources import (
    coupons,
    customers,
    drafts,
    invoice_items,
    lines,
    prices,
    setup_intents,
    subscriptions,
)
from bridge.sandbox.stripe_resources.subscription_parts import PRORATION_BEHAVIOR, SHARED
from bridge.sandbox.stripe_resources.totals import tally
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

_HALF_HOUR, _DAY = 1800, 86_400
_SUBSCRIPTION_DATA: Final[Mapping[str, Kind]] = {
    "billing_cycle_anchor": natural,
    "billing_mode": nested({"type": one_of("classic")}),
    "default_tax_rates": list_of(text),
    "description": text,
    "metadata": metadata,
    "proration_behavior": PRORATION_BEHAVIOR,
    "trial_end": natural,
    "trial_period_days": natural,
    "trial_settings": SHARED["trial_settings"],
}
_PARAMS: Final[Mapping[str, Kind]] = {
    "allow_promotion_codes": boolean,
    "allowed_payment_method_types": list_of(text),
    "billing_address_collection": one_of("auto", "required"),
    "cancel_url": text,
    "client_reference_id": text,
    "currency": currency,
    "customer": text,
    "customer_creation": one_of("always", "if_required"),
    "customer_email": text,
    "discounts": coupons.DISCOUNTS,
    "expires_at": natural,
    "invoice_creation": nested(
        {
            "enabled": boolean,
            "invoice_data": nested({"description": text, "footer": text, "metadata": metadata}),
        },
        required=("enabled",),
    ),
    "line_items": list_of(
        nested(
            {
                "metadata": metadata,
                "price": text,
                "price_data": prices.PRICE_DATA,
                "quantity": natural,
                "tax_rates": list_of(text),
            }
        )
    ),
    "locale": text,
    "metadata": metadata,
    "mode": one_of("payment", "setup", "subscription"),
    "payment_intent_data": nested(
        {
            "description": text,
            "metadata": metadata,
            "receipt_email": text,
            "setup_future_usage": one_of("off_session", "on_session"),
            "statement_descriptor": text,
            "statement_descriptor_suffix": text,
        }
    ),
    "payment_method_collection": one_of("always", "if_required"),
    "payment_method_types": list_of(text),
    "setup_intent_data": nested({"description": text, "metadata": metadata}),
    "submit_type": one_of("auto", "book", "donate", "pay", "subscribe"),
    "subscription_data": nested(_SUBSCRIPTION_DATA),
    "success_url": text,
    "ui_mode": one_of("hosted", "hosted_page"),
}
_PLAIN = (
    "allow_promotion_codes", "billing_address_collection", "cancel_url", "client_reference_id",
    "customer", "customer_creation", "customer_email", "locale", "mode",
    "payment_method_collection", "submit_type", "success_url",
)  # fmt: skip


def create(call: Call) -> StripeObject:
    """POST /v1/checkout/sessions."""
    state, params = call.state, dict(call.params)
    _check(params)
    customer = params.get("customer")
    if customer:
        customers.living(state, customer)
    now = state.now()
    expires = params.get("expires_at", now + _DAY)
    if not now + _HALF_HOUR <= expires <= now + _DAY:
        raise invalid(
            "The `expires_at` timestamp must be between 30 minutes and 24 hours from Checkout "
            "Session creation.",
            "expires_at",
        )
    session = state.new("checkout.session", expires_at=expires, _items=[], _wanted=params)
    for name in _PLAIN:
        session[name] = params.get(name, session[name])
    types = params.get("allowed_payment_method_types") or params.get("payment_method_types")
    session["payment_method_types"] = types or ["card"]
    session["metadata"] = merge_metadata({}, params.get("metadata", {}))
    session["url"] = f"{state.base_url()}/c/pay/{session['id']}"
    if params["mode"] == "setup":
        _prepare_setup(state, session, params)
    else:
        _settle_items(state, params)
        _count(state, session, params)
    return session


def subscription_params(wanted: Mapping[str, Any]) -> dict[str, Any]:
    """The parameters by which the session's subscription begins."""
    recurring, once = wanted["_recurring"], wanted["_once"]
    return {
        **wanted.get("subscription_data", {}),
        "items": recurring,
        "add_invoice_items": once,
        "discounts": wanted.get("discounts") or [],
    }


def draft_of_payment(
    state: StripeState, customer: str, wanted: Mapping[str, Any], code: str
) -> StripeObject:
    """The invoice that a session of mode ``payment`` comes to."""
    now = state.now()
    invoice = drafts.new(state, customer, currency=code, period_end=now, period_start=now)
    of = {"customer": customer, "invoice": invoice["id"]}
    discounts = wanted.get("discounts") or []
    invoice["discounts"] = coupons.redeem(state, discounts, of=of, param="discounts")
    things = [invoice_items.one_off(state, customer, each) for each in wanted["_once"]]
    invoice["lines"]["data"] = lines.take(state, things, invoice["id"])
    return invoice


def expire(call: Call) -> StripeObject:
    """POST /v1/checkout/sessions/{id}/expire."""
    session = call.get("checkout.session")
    if session["status"] != "open":
        raise ApiError(
            f'Only Checkout Sessions with a status in ["open"] can be expired. This Checkout '
            f"Session has a status of `{session['status']}`."
        )
    wake(call.state, session)
    return session


def update(call: Call) -> StripeObject:
    """POST /v1/checkout/sessions/{id}: metadata only."""
    session = call.get("checkout.session")
    if "metadata" in call.params:
        session["metadata"] = merge_metadata(session["metadata"], call.params["metadata"])
    return session


def next_due(_state: StripeState, session: StripeObject) -> int | None:
    """When an open session expires."""
    return int(session["expires_at"]) if session["status"] == "open" else None


def wake(state: StripeState, session: StripeObject) -> None:
    """Nobody paid."""
    session |= {"status": "expired", "url": None}
    state.emit_change("checkout.session.expired", session)


def _check(params: Mapping[str, Any]) -> None:
    check_exclusive(params, "customer", "customer_email")
    check_exclusive(params, "allowed_payment_method_types", "payment_method_types")
    if "success_url" not in params:
        raise missing("success_url")
    mode = params["mode"]
    if mode == "setup":
        if params.get("line_items"):
            raise invalid("You can not pass `line_items` in `setup` mode.", "line_items")
    elif not params.get("line_items"):
        raise missing("line_items")
    belongs = {
        "customer_creation": ("payment", "setup"),
        "invoice_creation": ("payment",),
        "payment_intent_data": ("payment",),
        "payment_method_collection": ("subscription",),
        "setup_intent_data": ("setup",),
        "subscription_data": ("subscription",),
    }
    for name, modes in belongs.items():
        if name in params and mode not in modes:
            raise invalid(f"You can not pass `{name}` in `{mode}` mode.", name)


def _prepare_setup(state: StripeState, session: StripeObject, params: Mapping[str, Any]) -> None:
    data = params.get("setup_intent_data", {})
    intent = setup_intents.make(
        state,
        customer=session["customer"],
        extra=merge_metadata({}, data.get("metadata", {})),
        description=data.get("description"),
    )
    session |= {
        "currency": params.get("currency"),
        "payment_status": "no_payment_required",
        "setup_intent": intent["id"],
    }


def _settle_items(state: StripeState, params: dict[str, Any]) -> None:
    """Make prices of ``price_data``; tell recurring items from others."""
    once: list[dict[str, Any]] = []
    recurring: list[dict[str, Any]] = []
    for number, each in enumerate(params["line_items"]):
        param = f"line_items[{number}]"
        price = each.get("price") and state.named("price", each["price"], f"{param}[price]")
        data = each.get("price_data", {})
        repeats = bool(price["recurring"] if price else data.get("recurring"))
        chosen = prices.chosen(state, each, param=param, recurring=repeats)
        settled = {**each, "price": chosen["id"], "quantity": each.get("quantity", 1)}
        settled.pop("price_data", None)
        (recurring if repeats else once).append(settled)
    if params["mode"] == "payment" and recurring:
        raise ApiError(
            "You specified `payment` mode but passed a recurring price. Either switch to "
            "`subscription` mode or use only one-time prices.",
            param="line_items",
        )
    if params["mode"] == "subscription" and not recurring:
        raise ApiError(
            "You must provide at least one recurring price in `subscription` mode when using "
            "prices.",
            param="line_items",
        )
    params |= {"_once": once, "_recurring": recurring}


def _count(state: StripeState, session: StripeObject, params: Mapping[str, Any]) -> None:
    """Rehearse what will be due at completion, for the session's amounts."""
    wanted = [*params["_recurring"], *params["_once"]]
    codes = {state.get("price", each["price"])["currency"] for each in wanted}
    if len(codes) > 1:
        raise invalid("All prices on a Checkout Session must have the same currency.", "line_items")
    code = codes.pop()
    with state.rehearsal():
        buyer = session["customer"] or customers.make(state)["id"]
        if params["mode"] == "payment":
            invoice = draft_of_payment(state, buyer, params, code)
            tally(state, invoice)
        else:
            begun = subscriptions.begin(
                state,
                state.get("customer", buyer),
                {
                    **subscription_params(params),
                    "payment_behavior": "default_incomplete",
                    "_collects": False,
                },
            )
            invoice = state.get("invoice", begun["latest_invoice"])
        due = invoice["lines"]["data"]
        totals = {name: invoice[name] for name in ("subtotal", "total", "total_discount_amounts")}
        added = sum(
            tax["amount"] for tax in invoice["total_taxes"] if tax["tax_behavior"] == "exclusive"
        )
        tax = sum(tax["amount"] for tax in invoice["total_taxes"])
    session |= {
        "amount_subtotal": totals["subtotal"],
        "amount_total": totals["total"],
        "currency": code,
        "total_details": {
            "amount_discount": totals["subtotal"] + added - totals["total"],
            "amount_shipping": 0,
            "amount_tax": tax,
        },
    }
    session["_items"] = [_item(state, each, due) for each in wanted]
    if params["mode"] == "payment":
        creation = params.get("invoice_creation", {})
        session["invoice_creation"] = {
            "enabled": creation.get("enabled", False),
            "invoice_data": {
                "account_tax_ids": None,
                "custom_fields": None,
                "description": creation.get("invoice_data", {}).get("description"),
                "footer": creation.get("invoice_data", {}).get("footer"),
                "issuer": None,
                "metadata": creation.get("invoice_data", {}).get("metadata") or {},
                "rendering_options": None,
            },
        }
        session["customer_creation"] = session["customer_creation"] or "if_required"
        if session["customer"]:
            session["customer_creation"] = None
    else:
        session["payment_method_collection"] = session["payment_method_collection"] or "always"


def _item(
    state: StripeState, wanted: Mapping[str, Any], due: Sequence[StripeObject]
) -> StripeObject:
    price = state.get("price", wanted["price"])
    own = [line for line in due if line["_price"] == price["id"]][:1]
    subtotal = sum(line["amount"] for line in own)
    discount = sum(each["amount"] for line in own for each in line["discount_amounts"])
    taxes = [tax for line in own for tax in line["taxes"]]
    added = sum(tax["amount"] for tax in taxes if tax["tax_behavior"] == "exclusive")
    return state.build(
        "item",
        amount_discount=discount,
        amount_subtotal=subtotal,
        amount_tax=sum(tax["amount"] for tax in taxes),
        amount_total=subtotal - discount + added,
        currency=price["currency"],
        description=lines.product_name(state, price),
        metadata=merge_metadata({}, wanted.get("metadata", {})),
        price=price["id"],
        quantity=wanted["quantity"],
    )


def _line_items(call: Call) -> StripeObject:
    return page(call.get("checkout.session")["_items"], call.params, call.path)


_NAMED = matching("customer", "payment_intent", "status", "subscription")

ROUTES: tuple[Route, ...] = (
    post("/v1/checkout/sessions", create, _PARAMS, "mode"),
    get(
        "/v1/checkout/sessions",
        listing(
            "checkout.session",
            lambda call, session: (
                _NAMED(call, session) and within(call.params.get("created"), session["created"])
            ),
        ),
        paged(
            created=time_filter,
            customer=text,
            payment_intent=text,
            status=one_of("complete", "expired", "open"),
            subscription=text,
        ),
    ),
    get("/v1/checkout/sessions/{id}", retrieving("checkout.session")),
    post("/v1/checkout/sessions/{id}", update, {"metadata": clearable(metadata)}),
    post("/v1/checkout/sessions/{id}/expire", expire),
    get("/v1/checkout/sessions/{id}/line_items", _line_items, paged()),
)
