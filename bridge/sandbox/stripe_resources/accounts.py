"""The account itself."""

from __future__ import annotations

from bridge.sandbox.stripe_errors import ApiError, StripeObject
from bridge.sandbox.stripe_routes import Call, Route, get
from bridge.sandbox.stripe_skeletons import skeleton


def retrieve(call: Call) -> StripeObject:
    """GET /v1/account and /v1/accounts/{id}: the account of the key."""
    own = call.state.account
    if call.key and call.key != own:
        raise ApiError(
            f"The provided key does not have access to account '{call.key}' (or that account "
            "does not exist). Application access may have been revoked.",
            status=403,
            code="account_invalid",
        )
    account = skeleton("account")
    account["id"] = own
    account["external_accounts"]["url"] = f"/v1/accounts/{own}/external_accounts"
    return account


ROUTES: tuple[Route, ...] = (
    get("/v1/account", retrieve),
    get("/v1/accounts/{id}", retrieve),
)
