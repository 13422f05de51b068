"""The Stripe side of taking a subscription over from the network's own gateway.

Only metadata is written, and only planbridge's own keys of it, so the subscription itself,
its items, its dates and what the plugin noted on it stay as they are.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final
from urllib.parse import parse_qs, urlsplit

from bridge.domain.adoption import LIVE, BilledSubscription, Endpoint
from bridge.payments.amounts import from_stripe
from bridge.payments.client import StripeAccount, StripeObject
from bridge.payments.metadata import read_reference

OURS: Final = "planbridge_"
"""What the names of planbridge's metadata begin with."""

_LISTENERS: Final = (
    ("wu-gateway", ("stripe", "stripe-checkout")),
    ("action", ("notify_gateway_stripe",)),
)
"""Query arguments by which the plugin knows Stripe's events (domain/live-findings.md §6)."""


class BilledAtStripe:
    """Subscriptions of one account that the plugin of a network made."""

    def __init__(self, account: StripeAccount) -> None:
        self._account = account

    def subscription(self, subscription_id: str, *, membership: int) -> BilledSubscription | None:
        """The subscription that a membership names; None where the account has none such.

        Raises:
            StripeFault: it cannot be read.
        """
        api = self._account.api
        row = self._account.find(api.subscriptions.retrieve, subscription_id)
        if row is None:
            return None
        siblings = self._account.every(
            api.subscriptions.list, customer=row["customer"], status="all"
        )
        reference = read_reference(row.get("metadata"))
        currency = row["currency"].upper()
        return BilledSubscription(
            id=row["id"],
            customer=row["customer"],
            status=row["status"],
            currency=currency,
            amount=from_stripe(sum(map(_per_cycle, row["items"]["data"])), currency),
            owner=(reference.network, reference.membership) if reference else None,
            schedule=row.get("schedule") or "",
            ends=bool(row.get("cancel_at_period_end")),
            rivals=tuple(
                each["id"]
                for each in siblings
                if each["id"] != row["id"]
                and each["status"] in LIVE
                and _names(each, membership, self._account.network)
            ),
        )

    def mark(self, subscription_id: str, marks: Mapping[str, str], *, once: str) -> None:
        """Add metadata to a subscription; what else is there stays.

        Raises:
            StripeFault: it was not done, or nobody knows.
        """
        self._account.ask(
            self._account.api.subscriptions.update,
            subscription_id,
            once=once,
            metadata=dict(marks),
        )

    def unmark(self, subscription_id: str, *, once: str) -> None:
        """Take all of planbridge's metadata off a subscription; what else is there stays.

        Raises:
            StripeFault: it was not done, or nobody knows.
        """
        row = self._account.find(self._account.api.subscriptions.retrieve, subscription_id)
        ours = [name for name in (row or {}).get("metadata") or {} if name.startswith(OURS)]
        if ours:
            self.mark(subscription_id, dict.fromkeys(ours, ""), once=once)

    def endpoints(self, site: str) -> list[Endpoint]:
        """The endpoints at which the plugin of a network listens, by the main site's address.

        Raises:
            StripeFault: they cannot be read.
        """
        return [
            Endpoint(row["id"], row["url"], row["status"] == "enabled")
            for row in self._account.every(self._account.api.webhook_endpoints.list)
            if _listens(row["url"], site)
        ]

    def switch(self, endpoint_id: str, *, enabled: bool, once: str) -> None:
        """Let Stripe send events to an endpoint, or not.

        Raises:
            StripeFault: it was not done, or nobody knows.
        """
        self._account.ask(
            self._account.api.webhook_endpoints.update,
            endpoint_id,
            once=once,
            disabled=not enabled,
        )


def _per_cycle(item: StripeObject) -> int:
    return (item["price"]["unit_amount"] or 0) * (item.get("quantity") or 1)


def _names(row: StripeObject, membership: int, network: str) -> bool:
    """Whether a subscription is for a membership, by the plugin's metadata or by ours."""
    metadata = row.get("metadata") or {}
    reference = read_reference(metadata)
    if reference is not None:
        return (reference.network, reference.membership) == (network, str(membership))
    return bool(metadata.get("membership_id") == str(membership))


def _listens(url: str, site: str) -> bool:
    address = urlsplit(url)
    arguments = parse_qs(address.query)
    return _host(url) == _host(site) and any(
        value in values for name, values in _LISTENERS for value in arguments.get(name, ())
    )


def _host(url: str) -> tuple[str, int | None]:
    address = urlsplit(url)
    return (address.hostname or "").removeprefix("www."), address.port
