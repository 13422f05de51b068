"""From what was seen at Stripe to what a membership's billing asks of the network. Pure."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from bridge.domain.gateway_effects import STRIPE
from bridge.domain.memberships import Membership, MembershipStatus
from bridge.domain.pricing import wall_clock
from bridge.domain.standing import (
    REPLACEMENT_PATIENCE,
    BilledInvoice,
    BilledSubscription,
    Standing,
    Verdict,
    moved_forward,
    paid_until,
    status_for,
)
from bridge.store.tables import StripeSeen
from bridge.upgrades.gateways import taken_on

PLUGIN_PATIENCE: Final = timedelta(minutes=10)
"""How long the plugin's own gateway has to carry a renewal out before planbridge does."""

_REFUND_COUNTS = frozenset({"succeeded", "pending", "requires_action"})


@dataclass(frozen=True, slots=True)
class Seen:
    """Everything that was seen of a membership, typed. ``refunded`` is by payment."""

    subscriptions: tuple[BilledSubscription, ...]
    invoices: tuple[BilledInvoice, ...]
    unsettled: tuple[BilledInvoice, ...]
    accounts: Mapping[str, str]

    @classmethod
    def of(cls, rows: Iterable[StripeSeen]) -> Seen:
        """From the rows of the store."""
        kept = list(rows)
        invoices = {row.id: _invoice(row) for row in kept if row.kind == "invoice"}
        settled = {row.id for row in kept if row.settled is not None}
        return cls(
            subscriptions=tuple(_subscription(row) for row in kept if row.kind == "subscription"),
            invoices=tuple(invoices.values()),
            unsettled=tuple(
                one
                for one in sorted(invoices.values(), key=lambda each: (each.due_since, each.id))
                if one.renews and one.status == "paid" and one.id not in settled
            ),
            accounts={row.id: row.account for row in kept},
        )

    def term_end(self, invoice: BilledInvoice) -> datetime | None:
        """The end of the term that an invoice pays for."""
        if invoice.period_end is not None:
            return invoice.period_end
        ends = [one.period_end for one in self.subscriptions if one.id == invoice.subscription]
        return ends[0] if ends else None


@dataclass(frozen=True, slots=True)
class Renewal:
    """A paid renewal. ``until`` None: the term stays; ``count`` what it makes of times_billed.

    ``by_plugin``: the plugin's own gateway has carried it out, nothing is to be done.
    """

    invoice: BilledInvoice
    until: datetime | None
    count: int
    by_plugin: bool = False


@dataclass(frozen=True, slots=True)
class Order:
    """What to write: the membership's ``fields``, then book the ``renewals``.

    ``waits_until`` is when to look again at a renewal that is left to the plugin.
    """

    fields: Mapping[str, Any]
    renewals: tuple[Renewal, ...]
    status: MembershipStatus
    warning: str = ""
    waits_until: datetime | None = None


def heeded(
    verdict: Verdict, membership: Membership, *, has_open_change: bool, now: datetime
) -> Verdict:
    """The verdict as far as it concerns the membership as it is now.

    One that bills nothing again (free, or paid once and for all) owes nothing to a
    subscription. While a change is open, such as one to a free plan, the end of the
    subscription may be a part of it.
    """
    if not membership.bills_again:
        return Verdict(Standing.UNKNOWN)
    if verdict.standing is Standing.ENDED and has_open_change:
        why = f"{verdict.why}; a change of the membership is open"
        return Verdict(Standing.GOOD, why, now + REPLACEMENT_PATIENCE)
    return verdict


def order_for(
    seen: Seen,
    membership: Membership,
    verdict: Verdict,
    *,
    now: datetime,
    term_set_at: datetime | None,
    noted: Mapping[str, Any],
    booked: Collection[str] = (),
    timezone: str = "UTC",
) -> Order:
    """What the network lacks.

    ``term_set_at`` is when a change was accepted that set the term itself: renewals paid
    before it do not touch the term. ``noted`` holds the counts and the lowered status that
    an earlier try has decided on. ``booked`` are invoices whose payments the network has: where
    the term is extended, too, the plugin has carried that renewal out. ``timezone`` is the main
    site's: the plugin keeps ``date_renewed`` by its clock.
    """
    renewals: list[Renewal] = []
    waits: list[datetime] = []
    counts: Mapping[str, int] = noted.get("counts", {})
    count = max([membership.times_billed, *counts.values()])
    for invoice in seen.unsettled:
        ends = seen.term_end(invoice)
        until = paid_until(ends) if ends else None
        overtaken = term_set_at is not None and (invoice.paid_at or now) < term_set_at
        moves = (
            until is not None
            and not overtaken
            and moved_forward(membership.date_expiration, until, bills_again=membership.bills_again)
        )
        done = not moves and invoice.id in booked and invoice.id not in counts
        if done or _left_to_plugin(invoice, membership):
            if not moves:
                renewals.append(Renewal(invoice, None, 0, by_plugin=True))
                continue
            its_time = (invoice.paid_at or invoice.due_since) + PLUGIN_PATIENCE
            if now < its_time:
                waits.append(its_time)
                continue
        if invoice.id not in counts:
            count += 1
        renewals.append(Renewal(invoice, until if moves else None, counts.get(invoice.id, count)))
    ours = [one for one in renewals if not one.by_plugin]
    status = _status(membership, verdict, ours, now=now, noted=noted)
    warning = ""
    if ours and membership.status is MembershipStatus.CANCELLED:
        warning = f"invoice {ours[-1].invoice.id} was paid though the membership is cancelled"
    return Order(
        fields=_fields(membership, ours, status, seen, timezone=timezone),
        renewals=tuple(renewals),
        status=status,
        warning=warning,
        waits_until=min(waits, default=None),
    )


