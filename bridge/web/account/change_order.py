"""The order on the change and confirm pages: a quote, in words, and whether it may be bought."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlmodel import Session

from bridge.domain.catalogue import Catalogue
from bridge.domain.periods import Period
from bridge.domain.preflight import Excess, Policy
from bridge.domain.quotes import ChangeKind, LineType, Quote, TargetState
from bridge.store.readers import sites_of
from bridge.store.tables import Network
from bridge.store.uses import KnownUses
from bridge.upgrades.preflighting import check_usage
from bridge.upgrades.usages import UsageOf
from bridge.web.account.change_form import Shelf
from bridge.web.account.change_limits import LimitRow, changed_rows, may_lessen
from bridge.web.pages.languages import Language
from bridge.web.pages.wording import (
    error_words,
    excess_words,
    line_words,
    period_words,
    step_words,
)

DISCOUNT = "discount_code"

_MOST_ASKED = 10  # sites that are asked while a customer waits


@dataclass(frozen=True, slots=True)
class OrderLine:
    """A row of the order; minor units."""

    text: str
    amount: int
    is_credit: bool = False


@dataclass(frozen=True, slots=True)
class Step:
    """One step of the sum; ``amount`` None for a decision."""

    text: str
    amount: int | None


@dataclass(frozen=True, slots=True)
class OrderView:
    """A quote as a page shows it.

    ``reasons`` say why it cannot be had, ``fixes`` what to do on which site, ``warnings``
    what would be over a limit without standing in the way. ``recurs`` is how often the
    recurring amount is billed.
    """

    currency: str
    due_now: int
    lines: tuple[OrderLine, ...]
    discount: int
    tax: int
    tax_included: bool
    possible: bool
    unchanged: bool
    code_refused: bool
    code_idle: bool
    next_at: datetime | None
    next_amount: int
    recurs: str
    starts_at: datetime | None
    trial_ends: datetime | None
    kept_for_later: int
    reasons: tuple[str, ...] = ()
    fixes: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    due_steps: tuple[Step, ...] = ()
    next_steps: tuple[Step, ...] = ()
    decisions: tuple[Step, ...] = ()
    limits: tuple[LimitRow, ...] = ()
    limits_known: bool = False

    @property
    def pays_now(self) -> bool:
        """Something is due at once."""
        return self.possible and self.due_now > 0


@dataclass(frozen=True, slots=True)
class Fit:
    """Whether the sites fit into the limits that a change would bring."""

    excesses: tuple[Excess, ...] = ()
    limits: tuple[Mapping[str, Any], Mapping[str, Any]] | None = None
    addresses: Mapping[int, str] | None = None

    def under(self, policy: Policy) -> tuple[Excess, ...]:
        """The excesses to which a policy applies."""
        return tuple(one for one in self.excesses if one.policy is policy)


NO_FIT = Fit()


def fit_of(
    session: Session, network: Network, shelf: Shelf, target: TargetState, *, usage: UsageOf
) -> Fit:
    """Compare the sites with the limits after a change; they are asked only where it may matter.

    A site that does not tell what it uses now, or is one of many, is judged by what it told
    last. No transaction is held open while sites are asked.
    """
    member = shelf.membership
    sites = sites_of(session, network.key, member.id)
    addresses = {site.id: f"{site.domain}{site.path}".rstrip("/") for site in sites}
    before = shelf.limits(member.plan_id, member.addons)
    after = shelf.limits(target.plan_id, target.addons)
    if before is None or after is None:
        return Fit(addresses=addresses)
    both = (before, after)
    if not may_lessen(before, after):
        return Fit(limits=both, addresses=addresses)
    kept = KnownUses(session, network.key, list(addresses))
    session.rollback()
    asked = sites if len(sites) <= _MOST_ASKED else ()
    now = {site.id: usage(network, site, before) for site in asked}
    answer = check_usage(
        session,
        network,
        member.id,
        target,
        usage_of=lambda site: replace(
            now.get(site.id) or kept.of(site.id), name=addresses[site.id]
        ),
        release=shelf.release,
        known=shelf.rows,
    )
    return Fit(answer.excesses, both, addresses)


def order_view(
    language: Language, quote: Quote, *, catalogue: Catalogue, fit: Fit, code: str = ""
) -> OrderView:
    """A quote in words. ``code`` is the discount code that was asked for, if any."""
    names = {product.id: product.name for product in catalogue.products.values()}
    refused = fit.under(Policy.REFUSE)
    unchanged = quote.kind is ChangeKind.NONE
    steps = [
        (one.rule.partition(".")[0], Step(step_words(language, one, quote, names), one.amount))
        for one in (quote.explanation if quote.possible else ())
    ]
    lost = [
        step_words(language, one, quote, names)
        for one in (quote.explanation if quote.possible else ())
        if one.rule == "addon.lost"
    ]
    before, after = fit.limits or ({}, {})
    return OrderView(
        currency=quote.currency,
        due_now=quote.due_now,
        lines=tuple(
            OrderLine(
                line_words(language, line, names), line.subtotal, line.type is LineType.CREDIT
            )
            for line in quote.lines
            if line.subtotal or line.type is not LineType.CREDIT
        ),
        discount=quote.discount_total,
        tax=quote.tax_total,
        tax_included=any(line.tax_inclusive for line in quote.lines),
        possible=quote.possible and not refused,
        unchanged=unchanged,
        code_refused=any(error.code == DISCOUNT for error in quote.errors),
        code_idle=bool(code) and quote.possible and quote.discount_total == 0,
        next_at=quote.next_billing_at,
        next_amount=quote.next_billing_amount,
        recurs=_recurs(language, quote),
        starts_at=quote.effective_at if quote.scheduled and quote.possible else None,
        trial_ends=quote.billing_starts_at if quote.has_trial and not quote.scheduled else None,
        kept_for_later=quote.ledger_added,
        reasons=tuple(
            dict.fromkeys(error_words(language, error, quote.currency) for error in quote.errors)
        ),
        fixes=_told(language, refused, fit),
        warnings=(*lost, *_told(language, fit.under(Policy.WARN), fit)),
        due_steps=_group(steps, "due", "tax"),
        next_steps=_group(steps, "recurring"),
        decisions=tuple(step for group, step in steps if group not in ("due", "tax", "recurring")),
        limits=changed_rows(language, before, after) if quote.possible else (),
        limits_known=fit.limits is not None,
    )


def _group(steps: Sequence[tuple[str, Step]], *names: str) -> tuple[Step, ...]:
    return tuple(step for group, step in steps if group in names)


def _recurs(language: Language, quote: Quote) -> str:
    period: Period | None = quote.target.period if quote.target is not None else None
    if period is None or quote.recurring_total == 0:
        return ""
    return period_words(language, period)


def _told(language: Language, excesses: Sequence[Excess], fit: Fit) -> tuple[str, ...]:
    addresses = fit.addresses or {}
    return tuple(
        excess_words(language, one, addresses.get(one.site_id or 0, "")) for one in excesses
    )
