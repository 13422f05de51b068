"""The order on the change and confirm pages: a quote, in words, and whether it may be bought."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from bridge.domain.catalogue import Catalogue
from bridge.domain.periods import Period
from bridge.domain.preflight import Excess, Policy
from bridge.domain.quotes import ChangeKind, LineType, Quote
from bridge.upgrades.fitting import Fit
from bridge.web.account.change_limits import LimitRow, changed_rows
from bridge.web.pages.languages import Language
from bridge.web.pages.wording import (
    error_words,
    excess_words,
    line_words,
    period_words,
    step_words,
)

DISCOUNT = "discount_code"


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
    return tuple(
        excess_words(language, one, fit.addresses.get(one.site_id or 0, "")) for one in excesses
    )