def refunded(
    rows: Sequence[StripeSeen], payment_of: Callable[[str, str], Sequence[str]]
) -> dict[str, tuple[int, str, tuple[str, ...]]]:
    """By the smallest of its ids: what was given back of each payment, its currency, its ids.

    Refunds are counted by id; a charge's own sum counts where it is greater, as refunds may
    have been made before planbridge watched. In Stripe's units.
    """
    single: dict[tuple[str, ...], dict[str, int]] = {}
    whole: dict[tuple[str, ...], int] = {}
    currencies: dict[tuple[str, ...], str] = {}
    for row in rows:
        if row.kind not in ("refund", "charge"):
            continue
        ids = tuple(sorted(payment_of(row.account, row.id)))
        currencies[ids] = row.facts["currency"]
        if row.kind == "charge":
            whole[ids] = max(whole.get(ids, 0), row.facts["refunded"])
        else:
            counts = row.facts["status"] in _REFUND_COUNTS
            single.setdefault(ids, {})[row.id] = (row.facts["amount"] or 0) if counts else 0
    found = {}
    for ids, currency in currencies.items():
        total = max(sum(single.get(ids, {}).values()), whole.get(ids, 0))
        if total or ids in single:
            found[ids[0]] = (total, currency, ids)
    return found


def _status(
    membership: Membership,
    verdict: Verdict,
    renewals: Sequence[Renewal],
    *,
    now: datetime,
    noted: Mapping[str, Any],
) -> MembershipStatus:
    lowered: Mapping[str, str] = noted.get("lowered", {})
    status = status_for(
        verdict,
        membership.status,
        lowered_to=lowered.get("to", ""),
        lowered_from=lowered.get("from", ""),
    )
    fine = verdict.standing in (Standing.UNKNOWN, Standing.GOOD, Standing.GRACE)
    runs = any(one.until is not None and one.until > now for one in renewals)
    if fine and runs and status is not MembershipStatus.CANCELLED:
        return MembershipStatus.ACTIVE
    return status


def _fields(
    membership: Membership,
    renewals: Sequence[Renewal],
    status: MembershipStatus,
    seen: Seen,
    *,
    timezone: str,
) -> dict[str, Any]:
    fields: dict[str, Any] = {}
    extending = [one for one in renewals if one.until is not None]
    until = max((one.until for one in extending if one.until is not None), default=None)
    if until is not None:
        fields["date_expiration"] = until
    paid_at = max((one.invoice.paid_at for one in extending if one.invoice.paid_at), default=None)
    if paid_at is not None:
        fields["date_renewed"] = wall_clock(paid_at, timezone)
    count = max((one.count for one in renewals), default=0)
    if count > membership.times_billed:
        fields["times_billed"] = count
    if status is not membership.status:
        fields["status"] = status.value
    bills = any(one.ours and not one.is_over for one in seen.subscriptions)
    if bills and membership.bills_again and not membership.auto_renew:
        fields |= taken_on(membership.gateway)
    return fields


def _left_to_plugin(invoice: BilledInvoice, membership: Membership) -> bool:
    return (
        not invoice.ours
        and membership.gateway in STRIPE
        and membership.gateway_subscription_id == invoice.subscription
    )


def _invoice(row: StripeSeen) -> BilledInvoice:
    facts = row.facts
    return BilledInvoice(
        id=row.id,
        status=facts["status"],
        subscription=row.subscription,
        renews=facts["renews"],
        ours=facts["ours"],
        due_since=_moment(facts["due_since"]) or row.seen_at,
        failed=facts["status"] == "open" and facts["attempts"] > 0,
        paid_at=_moment(facts["paid_at"]),
        period_end=_moment(facts["period_end"]),
        amount=facts["amount_paid"] or 0,
        tax=facts["tax"],
        currency=facts["currency"],
    )


def _subscription(row: StripeSeen) -> BilledSubscription:
    facts = row.facts
    return BilledSubscription(
        id=row.id,
        status=facts["status"],
        ours=facts["ours"],
        period_start=_moment(facts["period_start"]),
        period_end=_moment(facts["period_end"]),
        ended_at=_moment(facts["ended_at"]),
        unpaid_end=facts["ended_why"] == "payment_failed",
    )


def _moment(seconds: int | None) -> datetime | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC)
