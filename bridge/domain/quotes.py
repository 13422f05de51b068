"""What a change costs: the shapes that go in and come out.

Amounts are integer minor units of the membership's currency; times are aware UTC.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING

from bridge.domain.periods import Period


class ChangeKind(StrEnum):
    """What a quote proposes (domain/plan-changes.md §1)."""

    UPGRADE = "upgrade"
    DOWNGRADE = "downgrade"
    ADDON = "addon"
    NONE = "none"
    IMPOSSIBLE = "impossible"


class LineType(StrEnum):
    """The kinds of line an order has."""

    PRODUCT = "product"
    FEE = "fee"
    CREDIT = "credit"


@dataclass(frozen=True, slots=True)
class LineItem:
    """One line of the order. ``tax_rate`` is in per cent."""

    type: LineType
    title: str
    unit_price: int
    quantity: int
    subtotal: int
    discount_total: int
    tax_total: int
    total: int
    recurring: bool
    product_id: int | None = None
    period: Period | None = None
    tax_rate: str = "0"
    tax_inclusive: bool = False
    description: str = ""
    discount_rate: str = ""


@dataclass(frozen=True, slots=True)
class QuoteError:
    """Why a change is not possible: the plugin's code and its English sentence.

    ``inputs`` are the plain values in the sentence, for other languages; amounts in minor units.
    """

    code: str
    message: str
    inputs: Mapping[str, str | int] = field(default_factory=dict, compare=False)


@dataclass(frozen=True, slots=True)
class Explanation:
    """One step of the sum: which rule gave which amount from which inputs.

    ``rule`` is a stable key ("proration.credit"), ``source`` the section it comes
    from, ``amount`` minor units or None for a decision, ``inputs`` plain values in
    the order they enter the sentence. The amounts of the steps whose rule begins with
    ``due.`` add up to `Quote.due_now`, those of ``recurring.`` to
    `Quote.recurring_total`; all other steps only inform.
    """

    rule: str
    text: str
    amount: int | None = None
    inputs: Mapping[str, str | int] = field(default_factory=dict)
    source: str = ""


@dataclass(frozen=True, slots=True)
class TargetState:
    """What the membership is to look like when the change has been carried out."""

    plan_id: int
    addons: Mapping[int, int]
    period: Period
    amount: int
    initial_amount: int
    recurring: bool


@dataclass(frozen=True, slots=True)
class QuoteRequest:
    """What a customer asks for: products in the order chosen, maybe a period and a code.

    ``dropped`` are add-ons he has and does not want any more. ``pwyw_amounts`` are his own
    prices in minor units, by product.
    """

    products: tuple[int, ...]
    period: Period | None = None
    discount_code: str | None = None
    country: str | None = None
    pwyw_amounts: Mapping[int, int] = field(default_factory=dict)
    state: str = ""
    city: str = ""
    pwyw_recurring: Mapping[int, bool] = field(default_factory=dict)
    dropped: tuple[int, ...] = ()


class _Reasons:
    """Room for the function that writes a quote's explanation when it is first read."""

    __slots__ = ("_explain",)


@dataclass(frozen=True, slots=True)
class Quote(_Reasons):
    """The answer: kind, lines, what is due now and at the next billing date, or why not.

    ``effective_at`` is when the change takes effect: ``quoted_at`` for an upgrade or
    add-on, the membership's expiration for a downgrade at the end of the term.
    ``next_billing_at`` None means nothing is billed again. ``proposed`` is the plugin's
    cart type, kept when the change is refused. ``excess_credit`` is what the credit
    exceeds the price by; ``ledger_used`` is the part of the membership's ledger that the
    credit consumed, ``ledger_added`` what goes into it (both 0 under ``parity``).
    ``keeps_cycle`` is True when the membership's running cycle and expiration stay.
    """

    kind: ChangeKind
    currency: str
    lines: tuple[LineItem, ...]
    subtotal: int
    credit: int
    discount_total: int
    tax_total: int
    due_now: int
    recurring_total: int
    next_billing_at: datetime | None
    next_billing_amount: int
    effective_at: datetime
    errors: tuple[QuoteError, ...] = ()
    explanation: tuple[Explanation, ...] = ()
    target: TargetState | None = None
    policy: str = "parity"
    quoted_at: datetime | None = None
    proposed: str = ""
    plan_id: int | None = None
    period: Period | None = None
    recurring_subtotal: int = 0
    billing_starts_at: datetime | None = None
    has_trial: bool = False
    collects_payment: bool = False
    excess_credit: int = 0
    ledger_used: int = 0
    ledger_added: int = 0
    keeps_cycle: bool = False

    @property
    def possible(self) -> bool:
        """True when the change can be bought as quoted."""
        return not self.errors and self.kind not in (ChangeKind.NONE, ChangeKind.IMPOSSIBLE)

    @property
    def scheduled(self) -> bool:
        """True when the change waits for the end of the term."""
        if self.quoted_at is None:
            return self.kind is ChangeKind.DOWNGRADE
        return self.effective_at > self.quoted_at

    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> object:
            # Only reached while the slot is empty: see explained_by.
            if name != "explanation":
                raise AttributeError(name)
            steps = tuple(object.__getattribute__(self, "_explain")(self))
            object.__setattr__(self, "explanation", steps)
            return steps


def explained_by(quote: Quote, explain: Callable[[Quote], Iterable[Explanation]]) -> Quote:
    """Let the quote's explanation be written by ``explain`` when it is first read.

    Sentences cost more than the arithmetic they explain, and most quotes of a page or a
    bulk run are never asked why. The quote is handed over then, not kept by ``explain``:
    a cycle of references would leave every quote to the garbage collector.
    """
    object.__setattr__(quote, "_explain", explain)
    object.__delattr__(quote, "explanation")
    return quote
