"""The table of event types, made from the code, so that it cannot say anything else."""

from __future__ import annotations

from typing import Final

from webhooks.stripe_events import HANDLERS, TOLD_BY

PLUGIN_ACTS_ON: Final = frozenset(
    {
        "charge.refunded",
        "charge.succeeded",
        "checkout.session.completed",
        "customer.subscription.created",
        "customer.subscription.deleted",
        "customer.subscription.updated",
        "invoice.payment_failed",
        "invoice.payment_succeeded",
    }
)
"""Types that the plugin's own gateway acts on (domain/billing-stripe.md §4)."""

_HEAD: Final = """\
# Stripe's events and what follows from them

Made by `planbridge events table --markdown` from the handlers; do not edit.

Every event whose signature is right is kept, whatever its type. A type that is not listed
is kept as `ignored`. "The plugin" is the Stripe gateway of Ultimate Multisite 2.x.

| type | the plugin | planbridge |
|---|---|---|
"""


def rows() -> list[tuple[str, bool, str]]:
    """(type, whether the plugin acts on it, what planbridge does), by type."""
    effects = {kind: _sentence(handler.__doc__ or "") for kind, handler in HANDLERS.items()}
    effects |= {kind: f"Nothing: `{other}` tells the same." for kind, other in TOLD_BY.items()}
    return [(kind, kind in PLUGIN_ACTS_ON, effects[kind]) for kind in sorted(effects)]


def markdown() -> str:
    """The table as a page."""
    lines = [
        f"| `{kind}` | {'acts on it' if plugin else 'ignores it'} | {effect} |\n"
        for kind, plugin, effect in rows()
    ]
    return _HEAD + "".join(lines)


def _sentence(doc: str) -> str:
    return " ".join(doc.split())
