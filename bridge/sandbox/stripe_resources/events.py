"""The list of events, kept for 30 days."""

from __future__ import annotations

from bridge.sandbox.stripe_errors import StripeObject, invalid, no_such
from bridge.sandbox.stripe_listing import newest_first, page
from bridge.sandbox.stripe_parameters import boolean, list_of, text, time_filter, within
from bridge.sandbox.stripe_routes import Call, Route, get, paged

KEPT_FOR = 30 * 86_400
"""Seconds for which an event can be listed and fetched."""


def retrieve(call: Call) -> StripeObject:
    """GET /v1/events/{id}."""
    event = call.get("event")
    if event["created"] <= call.state.now() - KEPT_FOR:
        raise no_such("event", call.key)
    return event


def list_events(call: Call) -> StripeObject:
    """GET /v1/events."""
    params = call.params
    if "type" in params and "types" in params:
        raise invalid("You may only specify one of these parameters: type, types.", "types")
    types = params.get("types") or ([params["type"]] if "type" in params else [])
    created = params.get("created")
    success = params.get("delivery_success")
    begin = call.state.now() - KEPT_FOR

    def fits(event: StripeObject) -> bool:
        return (
            event["created"] > begin
            and (not types or any(_is_of(event["type"], each) for each in types))
            and (created is None or within(created, event["created"]))
            and (success is None or all(event["_delivered"].values()) == success)
        )

    return page(newest_first(call.state.find("event", fits)), params, call.path)


def _is_of(kind: str, wanted: str) -> bool:
    """``invoice.*`` stands for all that begin so."""
    return kind == wanted or (wanted.endswith("*") and kind.startswith(wanted[:-1]))


ROUTES: tuple[Route, ...] = (
    get(
        "/v1/events",
        list_events,
        paged(created=time_filter, delivery_success=boolean, type=text, types=list_of(text)),
    ),
    get("/v1/events/{id}", retrieve),
)
