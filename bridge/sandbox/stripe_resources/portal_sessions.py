"""Visits to the customer portal: where a customer changes his card.

https://docs.stripe.com/customer-management/portal-deep-links: the flow
``payment_method_update`` asks for a card, makes it the customer's default, and sends him
back. A subscription that has a default of its own keeps that one.
"""

from __future__ import annotations

from bridge.sandbox.stripe_errors import StripeObject
from bridge.sandbox.stripe_parameters import clearable, nested, one_of, text
from bridge.sandbox.stripe_resources import customers, payment_methods
from bridge.sandbox.stripe_routes import Call, Route, post
from bridge.sandbox.stripe_state import StripeState

_FLOW = nested(
    {
        "type": one_of("payment_method_update"),
        "after_completion": nested(
            {
                "type": one_of("redirect", "portal_homepage"),
                "redirect": nested({"return_url": text}, required=("return_url",)),
            },
            required=("type",),
        ),
    },
    required=("type",),
)


def create(call: Call) -> StripeObject:
    """POST /v1/billing_portal/sessions."""
    params = call.params
    owner = customers.living(call.state, params["customer"])
    flow = params.get("flow_data")
    visit = call.state.new(
        "billing_portal.session",
        customer=owner["id"],
        flow=None if flow is None else {"after_completion": None, **flow},
        locale=params.get("locale"),
        return_url=params.get("return_url"),
    )
    visit["url"] = f"{call.state.base_url()}/p/session/{visit['id']}"
    return visit


def change_card(state: StripeState, visit: StripeObject, card: str) -> None:
    """The customer gives one of the test cards; it becomes his default.

    Raises:
        ApiError: the card is declined.
    """
    owner = state.get("customer", visit["customer"])
    method = payment_methods.attach(state, card, owner)
    owner["invoice_settings"]["default_payment_method"] = method["id"]
    state.emit_change("customer.updated", owner)


def way_back(visit: StripeObject) -> str:
    """Where the customer goes when he is done."""
    after = (visit["flow"] or {}).get("after_completion") or {}
    back = (after.get("redirect") or {}).get("return_url") or visit["return_url"]
    return str(back)


ROUTES: tuple[Route, ...] = (
    post(
        "/v1/billing_portal/sessions",
        create,
        {
            "customer": text,
            "flow_data": _FLOW,
            "locale": clearable(text),
            "return_url": text,
        },
        "customer",
        "return_url",
    ),
)
