"""One Stripe account, asked through the official package."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

import stripe

from bridge.payments.faults import (
    CardDeclined,
    IdempotencyClash,
    StripeBusy,
    StripeFault,
    StripeKeyRefused,
    StripeRefused,
    StripeUnreachable,
    WrongMode,
)
from bridge.payments.pace import Pace

API_VERSION: Final = "2025-08-27.basil"
"""The version of Stripe's API that this code was written for; never the account's default."""

STRIPE = "https://api.stripe.com"

StripeObject = dict[str, Any]
"""A Stripe object as plain JSON."""

_MAX_PAGES = 50


class StripeAccount:
    """Asks one account, as one network.

    Requests are made at a `Pace` and repeated by the package where Stripe allows it:
    connection errors, 409 and 5xx, with the same idempotency key.

    Args:
        key: Secret or restricted key; never shown again.
        network: The network's name, for errors.
        livemode: The mode that the network is in.
        base_url: Where Stripe is; another address for a stand-in.
        retries: How often a request is repeated.
        timeout: Seconds to wait for an answer.

    Raises:
        WrongMode: the key is of the other mode.
    """

    def __init__(
        self,
        key: str,
        *,
        network: str,
        livemode: bool = False,
        base_url: str = STRIPE,
        retries: int = 2,
        timeout: float = 30.0,
        pace: Pace | None = None,
    ) -> None:
        check_mode(key, network=network, livemode=livemode)
        self.network = network
        self._pace = pace or Pace()
        self._api = stripe.StripeClient(
            key,
            stripe_version=API_VERSION,
            max_network_retries=retries,
            base_addresses={"api": base_url},
            http_client=stripe.RequestsClient(timeout=timeout),
        ).v1

    def __repr__(self) -> str:
        return f"StripeAccount(network={self.network!r})"

    @property
    def api(self) -> Any:
        """The package's services, to be named in `ask`, `read` and `every`."""
        return self._api

    def ask(
        self,
        service: Callable[..., stripe.StripeObject],
        *ids: str,
        once: str,
        **params: Any,
    ) -> StripeObject:
        """Create or change something.

        ``once`` is the idempotency key: the same for every repetition of this request, and
        for no other request.

        Raises:
            StripeFault: it was not done, or nobody knows.
        """
        return self._call(service, *ids, params=params, options={"idempotency_key": once})

    def read(
        self, service: Callable[..., stripe.StripeObject], *ids: str, **params: Any
    ) -> StripeObject:
        """Read something.

        Raises:
            StripeFault: it cannot be read.
        """
        return self._call(service, *ids, params=params, options={})

    def find(
        self, service: Callable[..., stripe.StripeObject], *ids: str, **params: Any
    ) -> StripeObject | None:
        """Read something that may not be there; None where it is not, or was deleted.

        Raises:
            StripeFault: it cannot be read.
        """
        try:
            found = self.read(service, *ids, **params)
        except StripeRefused as refused:
            if refused.fields.get("code") == "resource_missing":
                return None
            raise
        return None if found.get("deleted") else found

    def every(
        self, service: Callable[..., stripe.StripeObject], **params: Any
    ) -> Iterator[StripeObject]:
        """All rows of a list, page by page.

        Raises:
            StripeFault: it cannot be read.
        """
        after: dict[str, str] = {}
        for _ in range(_MAX_PAGES):
            page = self.read(service, limit=100, **params, **after)
            yield from page["data"]
            if not page["has_more"]:
                return
            after = {"starting_after": page["data"][-1]["id"]}

    def _call(
        self,
        service: Callable[..., stripe.StripeObject],
        *ids: str,
        params: Mapping[str, Any],
        options: Mapping[str, str],
    ) -> StripeObject:
        self._pace.wait()
        try:
            answer = service(*ids, params=dict(params), options=dict(options))
        except stripe.StripeError as error:
            raise self._fault(error) from None
        plain: StripeObject = answer.to_dict()
        return plain

    def _fault(self, error: stripe.StripeError) -> StripeFault:
        why = (error.user_message or "no reason was given").rstrip(".")
        fields = {
            "network": self.network,
            "why": why,
            "code": error.code or "",
            "request": error.request_id or "its time",
        }
        kind: type[StripeFault] = StripeRefused
        if isinstance(error, stripe.CardError):
            kind, fields["why"] = CardDeclined, f"{why}."
        elif isinstance(error, stripe.RateLimitError):
            kind = StripeBusy
        elif isinstance(error, stripe.AuthenticationError | stripe.PermissionError):
            # Stripe's own sentence repeats a part of the key.
            kind, fields["why"] = StripeKeyRefused, ""
        elif isinstance(error, stripe.IdempotencyError):
            kind = IdempotencyClash
        elif isinstance(error, stripe.APIConnectionError):
            kind, fields["why"] = StripeUnreachable, "no answer came"
        elif (error.http_status or 500) >= 500:
            kind, fields["why"] = StripeUnreachable, f"it answered {error.http_status}"
        return kind(**fields)


def check_mode(key: str, *, network: str, livemode: bool) -> None:
    """Refuse a test key for a live network, and a live key for one in test mode.

    Raises:
        WrongMode: it is one.
    """
    for mode, live in (("_live_", True), ("_test_", False)):
        if mode in key[:8] and live is not livemode:
            raise WrongMode(network=network, mode=mode.strip("_"))


def once_for(change_id: str, step: str) -> str:
    """The idempotency key of one step of one change."""
    return f"planbridge/{change_id}/{step}"
