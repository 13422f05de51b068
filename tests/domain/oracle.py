"""The fair policy once more, in rational numbers and as plainly as its text reads.

Shares no arithmetic with ``bridge.domain``: no ticks, no lines, no notes. Every change is
immediate and prorated. Amounts are minor units.
"""

from __future__ import annotations

from calendar import monthrange
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from fractions import Fraction
from math import floor

from bridge.domain.catalogue import PricingType, Product
from bridge.domain.periods import Period

DAYS = {
    "day": Fraction(1),
    "week": Fraction(7),
    "month": Fraction("30.4375"),
    "year": Fraction("365.25"),
}
YEARLY = {(12, "month"), (1, "year")}
SLACK = 5


@dataclass(frozen=True)
class Member:
    """A member's state; ``paid`` is what a plan without later payments was bought for."""

    plan: int
    period: Period
    amount: int
    paid: int
    expires: datetime | None
    began: tuple[datetime, ...]
    addons: dict[int, int] = field(default_factory=dict)
    ledger: int = 0


@dataclass(frozen=True)
class Shop:
    """What is sold, and the tax on it in per cent; ``added`` says whether it is on top."""

    products: dict[int, Product]
    tax: Fraction
    added: bool
    keep: bool


@dataclass(frozen=True)
class Outcome:
    """What a change costs, and the member afterwards."""

    due: int
    member: Member


def rounded(value: Fraction) -> int:
    """Half up; nothing here is negative."""
    return floor(value + Fraction(1, 2))


def share_left(member: Member, now: datetime) -> Fraction:
    """Unused cycles: days against the plugin's average months, today's purchase whole."""
    if member.expires is None or member.expires <= now:
        return Fraction(0)
    days = (member.expires - now) // timedelta(days=1)
    cycle = member.period.count * DAYS[member.period.unit]
    share = days / cycle
    over = days - floor(share) * cycle
    if share >= 1 and over <= SLACK and member.period.unit in ("month", "year"):
        share = Fraction(floor(share))
    if share < 1 and any(began.date() == now.date() for began in member.began):
        share = Fraction(1)
    return share


def charge(shop: Shop, product: Product, period: Period, quantity: int) -> int:
    """One line with its tax."""
    if product.pricing_type is PricingType.FREE:
        return 0
    prices = {one.period: one.amount for one in product.variations}
    base = quantity * (product.amount if alike(product.period, period) else prices[period])
    tax = rounded(base * shop.tax / 100) if product.taxable and shop.added else 0
    return base + tax


def alike(one: Period, other: Period) -> bool:
    """The same period, or a year and twelve months."""
    return one == other or {(one.count, one.unit), (other.count, other.unit)} == YEARLY


def change_plan(
    shop: Shop, member: Member, plan: int, period: Period, now: datetime
) -> Outcome | None:
    """Another plan or period at once; None when that is no change."""
    if plan == member.plan and (member.amount == 0 or alike(period, member.period)):
        return None
    share = share_left(member, now)
    recurring = charge(shop, shop.products[plan], period, 1) + sum(
        charge(shop, shop.products[addon], period, quantity)
        for addon, quantity in member.addons.items()
    )
    kept = (
        shop.keep
        and member.amount > 0
        and member.expires is not None
        and member.expires.date() > now.date()
        and alike(period, member.period)
        and shop.products[plan].pricing_type is not PricingType.FREE
    )
    price = rounded(recurring * share) if kept else recurring
    credit = rounded(member.amount * share) if member.amount else member.paid
    due, ledger = settled(price, credit, member.ledger)
    return Outcome(
        due,
        replace(
            member,
            plan=plan,
            period=period,
            amount=recurring,
            paid=due if recurring else price,
            ledger=ledger,
            expires=member.expires if kept else ends(now, period) if recurring else None,
            began=member.began if kept else (now, member.began[-1]),
        ),
    )


def add(shop: Shop, member: Member, addon: int, now: datetime) -> Outcome | None:
    """One more of an add-on for the rest of the term; None where there is no cycle to join."""
    if member.amount == 0 and member.paid > 0:
        return None
    product = shop.products[addon]
    addons = {**member.addons, addon: member.addons.get(addon, 0) + 1}
    if member.amount == 0:
        price = charge(shop, product, product.period, 1)
        due, ledger = settled(price, 0, member.ledger)
        return Outcome(
            due,
            replace(
                member,
                period=product.period,
                amount=price,
                paid=due,
                ledger=ledger,
                addons=addons,
                expires=ends(now, product.period),
                began=(now, member.began[-1]),
            ),
        )
    full = charge(shop, product, member.period, 1)
    due, ledger = settled(rounded(full * share_left(member, now)), 0, member.ledger)
    return Outcome(due, replace(member, amount=member.amount + full, ledger=ledger, addons=addons))


def settled(price: int, credit: int, ledger: int) -> tuple[int, int]:
    """What is due, and the ledger afterwards."""
    left = price - credit
    if left < 0:
        return 0, ledger - left
    used = min(left, ledger)
    return left - used, ledger - used


def ends(now: datetime, period: Period) -> datetime:
    """The end of the day on which a cycle that begins now is over."""
    if period.unit in ("day", "week"):
        end = now + timedelta(days=int(period.count * DAYS[period.unit]))
    else:
        months = now.month - 1 + period.count * (12 if period.unit == "year" else 1)
        year, month = now.year + months // 12, months % 12 + 1
        end = now.replace(year=year, month=month, day=min(now.day, monthrange(year, month)[1]))
    return end.replace(hour=23, minute=59, second=59, microsecond=0)
