"""Invoices and payments of a membership: what the network booked, and what Stripe shows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlmodel import Session, col, select

from bridge.payments.amounts import from_stripe
from bridge.store.billings import BillingRepository
from bridge.store.changes import ChangeRepository
from bridge.store.tables import MembershipRecord, Network, PaymentRecord, StripeSeen
from bridge.web.pages.languages import Language

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MOST = 500
_OPEN = "open"


@dataclass(frozen=True, slots=True)
class PaymentLine:
    """One payment or invoice. ``invoice`` is its id at Stripe where there is one, else "".

    ``standing`` is good, warn, bad or "" (the colour of its status); ``payable`` when it
    waits for the customer.
    """

    at: datetime | None
    date: str
    title: str
    amount: str
    status: str
    standing: str
    refunded: str = ""
    invoice: str = ""
    payable: bool = False


def payment_lines(
    session: Session, network: Network, member: MembershipRecord, language: Language
) -> tuple[PaymentLine, ...]:
    """Everything that was or is to be paid, what is open first, then the newest first."""
    seen = BillingRepository(session).objects(member.network_id, member.id)
    invoices = {row.id: row for row in seen if row.kind == "invoice"}
    ids = _Ids(session, _account(network))
    booked = session.exec(
        select(PaymentRecord)
        .where(
            PaymentRecord.network_id == member.network_id,
            PaymentRecord.membership_id == member.id,
        )
        .order_by(col(PaymentRecord.id).desc())
        .limit(_MOST)
    ).all()
    lines = [_booked(row, ids.invoice(row.gateway_payment_id), language) for row in booked]
    known = {
        one for row in booked if row.gateway_payment_id for one in ids.all(row.gateway_payment_id)
    }
    lines += _fresh(session, member, language, ids, known)
    for invoice in invoices.values():
        if invoice.id not in known and (line := _shown(invoice, language)) is not None:
            lines.append(line)
            known.update(ids.all(invoice.id))
    return tuple(sorted(lines, key=lambda line: (line.payable, line.at or _EPOCH), reverse=True))


def is_invoice_of(
    session: Session, network: Network, member: MembershipRecord, invoice: str
) -> bool:
    """Whether an invoice at Stripe belongs to a membership, as far as anything tells."""
    seen = session.get(StripeSeen, (_account(network), invoice))
    if seen is not None and (seen.network_id, seen.membership_id) == (network.key, member.id):
        return True
    ids = _Ids(session, _account(network)).all(invoice)
    paid = ChangeRepository(session)
    changes = [paid.of_payment(network.key, one) for one in ids]
    if any(one is not None and one.membership_id == member.id for one in changes):
        return True
    found = session.exec(
        select(PaymentRecord.id).where(
            PaymentRecord.network_id == network.key,
            PaymentRecord.membership_id == member.id,
            col(PaymentRecord.gateway_payment_id).in_(ids),
        )
    )
    return found.first() is not None


def _account(network: Network) -> str:
    """Under which account the inbox keeps what it saw of a network's payments."""
    return network.stripe_account or f"network:{network.name}"


class _Ids:
    """The ids that a payment has at Stripe."""

    def __init__(self, session: Session, account: str) -> None:
        self._billings = BillingRepository(session)
        self._account = account

    def all(self, stripe_id: str) -> tuple[str, ...]:
        return tuple(self._billings.payment_of(self._account, stripe_id))

    def invoice(self, stripe_id: str) -> str:
        """The invoice of a payment, "" where none is known."""
        if stripe_id.startswith("in_"):
            return stripe_id
        if not stripe_id.startswith(("ch_", "pi_", "cs_")):
            return ""
        return next((one for one in self.all(stripe_id) if one.startswith("in_")), "")


def _booked(row: PaymentRecord, invoice: str, language: Language) -> PaymentLine:
    words, standing = _statuses(language).get(row.status, (row.status, ""))
    return PaymentLine(
        at=row.date_created,
        date=language.date(row.date_created),
        title=_title(row.raw, language),
        amount=language.money(row.total, row.currency),
        status=words,
        standing=standing,
        refunded=language.money(abs(row.refund_total), row.currency) if row.refund_total else "",
        invoice=invoice,
        payable=row.status == "pending" and row.total > 0,
    )


def _shown(row: StripeSeen, language: Language) -> PaymentLine | None:
    """An invoice that the network has not booked: open, or paid a moment ago."""
    facts = row.facts
    status = {_OPEN: "pending", "paid": "completed", "uncollectible": "failed"}.get(facts["status"])
    amount = facts["amount_paid"] if facts["status"] == "paid" else facts.get("amount_due")
    if status is None or not amount:
        return None
    words, standing = _statuses(language)[status]
    paid_at = facts.get("paid_at") or facts.get("due_since")
    at = datetime.fromtimestamp(paid_at, UTC) if paid_at else row.seen_at
    currency = facts["currency"]
    return PaymentLine(
        at=at,
        date=language.date(at),
        title=language.gettext("Invoice"),
        amount=language.money(from_stripe(amount, currency), currency),
        status=words,
        standing=standing,
        invoice=row.id,
        payable=facts["status"] == _OPEN,
    )


def _fresh(
    session: Session,
    member: MembershipRecord,
    language: Language,
    ids: _Ids,
    known: set[str],
) -> Iterable[PaymentLine]:
    """What was paid for changes and is not booked on the network yet."""
    for change in ChangeRepository(session).list(
        network_id=member.network_id, membership_id=member.id
    ):
        if not change.payment_key or not change.amount_paid:
            continue
        every = ids.all(change.payment_key)
        if known.intersection(every):
            continue
        known.update(every)
        words, standing = _statuses(language)["completed"]
        yield PaymentLine(
            at=change.paid_at,
            date=language.date(change.paid_at),
            title=language.gettext("Change of your membership"),
            amount=language.money(change.amount_paid, change.currency),
            status=words,
            standing=standing,
            invoice=next((one for one in every if one.startswith("in_")), ""),
        )


def _title(raw: Mapping[str, Any], language: Language) -> str:
    """What was paid for, by the lines that newer networks show."""
    lines = raw.get("line_items")
    values = lines.values() if isinstance(lines, Mapping) else []
    titles = [
        str(line["title"]) for line in values if isinstance(line, Mapping) and "title" in line
    ]
    return language.listed(titles) if titles else language.gettext("Payment")


def _statuses(language: Language) -> dict[str, tuple[str, str]]:
    said = language.pgettext
    return {
        "pending": (said("payment", "To be paid"), "warn"),
        "completed": (said("payment", "Paid"), "good"),
        "refunded": (said("payment", "Refunded"), ""),
        "partially-refunded": (said("payment", "Partly refunded"), ""),
        "partially-paid": (said("payment", "Partly paid"), "warn"),
        "failed": (said("payment", "Failed"), "bad"),
        "cancelled": (said("payment", "Cancelled"), ""),
        "draft": (said("payment", "Draft"), ""),
    }
