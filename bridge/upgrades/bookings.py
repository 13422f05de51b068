"""Payments on the network: booked once, refunded to an absolute sum."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import structlog
from sqlalchemy import Engine
from sqlmodel import Session

from bridge.domain.money import to_major
from bridge.errors import PlanbridgeError
from bridge.network.client import NetworkClient
from bridge.network.entities import Entity
from bridge.network.faults import AnswerLost, Fault
from bridge.network.records import PaymentRow
from bridge.payments.client import StripeAccount
from bridge.payments.invoices import CHARGES, payment_ids
from bridge.store.billings import BillingRepository

_log = structlog.get_logger(__name__)

_CANCELLED = "cancelled"


class StillOnItsWay(PlanbridgeError):
    """An earlier try to book payment {payment} may still take effect."""

    hint = "Nothing to do: it is looked for again after {wait:.0f} seconds."

    def __init__(self, *, payment: str, wait: float) -> None:
        super().__init__(payment=payment, wait=wait)
        self.wait = wait


class NotBookedYet(PlanbridgeError):
    """Payment {payment} was refunded, but the network has no payment of that id."""

    hint = "It is looked for again; if it never comes, enter the refund on the network by hand."


def all_ids(
    store: Engine, stripe_id: str, *, account: str | None, stripe: StripeAccount | None
) -> list[str]:
    """All ids at Stripe of the payment that an id is of, itself first.

    Where the charge is not among those that events told of, ``stripe`` is asked for it: the
    plugin books payments under their charges (domain/billing-stripe.md §1). ``account`` is the
    one on record of the id; None for whichever has it.

    Raises:
        StripeFault: Stripe cannot be asked.
    """
    with Session(store) as session:
        known = list(BillingRepository(session).payment_of(account, stripe_id))
    if stripe is None or any(one.startswith(CHARGES) for one in known):
        return known
    return list(dict.fromkeys((*known, *payment_ids(stripe, stripe_id))))


def booking_key(ids: Sequence[str], *, by_plugin: bool) -> str:
    """The id under which a payment is booked: the first, or the charge.

    Where the plugin may hear of the payment, too, it looks for the charge before it books.
    """
    charges = [one for one in ids if one.startswith(CHARGES)] if by_plugin else []
    return charges[0] if charges else ids[0]


def find_payment(client: NetworkClient, ids: Sequence[str]) -> PaymentRow | None:
    """The payment that the network has under one of its ids at Stripe; one that was cancelled,
    as a duplicate is, only where there is no other.
    """
    cancelled = None
    for one in ids:
        for row in _booked_under(client, one):
            if row.status != _CANCELLED:
                return row
            cancelled = cancelled or row
    return cancelled


def give_way(client: NetworkClient, made: int, ids: Sequence[str]) -> int:
    """Cancel the payment that was just booked where the plugin has booked it, too, in the same
    moment; the id of the one that counts.

    Each looks before it books, but nothing lets one wait for the other: there is no unique
    index on the network. So planbridge looks again after it has booked. It cannot see what the
    plugin books later still, having looked before: that takes it less than a second, and ends
    with the plugin's endpoint (`planbridge adopt run NETWORK --endpoint-off`).
    """
    rows = (row for one in ids for row in _booked_under(client, one))
    other = next((row for row in rows if row.id != made and row.status != _CANCELLED), None)
    if other is None:
        return made
    client.update(Entity.PAYMENT, made, {"status": _CANCELLED})
    _log.warning("payment booked twice", kept=other.id, cancelled=made)
    return other.id


def _booked_under(client: NetworkClient, stripe_id: str) -> list[PaymentRow]:
    rows = client.find(Entity.PAYMENT, gateway_payment_id=stripe_id)
    return [row for row in rows if isinstance(row, PaymentRow)]


def may_create(payment: str, sent_at: str | None, *, now: datetime, settle: float) -> None:
    """Whoever died while creating it may have got through: the network is given ``settle``
    seconds to show it before it is created a second time.

    Raises:
        StillOnItsWay: not yet.
    """
    if sent_at is None:
        return
    wait = datetime.fromisoformat(sent_at) + timedelta(seconds=settle) - now
    if wait > timedelta(0):
        raise StillOnItsWay(payment=payment, wait=wait.total_seconds())


def create_payment(
    client: NetworkClient, fields: dict[str, Any]
) -> tuple[int | None, Fault | None]:
    """Book a payment: its id on the network, or the fault and that it was surely not booked.

    Raises:
        Fault: nobody knows whether it was booked.
    """
    try:
        return client.create(Entity.PAYMENT, fields, once_by=("gateway_payment_id",)).id, None
    except Fault as fault:
        if fault.leaves_write_open or isinstance(fault, AnswerLost):
            raise
        return None, fault


def set_refunded(client: NetworkClient, payment: PaymentRow, minor: int, currency: str) -> int:
    """Let the network show what was given back of a payment altogether; the payment's id.

    Absolute, and negative as the plugin writes it (domain/entities.md §2.5).
    """
    status = "completed"
    if minor:
        status = "refunded" if minor >= payment.total else "partially-refunded"
    fields = {"refund_total": -to_major(minor, currency), "status": status}
    client.update(Entity.PAYMENT, payment.id, fields)
    return payment.id
