"""Why a quote says what it says: one step for every amount and every decision."""

from __future__ import annotations

from collections.abc import Iterator

from bridge.domain.lines import Line
from bridge.domain.order import Order
from bridge.domain.quotes import ChangeKind, Explanation, LineType, Quote
from bridge.domain.rounding import divide

# Rule: the sentence, with the inputs in braces, and where the rule comes from.
RULES: dict[str, tuple[str, str]] = {
    "kind.new": ("The membership was never paid: it starts anew.", "plan-changes §1"),
    "kind.addon": ("Products are added to the current plan.", "plan-changes §6"),
    "kind.removal": (
        "Products leave the membership; the running term is paid for.",
        "account-page A.6",
    ),
    "kind.lifetime": ("The new plan is paid once and for all.", "plan-changes §4.6"),
    "kind.downgrade": ("The new plan costs less: a downgrade.", "plan-changes §4.10"),
    "kind.upgrade": ("The new plan does not cost less: an upgrade.", "plan-changes §4.10"),
    "comparison.common_period": (
        "Prices were compared at a common period, {period}.",
        "plan-changes §4.8",
    ),
    "credit.trial": ("Nothing is credited for a trial.", "plan-changes §5.1"),
    "credit.one_time": (
        "The plan was paid once; what was paid is credited.",
        "plan-changes §5.1",
    ),
    "credit.same_day": (
        "The membership started or was renewed today: the whole cycle is credited.",
        "plan-changes §5.1",
    ),
    "credit.capped": (
        "{days} days are left; the credit is capped at the price of one cycle.",
        "plan-changes §5.1",
    ),
    "credit.days": (
        "{days} days of a cycle of {cycle} days are left and credited.",
        "plan-changes §5.1",
    ),
    "credit.setup_fee": (
        "The smaller setup fee of both plans is part of the credit.",
        "plan-changes §5.1",
    ),
    "credit.none": ("Nothing is credited for the current plan.", "plan-changes §5.1"),
    "credit.difference": ("A whole cycle of the current plan is credited.", "plan-changes §12"),
    "credit.unused": (
        "{days} days of cycles of {cycle} days are paid for and not used.",
        "plan-changes §12",
    ),
    "term.rest": (
        "The running term goes on: {days} of {cycle} days are charged.",
        "plan-changes §12",
    ),
    "discount.carried": ("Code {code} goes on.", "plan-changes §8"),
    "addon.carried": ("{quantity} × {name} stays with the membership.", "gaps 45"),
    "addon.dropped": ("{name} ends, as you wish.", "account-page A.6"),
    "addon.lost": ("{name} has no price for {period} and ends.", "gaps 45"),
    "addon.trial": ("Nothing is due for the rest of the trial.", "gaps 46"),
    "ledger.used": ("Credit kept from earlier changes is used.", "plan-changes §12"),
    "ledger.added": ("Credit beyond the price is kept for later.", "plan-changes §12"),
    "due.product": ("{quantity} × {title}", "plan-changes §3"),
    "due.fee": ("{title}", "plan-changes §3"),
    "due.credit": ("{title}", "plan-changes §5.1"),
    "due.discount": ("Code {code} on {title}: {rate} off.", "plan-changes §8"),
    "due.tax": ("Tax of {rate} % on {title}.", "plan-changes §7"),
    "tax.included": ("{title} contains tax of {rate} %.", "plan-changes §7"),
    "recurring.product": ("{quantity} × {title} each {period}", "plan-changes §5.2"),
    "recurring.current": ("What the membership costs now.", "plan-changes §12"),
    "recurring.discount": ("Code {code} goes on for {title}.", "plan-changes §8"),
    "recurring.tax": ("Tax of {rate} % on {title}.", "plan-changes §7"),
    "due.excess": (
        "Credit beyond the price is not paid out.",
        "plan-changes §5.1",
    ),
    "due.rounding": ("Rounded to the network's smallest amount.", "plan-changes §5.2"),
    "recurring.rounding": ("Rounded to the network's smallest amount.", "plan-changes §5.2"),
}


def step(rule: str, amount: int | None = None, /, **inputs: str | int) -> Explanation:
    """A step in the words of its rule."""
    sentence, source = RULES[rule]
    return Explanation(rule, sentence.format_map(inputs), amount, inputs, f"domain/{source}")


def explain(order: Order, quote: Quote) -> Iterator[Explanation]:
    """The steps of a quote, in order: decisions, what is due now, what recurs."""
    for rule, ticks, inputs in order.notes:
        yield step(rule, None if ticks is None else order.minor(ticks), **inputs)
    yield from _due(order, quote)
    yield from _recurring(order, quote)


def _due(order: Order, quote: Quote) -> Iterator[Explanation]:
    written = 0
    for line in order.lines:
        for one in _line_steps(line, order):
            if one.rule.startswith("due."):
                written += one.amount or 0
            yield one
    if written < 0 < quote.excess_credit:
        yield step("due.excess", quote.excess_credit)
        written += quote.excess_credit
    if written != quote.due_now:
        yield step("due.rounding", quote.due_now - written)


def _line_steps(line: Line, order: Order) -> Iterator[Explanation]:
    factor, title = order.factor, line.title
    yield step(
        f"due.{line.type.value}",
        divide(line.subtotal, factor),
        title=title,
        quantity=line.quantity,
        unit_price=divide(line.unit_price, factor),
    )
    if line.discount_total and line.discount is not None:
        yield step(
            "due.discount",
            -divide(line.discount_total, factor),
            code=line.code,
            title=title,
            rate=_rate(line),
        )
    if line.rate is not None:
        tax = divide(line.tax_total, factor)
        if line.inclusive:
            yield step("tax.included", tax, title=title, rate=str(line.rate))
        else:
            yield step("due.tax", tax, title=title, rate=str(line.rate))


def _recurring(order: Order, quote: Quote) -> Iterator[Explanation]:
    factor, written = order.factor, 0
    lines = order.lines
    if order.fair and quote.kind is ChangeKind.ADDON:
        # The new products come on top of what is billed already (gaps 4).
        if order.membership.bills_again:
            written = order.membership.amount
            yield step("recurring.current", written)
        if not order.terms.fair.addons_recur:
            lines = []
    for line in lines:
        if not line.recurring or line.type is not LineType.PRODUCT:
            continue
        discount, tax, _ = line.renewal_parts()
        steps = [
            step(
                "recurring.product",
                divide(line.subtotal, factor),
                title=line.title,
                quantity=line.quantity,
                period=line.period.key,
            )
        ]
        if discount:
            off = -divide(discount, factor)
            steps.append(step("recurring.discount", off, code=line.code, title=line.title))
        if tax and not line.inclusive:
            steps.append(
                step(
                    "recurring.tax",
                    divide(tax, factor),
                    title=line.title,
                    rate=str(line.rate),
                )
            )
        written += sum(one.amount or 0 for one in steps)
        yield from steps
    if written != quote.recurring_total:
        yield step("recurring.rounding", quote.recurring_total - written)


def _rate(line: Line) -> str:
    if line.discount is None:
        return ""
    kind, value = line.discount
    return f"{value.normalize():f} %" if kind == "percentage" else f"{value.normalize():f}"
