"""Random networks and members, and what a change makes of a membership."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from hypothesis import strategies as st

from bridge.domain.catalogue import Catalogue, PriceVariation, PricingType, Product, ProductType
from bridge.domain.expiration import next_expiration_for_change
from bridge.domain.fair_value import unused_value
from bridge.domain.memberships import Customer, Membership, MembershipStatus
from bridge.domain.order import Order
from bridge.domain.periods import Period
from bridge.domain.pricing import quote
from bridge.domain.quotes import Quote, QuoteRequest
from bridge.domain.terms import (
    Anchor,
    FairTerms,
    NetworkTerms,
    PathRule,
    TaxMode,
    TaxRate,
    Timing,
)
from bridge.domain.terms_left import cycles_left

CUSTOMER = Customer(7, country="FR", has_trialed=True)
PLANS, ADDONS = (1, 2, 3), (11, 12, 13)
PERIODS = (
    Period(1, "month"),
    Period(3, "month"),
    Period(12, "month"),
    Period(1, "year"),
    Period(2, "week"),
    Period(30, "day"),
)
IMMEDIATE = PathRule(timing=Timing.IMMEDIATE)


@dataclass(frozen=True)
class World:
    """A network and one of its members at a moment."""

    catalogue: Catalogue
    terms: NetworkTerms
    membership: Membership
    now: datetime

    def ask(
        self,
        products: tuple[int, ...],
        *,
        period: Period | None = None,
        membership: Membership | None = None,
        now: datetime | None = None,
        catalogue: Catalogue | None = None,
    ) -> Quote:
        """Quote a choice in this world."""
        return quote(
            QuoteRequest(products, period),
            membership=membership or self.membership,
            customer=CUSTOMER,
            catalogue=catalogue or self.catalogue,
            terms=self.terms,
            now=now or self.now,
            enforce_offers=False,
        )

    def worth(self, membership: Membership) -> int:
        """Minor units of what is paid for and not used, ledger included."""
        order = Order(
            QuoteRequest(()),
            membership=membership,
            customer=CUSTOMER,
            catalogue=self.catalogue,
            terms=self.terms,
            now=self.now,
            fair=True,
        )
        unused = unused_value(order, cycles_left(membership, self.now))
        return order.minor(unused) + membership.ledger


def carried_out(answer: Quote, membership: Membership, now: datetime) -> Membership:
    """The membership once the change has been paid and carried out at once."""
    target = answer.target
    assert target is not None
    return replace(
        membership,
        plan_id=target.plan_id,
        addons=dict(target.addons),
        period=target.period,
        amount=target.amount,
        initial_amount=target.initial_amount,
        recurring=target.recurring,
        date_renewed=membership.date_renewed if answer.keeps_cycle else now,
        date_expiration=next_expiration_for_change(
            answer, membership=membership, now=now, policy="fair"
        ),
        ledger=membership.ledger - answer.ledger_used + answer.ledger_added,
    )


def tax_terms(mode: TaxMode, rate: Decimal) -> dict[str, object]:
    """Keywords of `NetworkTerms` for one tax rate at the customer's."""
    return {"taxes": mode, "tax_rates": {"default": (TaxRate("VAT", "FR", rate),)}}


amounts = st.integers(1, 500_000)
steps = st.integers(-7, 9_973)


@st.composite
def products(draw: st.DrawFn, id: int) -> Product:
    """A plan or an add-on sold at every period of `PERIODS`, sometimes a free plan."""
    plan = id in PLANS
    amount = draw(amounts)
    free = plan and amount % 10 == 0
    step = draw(steps)
    return Product(
        id=id,
        slug=f"p{id}",
        name=f"P{id}",
        type=ProductType.PLAN if plan else ProductType.PACKAGE,
        amount=0 if free else amount,
        currency="USD",
        pricing_type=PricingType.FREE if free else PricingType.PAID,
        recurring=not free,
        taxable=step % 2 == 0,
        variations=()
        if free
        else tuple(
            PriceVariation(period, abs(amount * place // 2 - step * place) + 1)
            for place, period in enumerate(PERIODS[1:], start=1)
        ),
    )


@st.composite
def worlds(draw: st.DrawFn, *, anchor: Anchor | None = None, paying: bool | None = None) -> World:
    """A network of three plans and three add-ons, every change immediate."""
    catalogue = Catalogue.of(draw(products(id)) for id in (*PLANS, *ADDONS))
    terms = NetworkTerms(
        currency="USD",
        policy="fair",
        **tax_terms(  # type: ignore[arg-type]
            draw(st.sampled_from(TaxMode)),
            draw(st.sampled_from([Decimal("20"), Decimal("5.5"), Decimal("8.875")])),
        ),
        fair=FairTerms(
            upgrade=IMMEDIATE,
            downgrade=IMMEDIATE,
            anchor=anchor or draw(st.sampled_from(Anchor)),
        ),
    )
    now = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(
        days=draw(st.integers(0, 1500)), seconds=draw(st.integers(0, 86399))
    )
    return World(catalogue, terms, draw(members(now, paying=paying)), now)


@st.composite
def members(draw: st.DrawFn, now: datetime, *, paying: bool | None = None) -> Membership:
    """A running member somewhere in a term, sometimes with several cycles prepaid."""
    period = draw(st.sampled_from(PERIODS))
    left = draw(st.integers(0, 800))
    amount = draw(amounts if paying else st.one_of(st.just(0), amounts))
    return Membership(
        id=1,
        customer_id=CUSTOMER.id,
        plan_id=1,
        currency="USD",
        amount=amount,
        period=period,
        status=draw(st.sampled_from([MembershipStatus.ACTIVE, MembershipStatus.ON_HOLD])),
        addons=draw(st.dictionaries(st.sampled_from(ADDONS), st.integers(1, 3), max_size=2)),
        recurring=amount > 0,
        date_created=now - timedelta(days=draw(st.integers(0, 400))),
        date_expiration=(now + timedelta(days=left)).replace(hour=23, minute=59, second=59),
        ledger=draw(st.one_of(st.just(0), amounts)),
    )


targets = st.tuples(st.sampled_from(PLANS), st.sampled_from(PERIODS))
