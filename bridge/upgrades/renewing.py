"""One try at bringing a membership's billing to its network."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import structlog
from sqlalchemy import Engine
from sqlmodel import Session

from bridge.domain.gateway_effects import STRIPE
from bridge.domain.memberships import Customer
from bridge.domain.renewal_lines import renewal_lines
from bridge.domain.standing import BilledInvoice, Verdict
from bridge.network.client import NetworkClient
from bridge.network.entities import Entity
from bridge.network.rows import MembershipRow
from bridge.payments.amounts import from_stripe
from bridge.payments.client import StripeAccount
from bridge.store.billings import BillingRepository, Settled
from bridge.store.networks import network_terms
from bridge.store.readers import UnknownCustomer, load_catalogue, load_customer
from bridge.store.tables import Billing, Network, StripeSeen
from bridge.upgrades.billed import Order, Renewal, Seen, refunded
from bridge.upgrades.bookings import (
    NotBookedYet,
    all_ids,
    booking_key,
    create_payment,
    find_payment,
    give_way,
    may_create,
    set_refunded,
)
from bridge.upgrades.mirrored import mirror_membership
from bridge.upgrades.payment_lines import Booked, payment_fields

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Work:
    """One try at one membership."""

    billing: Billing
    client: NetworkClient
    store: Engine
    clock: Callable[[], datetime]
    settle: float
    account: Callable[[], StripeAccount | None]

    def read(self) -> MembershipRow:
        """The membership as the network has it now."""
        row = self.client.get(Entity.MEMBERSHIP, self.billing.membership_id)
        assert isinstance(row, MembershipRow)
        return row

    def booked(self, seen: Seen, row: MembershipRow) -> frozenset[str]:
        """Paid renewals that are not settled, whose payments the network has all the same.

        Only where the plugin's own gateway may have booked them.
        """
        if row.gateway not in STRIPE:
            return frozenset()
        return frozenset(
            one.id
            for one in seen.unsettled
            if one.amount and find_payment(self.client, self._ids(one.id, row, seen)) is not None
        )

    def carry_out(self, order: Order, row: MembershipRow, verdict: Verdict) -> None:
        """The membership, in one request; what it decided on is noted before."""
        before = row.to_domain().status
        noted = self.billing.noted
        counts = {one.invoice.id: one.count for one in order.renewals if not one.by_plugin}
        noted["counts"] = {**noted.get("counts", {}), **counts}
        lowered = noted.get("lowered", {})
        if order.status.value in ("on-hold", "expired") and order.status is not before:
            came_from = lowered.get("from", before.value)
            noted["lowered"] = {"to": order.status.value, "from": came_from, "why": verdict.why}
        self._note()
        if not order.fields:
            return
        asked_at = self.clock()
        stored = self.client.update(Entity.MEMBERSHIP, row.id, order.fields)
        assert isinstance(stored, MembershipRow)
        with Session(self.store) as session, session.begin():
            mirror_membership(session, self.billing.network_id, stored, asked_at=asked_at)
        if order.status.value not in ("on-hold", "expired"):
            noted.pop("lowered", None)
        _log.info(
            "membership billed",
            membership=row.id,
            **{name: str(value) for name, value in order.fields.items()},
        )

    def book(self, renewals: Sequence[Renewal], row: MembershipRow, seen: Seen) -> None:
        """Each renewal's payment, once; then the renewal is settled."""
        for renewal in renewals:
            invoice = renewal.invoice
            account = seen.accounts[invoice.id]
            detail: dict[str, Any] = {"by": "plugin" if renewal.by_plugin else "planbridge"}
            if not renewal.by_plugin:
                detail |= {
                    "until": renewal.until.isoformat() if renewal.until else None,
                    "times_billed": renewal.count,
                    "payment_id": self._booked(renewal, row, seen),
                }
            with Session(self.store) as session, session.begin():
                BillingRepository(session).settle([Settled(account, invoice.id, detail)])
            self.billing.noted["counts"].pop(invoice.id, None)
            self._note()

    def refund(self, rows: Sequence[StripeSeen]) -> None:
        """What was given back of each payment, where the network does not show it yet."""
        with Session(self.store) as session:
            wanted = refunded(rows, BillingRepository(session).payment_of)
        done = self.billing.noted.setdefault("refunded", {})
        for key, (total, currency, ids) in wanted.items():
            if done.get(key) == total:
                continue
            payment = find_payment(self.client, ids)
            if payment is None:
                raise NotBookedYet(payment=key)
            set_refunded(self.client, payment, from_stripe(total, currency), currency)
            done[key] = total
            self._note()

    def _ids(self, invoice: str, row: MembershipRow, seen: Seen) -> list[str]:
        return all_ids(
            self.store,
            invoice,
            account=seen.accounts[invoice],
            stripe=self.account() if row.gateway in STRIPE else None,
        )

    def _booked(self, renewal: Renewal, row: MembershipRow, seen: Seen) -> int | None:
        invoice = renewal.invoice
        if not invoice.amount:
            return None
        # The plugin may have booked it, under the charge, before it was taken over or after
        # it was given back.
        ids = self._ids(invoice.id, row, seen)
        known = find_payment(self.client, ids)
        if known is not None:
            return known.id
        sent = self.billing.noted.setdefault("sent", {})
        may_create(invoice.id, sent.get(invoice.id), now=self.clock(), settle=self.settle)
        key = booking_key(ids, by_plugin=row.gateway in STRIPE)
        fields = self._payment(invoice, row, key)
        sent[invoice.id] = self.clock().isoformat()
        self._note()
        made, fault = create_payment(self.client, fields)
        del sent[invoice.id]
        if fault is not None:
            self._note()
            raise fault
        if made is not None and row.gateway in STRIPE:
            return give_way(self.client, made, ids)
        return made

    def _payment(self, invoice: BilledInvoice, row: MembershipRow, key: str) -> dict[str, Any]:
        total = from_stripe(invoice.amount, invoice.currency)
        tax = from_stripe(invoice.tax, invoice.currency)
        with Session(self.store) as session:
            network = session.get_one(Network, self.billing.network_id)
            try:
                customer = load_customer(session, network.key, row.customer_id)
            except UnknownCustomer:
                customer = Customer(row.customer_id)
            lines = renewal_lines(
                row.to_domain(),
                customer=customer,
                catalogue=load_catalogue(session, network.key),
                terms=network_terms(network),
                total=total,
                now=self.clock(),
            )
        return payment_fields(
            Booked(
                customer_id=row.customer_id,
                membership_id=row.id,
                currency=invoice.currency,
                total=total,
                # Planbridge's subscriptions are billed with the tax in their prices.
                tax=tax or sum(line.tax_total for line in lines),
                key=key,
                lines=lines,
            )
        )

    def _note(self) -> None:
        with Session(self.store) as session, session.begin():
            BillingRepository(session).note(self.billing, self.billing.noted)
