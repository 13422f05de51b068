"""The list of events, kept for 30 days."""

from __future__ import annotations

from bridge.sandbox.stripe_errors import StripeObject, invalid, no_such
from bridge.sandbox.stripe_parameters import boolean, list_of, text, time_filter, within
from bridge.sandbox.stripe_routes import Call, Route, get, listing, paged

KEPT_FOR = 30 * 86_400
"""Seconds for which an event can be listed and fetched."""


def retrieve(call: Call) -> StripeObject:
    """GET /v1/events/{id}."""
    event = call.get("event")
    if not _is_kept(call, event):
        raise no_such("event", call.key)
    return event


def _is_kept(call: Call, event: StripeObject) -> bool:
    return bool(event["created"] > call.state.now() - KEPT_FOR)


def _fits(call: Call, event: StripeObject) -> bool:
    params = call.params
    if "type" in params and "types" in params:
        raise invalid("You may only specify one of these parameters: type, types.", "types")
    types = params.get("types") or ([params["type"]] if "type" in params else [])
    return (
        _is_kept(call, event)
        and (not types or any(_is_of(event["type"], each) for each in types))
        and within(params.get("created"), event["created"])
        and (
            "delivery_success" not in params
            or all(event["_delivered"].values()) == params["delivery_success"]
        )
    )


def _is_of(kind: str, wanted: str) -> bool:
    """``invoice.*`` stands for all that begin so."""
    return kind == wanted or (wanted.endswith("*") and kind.startswith(wanted[:-1]))


ROUTES: tuple[Route, ...] = (
    get(
        "/v1/events",
        listing("event", _fits),
        paged(created=time_filter, delivery_success=boolean, type=text, types=list_of(text)),
    ),
    get("/v1/events/{id}", retrieve),
)
