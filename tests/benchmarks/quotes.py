"""Quotes a second on one core, beside a bare Decimal proration as the limit."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal

from bridge.domain.catalogue import Catalogue, Product, ProductType
from bridge.domain.memberships import Customer, Membership, MembershipStatus
from bridge.domain.periods import Period
from bridge.domain.pricing import quote
from bridge.domain.quotes import Quote, QuoteRequest
from bridge.domain.terms import NetworkTerms, TaxMode, TaxRate

SECONDS = 2.0
BATCH = 100
NOW = datetime(2026, 3, 11, 12, 0, tzinfo=UTC)
MONTH = Period(1, "month")


def rows() -> list[dict[str, object]]:
    """What was measured: quotes by both policies, explained or not, and the limit."""
    bare = _per_second(_prorate)
    table = []
    for policy in ("parity", "fair"):
        work = _plan_change(policy)
        for what, one in (("", work), (", explained", lambda work=work: work().explanation)):
            speed = _per_second(one)
            table.append(
                {
                    "what": f"plan change, three lines, taxed, {policy}{what}",
                    "per second": round(speed),
                    "ratio": round(speed / bare, 3),
                }
            )
    table.append({"what": "bare Decimal proration", "per second": round(bare), "ratio": 1.0})
    return table


def _plan_change(policy: str) -> Callable[[], Quote]:
    """Basic to Premium with an add-on and mid-term credit: three lines."""

    def product(id: int, amount: int) -> Product:
        kind = ProductType.PLAN if id < 10 else ProductType.PACKAGE
        return Product(id, f"p{id}", f"P{id}", kind, amount, "USD", group="High End")

    addon = product(11, 500)
    catalogue = Catalogue.of([product(1, 3000), product(2, 6000), addon])
    membership = Membership(
        id=1,
        customer_id=7,
        plan_id=1,
        currency="USD",
        amount=3600,
        period=MONTH,
        status=MembershipStatus.ACTIVE,
        addons={11: 1},
        date_created=NOW - timedelta(days=400),
        date_expiration=(NOW + timedelta(days=15)).replace(hour=23, minute=59, second=59),
    )
    customer = Customer(7, country="FR")
    rates = {"default": (TaxRate("VAT", "FR", Decimal(20)),)}
    terms = NetworkTerms(taxes=TaxMode.EXCLUSIVE, tax_rates=rates, policy=policy)
    request = QuoteRequest((2, 11))

    def work() -> Quote:
        return quote(
            request,
            membership=membership,
            customer=customer,
            catalogue=catalogue,
            terms=terms,
            now=NOW,
        )

    assert len(work().lines) == 3
    assert work().possible
    return work


def _prorate() -> Decimal:
    """The least that any quote has to compute: one credit, in Decimal."""
    credit = Decimal("36.00") * 15 / Decimal("30.4375")
    return (Decimal("72.00") - credit).quantize(Decimal("0.01"), rounding=ROUND_HALF_UP)


def _per_second(work: Callable[[], object]) -> float:
    best = 0.0
    deadline = time.perf_counter() + SECONDS
    while time.perf_counter() < deadline:
        started = time.perf_counter()
        for _ in range(BATCH):
            work()
        best = max(best, BATCH / (time.perf_counter() - started))
    return best
