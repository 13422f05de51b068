"""Webhook endpoints."""

from __future__ import annotations

import re
from collections.abc import Sequence
from urllib.parse import urlsplit

from bridge.sandbox.stripe_errors import StripeObject, invalid
from bridge.sandbox.stripe_parameters import (
    boolean,
    clearable,
    list_of,
    merge_metadata,
    metadata,
    text,
)
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

VERSION = re.compile(r"\d{4}-\d{2}-\d{2}(\.[a-z]+)?")


def make(
    state: StripeState,
    url: str,
    *,
    secret: str | None = None,
    events: Sequence[str] = ("*",),
    api_version: str | None = None,
) -> StripeObject:
    """A new endpoint with this secret, or one of its own.

    Raises:
        ApiError: no web address, or no API version.
    """
    if urlsplit(url).scheme not in ("http", "https"):
        raise invalid("Invalid URL: An explicit scheme (such as https) must be provided.", "url")
    if api_version and not VERSION.fullmatch(api_version):
        raise invalid(f"Invalid Stripe API version: {api_version}", "api_version")
    endpoint = state.new(
        "webhook_endpoint", api_version=api_version, enabled_events=list(events), url=url
    )
    endpoint["_secret"] = secret or f"whsec_{endpoint['id'][3:]}"
    return endpoint


def create(call: Call) -> StripeObject:
    """POST /v1/webhook_endpoints; only this answer has the secret."""
    params = call.params
    endpoint = make(
        call.state,
        params["url"],
        events=params["enabled_events"],
        api_version=params.get("api_version"),
    )
    endpoint["description"] = params.get("description")
    endpoint["metadata"] = merge_metadata({}, params.get("metadata", {}))
    return {**endpoint, "secret": endpoint["_secret"]}


def update(call: Call) -> StripeObject:
    """POST /v1/webhook_endpoints/{id}."""
    endpoint, params = call.get("webhook_endpoint"), call.params
    for name in ("description", "enabled_events", "url"):
        if name in params:
            endpoint[name] = params[name]
    if "disabled" in params:
        endpoint["status"] = "disabled" if params["disabled"] else "enabled"
    if "metadata" in params:
        endpoint["metadata"] = merge_metadata(endpoint["metadata"], params["metadata"])
    return endpoint


def remove(call: Call) -> StripeObject:
    """DELETE /v1/webhook_endpoints/{id}."""
    endpoint = call.get("webhook_endpoint")
    call.state.remove(endpoint)
    return {"deleted": True, "id": endpoint["id"], "object": "webhook_endpoint"}


def wants(endpoint: StripeObject, kind: str) -> bool:
    """Whether events of this type go to the endpoint."""
    enabled = endpoint["enabled_events"]
    return endpoint["status"] == "enabled" and ("*" in enabled or kind in enabled)


_CHANGEABLE = {
    "description": clearable(text),
    "enabled_events": list_of(text),
    "metadata": metadata,
    "url": text,
}

ROUTES: tuple[Route, ...] = (
    post(
        "/v1/webhook_endpoints",
        create,
        {**_CHANGEABLE, "api_version": text},
        "url",
        "enabled_events",
    ),
    get("/v1/webhook_endpoints", listing("webhook_endpoint"), paged()),
    get("/v1/webhook_endpoints/{id}", retrieving("webhook_endpoint")),
    post("/v1/webhook_endpoints/{id}", update, {**_CHANGEABLE, "disabled": boolean}),
    delete("/v1/webhook_endpoints/{id}", remove),
)
