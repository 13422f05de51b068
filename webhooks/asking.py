"""Asking Stripe for what an event does not tell, so that it can be carried out."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from bridge.payments.lookup import INVOICE_OF
from bridge.store.events import EventResult
from bridge.store.sightings import Tie
from webhooks.decisions import Accept, Watch, needs_attention
from webhooks.effects import InvoiceUnknown
from webhooks.stripe_objects import READERS

Ask = Callable[[Sequence[int], str, str], Mapping[str, Any] | None]
"""(networks, kind, id) → the object as Stripe has it now; None where no network has a key."""


def with_invoice(decision: Accept | Watch, gap: InvoiceUnknown, *, ask: Ask) -> Accept | Watch:
    """With the invoice that Stripe names for an intent, if there is one and it can be asked."""
    watch = _watch_of(decision)
    found = ask(watch.networks, INVOICE_OF, gap.intent)
    ids = () if found is None else READERS["invoice_payment"](found, watch.sighting.at).payment
    sighting = replace(watch.sighting, payment=(*watch.sighting.payment, *ids))
    return _replaced(decision, replace(watch, sighting=sighting, complete=True))


def as_it_is_now(decision: Accept | Watch, tie: Tie, *, ask: Ask) -> Accept | Watch | None:
    """With the object as Stripe has it now; None where it cannot be asked."""
    watch = _watch_of(decision)
    found = ask(watch.networks, tie.sighting.kind, tie.sighting.id)
    if found is None:
        return None
    sighting = READERS[tie.sighting.kind](found, tie.sighting.at)
    ids = tuple(dict.fromkeys((*sighting.payment, *watch.sighting.payment)))
    return _replaced(decision, replace(watch, sighting=replace(sighting, payment=ids)))


def cannot_ask(tie: Tie) -> EventResult:
    """The operator decides then."""
    return needs_attention(
        f"{tie}, and Stripe cannot be asked which is newer: give the network a key "
        "(planbridge network rotate --stripe-key-file), then replay this event"
    )


def _watch_of(decision: Accept | Watch) -> Watch:
    return decision if isinstance(decision, Watch) else decision.watch


def _replaced(decision: Accept | Watch, watch: Watch) -> Accept | Watch:
    if isinstance(decision, Watch):
        return watch
    return replace(decision, watch=watch)
