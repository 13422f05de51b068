"""Routes that are not about a model: ping, event catalogue, settings, registration."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from bridge.sandbox.forms import Json
from bridge.sandbox.network_state import NetworkState
from bridge.sandbox.releases import Release
from bridge.sandbox.wire import Answer, Request, json_answer, refused

EVENT_NAMES: dict[str, str] = {
    "payment_received": "Payment Received",
    "site_published": "Site Published",
    "confirm_email_address": "Email Verification Needed",
    "domain_created": "New Domain Mapping Added",
    "renewal_payment_created": "New Renewal Payment Created",
    "invoice_sent": "Invoice Sent",
    "payment_failed": "Recurring Payment Failed",
    "membership_expired": "Membership Expired",
    "demo_site_expiring": "Demo Site Expiring",
    "checkout_started": "Checkout Started",
    "checkout_step_completed": "Checkout Step Completed",
    "checkout_completed": "Checkout Completed",
    "checkout_failed": "Checkout Failed",
    "subsite_post_created": "Subsite Post Created",
    "subsite_cpt_created": "Subsite Custom Post Type Entry Created",
    "subsite_user_registered": "Subsite User Registered",
    "subsite_woocommerce_order": "Subsite WooCommerce Order Placed",
}
"""All events that exist; no membership, customer, product or site updates among them
(domain/live-findings.md §4)."""

_KNOWN: dict[Release, int] = {
    Release.V2_4_7: 5,
    Release.V2_4_12: 8,
    Release.HEAD: len(EVENT_NAMES),
}
_SENSITIVE = ("_access_token", "_refresh_token", "_sk_key", "_secret", "password", "_api_key")
_SENSITIVE_KEYS = frozenset({"api_key", "api_secret", "stripe_api_sk_live", "stripe_api_sk_test"})


@dataclass(frozen=True, slots=True)
class Service:
    """A route of its own.

    ``answer`` gets what follows the route's name; ``methods`` tells what a path takes;
    ``silent`` routes send no Allow header.
    """

    answer: Callable[[NetworkState, Request, str], Answer]
    exists: Callable[[Release, str], bool]
    methods: Callable[[str], str]
    silent: bool = False


def _ping(state: NetworkState, _request: Request, _rest: str) -> Answer:
    body = {
        "success": True,
        "label": state.settings.get("company_name", ""),
        "message": "Welcome to our API",
    }
    complaint = (
        "wp_send_json (since 5.5.0; Return a WP_REST_Response or WP_Error object from your "
        "callback when using the REST API.)"
    )
    return json_answer(body, headers={"x-wp-doingitwrong": complaint})


def _hooks(state: NetworkState, _request: Request, _rest: str) -> Answer:
    known = list(EVENT_NAMES.items())[: _KNOWN[state.release]]
    return json_answer(
        {
            event: {"name": name, "desc": f"{name}.", "payload": {}, "deprecated_args": []}
            for event, name in known
        }
    )


def _settings(state: NetworkState, request: Request, key: str) -> Answer:
    if request.method == "GET" and not key:
        shown = {name: each for name, each in state.settings.items() if not _is_sensitive(name)}
        return json_answer({"success": True, "settings": shown})
    if request.method == "GET":
        if key not in state.settings or _is_sensitive(key):
            raise refused("setting_not_found", f'Setting "{key}" not found.', status=404)
        return _setting(key, state.settings[key])
    body: Json = request.json_body
    if not isinstance(body, dict):
        body = {}
    if key:
        if body.get("value") is None:
            raise refused("missing_value", 'The "value" parameter is required.', status=400)
        _refuse_protected(key)
        state.set_setting(key, body["value"])
        return _setting(key, body["value"])
    wanted = body.get("settings", body)
    for name in wanted:
        _refuse_protected(name)
    for name, value in wanted.items():
        state.set_setting(name, value)
    return json_answer({"success": bool(wanted), "updated": list(wanted)})


def _setting(key: str, value: Json) -> Answer:
    return json_answer({"success": True, "setting_key": key, "value": value})


def _refuse_protected(key: str) -> None:
    if _is_sensitive(key):
        message = f'Setting "{key}" is protected and cannot be modified via the API.'
        raise refused("setting_protected", message, status=403)


def _is_sensitive(key: str) -> bool:
    return key in _SENSITIVE_KEYS or any(part in key for part in _SENSITIVE)


def _registration(_state: NetworkState, _request: Request, _rest: str) -> Answer:
    return json_answer({"registration_status": "open"})


def _alone(_release: Release, rest: str) -> bool:
    return not rest


SERVICES: dict[str, Service] = {
    "auth": Service(_ping, _alone, lambda _: "GET", silent=True),
    "hooks": Service(_hooks, _alone, lambda _: "GET"),
    "register": Service(_registration, _alone, lambda _: "GET, POST"),
    "settings": Service(
        _settings,
        lambda release, _: release.has_settings_routes,
        lambda key: "GET, POST, PUT, PATCH" if key else "GET, POST",
    ),
}
