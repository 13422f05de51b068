"""Payments on the network: booked once, refunded to an absolute sum."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from bridge.domain.money import to_major
from bridge.errors import PlanbridgeError
from bridge.network.client import NetworkClient
from bridge.network.entities import Entity
from bridge.network.faults import AnswerLost, Fault
from bridge.network.records import PaymentRow


class StillOnItsWay(PlanbridgeError):
    """An earlier try to book payment {payment} may still take effect."""

    hint = "Nothing to do: it is looked for again after {wait:.0f} seconds."

    def __init__(self, *, payment: str, wait: float) -> None:
        super().__init__(payment=payment, wait=wait)
        self.wait = wait


class NotBookedYet(PlanbridgeError):
    """Payment {payment} was refunded, but the network has no payment of that id."""

    hint = "It is looked for again; if it never comes, enter the refund on the network by hand."


def find_payment(client: NetworkClient, ids: Sequence[str]) -> PaymentRow | None:
    """The payment that the network has under one of its ids at Stripe."""
    for one in ids:
        for row in client.find(Entity.PAYMENT, gateway_payment_id=one):
            assert isinstance(row, PaymentRow)
            return row
    return None


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
