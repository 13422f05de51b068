"""What the operator's own systems can be told of, as events with a fixed name."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import Final

ANY: Final = "*"
"""In an endpoint's list of types: all of them, later ones included."""


class EventType(StrEnum):
    """The name of an event. What it says is in `MEANINGS`."""

    CHANGE_SCHEDULED = "change.scheduled"
    CHANGE_ACCEPTED = "change.accepted"
    CHANGE_APPLIED = "change.applied"
    CHANGE_UNPROVEN = "change.unproven"
    CHANGE_PROVEN = "change.proven"
    CHANGE_ATTENTION = "change.attention"
    CHANGE_REVOKED = "change.revoked"
    CHANGE_SUPERSEDED = "change.superseded"
    CHANGE_FAILED = "change.failed"
    PAYMENT_RECEIVED = "payment.received"
    PAYMENT_FAILED = "payment.failed"
    PAYMENT_REFUNDED = "payment.refunded"
    STATUS_CHANGED = "membership.status_changed"
    DRIFT_FOUND = "drift.found"
    DRIFT_REPAIRED = "drift.repaired"
    SYNC_FAILED = "network.sync_failed"
    TEST = "hook.test"


_CHANGE: Final = (
    "change, state, kind, quote, currency, amount_due, amount_paid, payment, reason, "
    "effective_at, paid_at, applied_at, proven_at"
)

MEANINGS: Final[dict[EventType, tuple[str, str]]] = {
    EventType.CHANGE_SCHEDULED: ("A change waits for the end of the term.", _CHANGE),
    EventType.CHANGE_ACCEPTED: (
        "A change is paid, or needs no money, and is carried out now.",
        _CHANGE,
    ),
    EventType.CHANGE_APPLIED: (
        "The membership is written on the network; its sites are not read back yet.",
        _CHANGE,
    ),
    EventType.CHANGE_UNPROVEN: (
        "The change is over and written, but the network does not show what would prove it.",
        _CHANGE,
    ),
    EventType.CHANGE_PROVEN: ("Every site was read back with the new limits.", _CHANGE),
    EventType.CHANGE_ATTENTION: ("A change waits for the operator; `reason` says why.", _CHANGE),
    EventType.CHANGE_REVOKED: ("A change was taken back before it had any effect.", _CHANGE),
    EventType.CHANGE_SUPERSEDED: ("A newer change took its place.", _CHANGE),
    EventType.CHANGE_FAILED: ("A change came to nothing.", _CHANGE),
    EventType.PAYMENT_RECEIVED: (
        "Money has arrived: for a change, or for a renewal that Stripe billed.",
        "payment, amount, currency, paid_at, change, quote, renewal",
    ),
    EventType.PAYMENT_FAILED: (
        "An attempt to collect a renewal failed; each attempt is told.",
        "payment, amount, currency, attempt, next_attempt_at, due_since, renewal",
    ),
    EventType.PAYMENT_REFUNDED: (
        "Money was given back; each refund is told.",
        "payment, refund, amount, currency",
    ),
    EventType.STATUS_CHANGED: (
        "A membership has another status on the network than it was last seen with.",
        "from, to, plan",
    ),
    EventType.DRIFT_FOUND: (
        "A site has other limits in force than were sold.",
        "site, differences, overrides, found_at",
    ),
    EventType.DRIFT_REPAIRED: (
        "A site that differed was put right and read back.",
        "site, differences, repaired_at",
    ),
    EventType.SYNC_FAILED: (
        "Reading the network failed; told once, until it has succeeded again.",
        "job, reason",
    ),
    EventType.TEST: ("Sent by `planbridge hooks test`.", "message"),
}
"""By type: what has happened, and which fields ``data`` has beside network and membership."""


def wanted(types: Sequence[str], event: EventType) -> bool:
    """Whether an endpoint with this list of types gets such an event; tests always come.

    A type may end in ``.*``: ``change.*`` is everything about changes.
    """
    if event is EventType.TEST or ANY in types or event.value in types:
        return True
    return f"{event.value.split('.', 1)[0]}.*" in types


def unknown_types(types: Sequence[str]) -> list[str]:
    """Those that name no event."""
    rooms = {f"{known.value.split('.', 1)[0]}.*" for known in EventType}
    return [one for one in types if one != ANY and one not in rooms and one not in set(EventType)]


def markdown() -> str:
    """The table of events, as a page."""
    rows = "".join(
        f"| `{kind.value}` | {meaning} | {fields} |\n"
        for kind, (meaning, fields) in MEANINGS.items()
    )
    return _HEAD + rows


_HEAD: Final = """\
# Events that planbridge sends to the operator's systems

Made by `planbridge hooks events --markdown` from the code; do not edit.

Every event is a POST of `{"type": …, "timestamp": …, "data": {…}}` as the Standard Webhooks
specification has it. `data` names `network` and, where there is one, `membership`; amounts are
integers in minor units of the currency, times ISO 8601 in UTC. The header `webhook-id` stays
the same however often an event is sent: keep it to take each event once.

| type | what has happened | fields of `data` |
|---|---|---|
"""
