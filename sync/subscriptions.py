"""Which of a network's events come to us: its own webhooks, one address for each event."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from urllib.parse import urlsplit

from bridge.errors import InvalidInput
from bridge.network.client import NetworkClient
from bridge.network.entities import Entity
from bridge.network.records import WebhookRow

_INTEGRATION = "manual"


class Outcome(StrEnum):
    """What became of a subscription."""

    THERE = "there"
    CREATED = "created"
    MOVED = "moved"


@dataclass(frozen=True, slots=True)
class Subscription:
    """An event and its webhook on the network; ``webhook_id`` None before it is created."""

    event: str
    outcome: Outcome
    webhook_id: int | None


def subscribe(
    client: NetworkClient,
    events: Sequence[str],
    *,
    address: Callable[[str], str],
    dry_run: bool = False,
) -> list[Subscription]:
    """Make sure that each event goes to its ``address``, exactly once.

    A webhook of ours with another token, base or query is moved rather than doubled.

    Raises:
        InvalidInput: an address is not one that a network can call.
        Fault: the network did not do as asked.
    """
    for event in events:
        if not _can_be_called(address(event)):
            raise InvalidInput(
                what="--callback", why="expected an address such as https://planbridge.example.com"
            )
    known = [
        row
        for page in client.pages(Entity.WEBHOOK)
        for row in page.rows
        if isinstance(row, WebhookRow)
    ]
    return [_one(client, event, address(event), known, dry_run=dry_run) for event in events]


def _can_be_called(url: str) -> bool:
    try:
        parts = urlsplit(url)
    except ValueError:  # brackets that do not hold an IPv6 address
        return False
    return parts.scheme in ("http", "https") and bool(parts.hostname)


def _one(
    client: NetworkClient,
    event: str,
    url: str,
    known: Sequence[WebhookRow],
    *,
    dry_run: bool,
) -> Subscription:
    ours = [row for row in known if row.event == event and _same_place(row.webhook_url, url)]
    exact = next((row for row in ours if row.webhook_url == url), None)
    if exact is not None:
        return Subscription(event, Outcome.THERE, exact.id)
    if ours:
        if not dry_run:
            client.update(Entity.WEBHOOK, ours[0].id, {"webhook_url": url})
        return Subscription(event, Outcome.MOVED, ours[0].id)
    if dry_run:
        return Subscription(event, Outcome.CREATED, None)
    row = client.create(
        Entity.WEBHOOK,
        {
            "name": f"planbridge {event}",
            "webhook_url": url,
            "event": event,
            "active": True,
            "integration": _INTEGRATION,
        },
        once_by=("webhook_url",),
    )
    return Subscription(event, Outcome.CREATED, row.id)


def _same_place(one: str, other: str) -> bool:
    """Whether both lead to the same network's address with us, whatever base or token."""
    return _place(one) == _place(other)


def _place(url: str) -> str:
    return urlsplit(url).path.rpartition("/")[0]
