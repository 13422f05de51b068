"""Pages of lists, and objects shown in place of their ids.

https://docs.stripe.com/api/pagination and https://docs.stripe.com/api/expanding_objects.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from bridge.sandbox.stripe_errors import ApiError, StripeObject, invalid, no_such
from bridge.sandbox.stripe_shapes import Shape
from bridge.sandbox.stripe_state import StripeState

_MAX_DEPTH = 4

# Ids in these fields are no references, however much they look like some.
_NEVER = frozenset({"id", "client_secret", "url", "client_reference_id"})

# Fields that may be null although they refer to something.
_REFERENCES = frozenset(
    "charge coupon customer default_payment_method default_price discount discounts invoice "
    "latest_attempt latest_charge latest_invoice payment_intent payment_method "
    "pending_setup_intent product released_subscription schedule setup_intent subscription "
    "test_clock".split()
)

Builder = Callable[[StripeState, StripeObject, Shape], StripeObject | None]


def page(things: Sequence[StripeObject], params: Mapping[str, Any], url: str) -> StripeObject:
    """A page of ``things``, which are in the order of the list.

    Raises:
        ApiError: a cursor that is not in the list, both cursors, or a limit out of range.
    """
    limit = params.get("limit", 10)
    if not 1 <= limit <= 100:
        raise invalid(f"Invalid integer: {limit} must be between 1 and 100", "limit")
    after, before = params.get("starting_after"), params.get("ending_before")
    if after and before:
        raise invalid(
            "You cannot parameterize both starting_after and ending_before.", "ending_before"
        )
    keys = [each["id"] for each in things]
    if before:
        end = _position(keys, before, "ending_before")
        start = max(0, end - limit)
        more = start > 0
    else:
        start = _position(keys, after, "starting_after") + 1 if after else 0
        end = start + limit
        more = end < len(things)
    return as_list(things[start:end], url, has_more=more)


def newest_first(things: Sequence[StripeObject], *, at: str = "created") -> list[StripeObject]:
    """The order of Stripe's lists; what is of the same second in reverse order of making."""
    ordered = sorted(enumerate(things), key=lambda each: (each[1][at], each[0]), reverse=True)
    return [thing for _, thing in ordered]


def as_list(data: Sequence[StripeObject], url: str, *, has_more: bool = False) -> StripeObject:
    """Stripe's list object."""
    return {"object": "list", "data": list(data), "has_more": has_more, "url": url}


def expand(
    shown: StripeObject, paths: Sequence[str], state: StripeState, shape: Shape
) -> StripeObject:
    """Put objects in the place of their ids, along paths such as ``latest_invoice.customer``.

    Raises:
        ApiError: nothing at the end of a path can be expanded.
    """
    for path in paths:
        parts = path.split(".")
        if len(parts) > _MAX_DEPTH + (parts[0] == "data"):
            raise invalid(
                f"You cannot expand more than {_MAX_DEPTH} levels of a property: {path}", "expand"
            )
        _expand(shown, parts, path, state, shape)
    return shown


def _expand(place: Any, parts: list[str], path: str, state: StripeState, shape: Shape) -> None:
    if isinstance(place, list):
        for each in place:
            _expand(each, parts, path, state, shape)
        return
    if place is None:
        return
    name, rest = parts[0], parts[1:]
    builder = INCLUDABLE.get((place.get("object", ""), name)) if isinstance(place, dict) else None
    if builder and name not in place:
        place[name] = builder(state, place, shape)
    if not isinstance(place, dict) or name not in place:
        raise ApiError(f"This property cannot be expanded ({path}).", param="expand")
    value = place[name]
    if isinstance(value, str):
        place[name] = value = _fetch(value, name, path, state, shape)
    elif isinstance(value, list) and all(isinstance(each, str) for each in value):
        place[name] = value = [_fetch(each, name, path, state, shape) for each in value]
    elif not rest and name not in _REFERENCES and not isinstance(value, dict | list):
        raise ApiError(f"This property cannot be expanded ({path}).", param="expand")
    if rest:
        _expand(value, rest, path, state, shape)


def _fetch(key: str, name: str, path: str, state: StripeState, shape: Shape) -> StripeObject:
    kind = state.kind_of(key)
    thing = state.look(kind, key) if kind and name not in _NEVER else None
    if thing is None:
        raise ApiError(f"This property cannot be expanded ({path}).", param="expand")
    return state.show(thing, shape)


def _position(keys: list[str], key: str, param: str) -> int:
    if key not in keys:
        raise no_such("object", key, param=param, status=400)
    return keys.index(key)


def _payments(state: StripeState, invoice: StripeObject, shape: Shape) -> StripeObject | None:
    if shape is Shape.ACACIA:
        return None
    payments = state.find("invoice_payment", lambda each: each["invoice"] == invoice["id"])
    shown = [state.show(each, shape) for each in payments]
    return as_list(shown, f"/v1/invoice_payments?invoice={invoice['id']}")


def _confirmation(state: StripeState, invoice: StripeObject, shape: Shape) -> StripeObject | None:
    kept = state.look("invoice", invoice["id"]) or {}
    intent = state.look("payment_intent", kept.get("_payment_intent") or "")
    if shape is Shape.ACACIA or intent is None or invoice["status"] != "open":
        return None
    return {"client_secret": intent["client_secret"], "type": "payment_intent"}


def _session_items(state: StripeState, session: StripeObject, shape: Shape) -> StripeObject:
    kept = state.get("checkout.session", session["id"])
    shown = [state.show(each, shape) for each in kept["_items"]]
    return as_list(shown, f"/v1/checkout/sessions/{session['id']}/line_items")


def _subscriptions(state: StripeState, customer: StripeObject, shape: Shape) -> StripeObject:
    found = state.find(
        "subscription",
        lambda each: each["customer"] == customer["id"] and each["status"] != "canceled",
    )
    shown = [state.show(each, shape) for each in newest_first(found)]
    return as_list(shown, f"/v1/customers/{customer['id']}/subscriptions")


def _refunds(state: StripeState, charge: StripeObject, shape: Shape) -> StripeObject:
    found = state.find("refund", lambda each: each["charge"] == charge["id"])
    shown = [state.show(each, shape) for each in newest_first(found)]
    return as_list(shown, f"/v1/charges/{charge['id']}/refunds")


INCLUDABLE: Final[Mapping[tuple[str, str], Builder]] = {
    ("charge", "refunds"): _refunds,
    ("checkout.session", "line_items"): _session_items,
    ("customer", "subscriptions"): _subscriptions,
    ("invoice", "confirmation_secret"): _confirmation,
    ("invoice", "payments"): _payments,
}
"""Fields that an object has only when they are asked for: (object, field) → its value."""
