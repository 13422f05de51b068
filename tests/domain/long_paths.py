"""Random paths of changes against the rational oracle, by hand and at length.

    python -m tests.domain.long_paths --paths 1000000

Prints how many cents differ in all; exit 1 when any does.
"""

from __future__ import annotations

import argparse
import random
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction

from bridge.domain.catalogue import Catalogue, PriceVariation, PricingType, Product, ProductType
from bridge.domain.memberships import Membership, MembershipStatus
from bridge.domain.quotes import Quote
from bridge.domain.terms import Anchor, FairTerms, NetworkTerms, TaxMode
from tests.domain import oracle
from tests.domain.money_paths import (
    ADDONS,
    IMMEDIATE,
    PERIODS,
    PLANS,
    World,
    carried_out,
    tax_terms,
)

STEPS = 3
RATES = (Decimal("20"), Decimal("5.5"), Decimal("8.875"), Decimal("0.1"))


@dataclass
class Tally:
    """What a run found."""

    paths: int = 0
    quotes: int = 0
    cents: int = 0
    first: str = ""


def run(paths: int, seed: int) -> Tally:
    """Walk so many random paths; the same seed walks the same ones."""
    chance, tally = random.Random(seed), Tally()
    for _ in range(paths):
        world, shop, member = _start(chance)
        tally.paths += 1
        for answer, outcome in _walk(chance, world, shop, member):
            tally.quotes += 1
            difference = _difference(answer, outcome)
            if difference:
                tally.cents += difference
                tally.first = tally.first or f"path {tally.paths}: {answer} against {outcome}"
    return tally


def _start(chance: random.Random) -> tuple[World, oracle.Shop, oracle.Member]:
    products = {id: _product(chance, id) for id in (*PLANS, *ADDONS)}
    mode, rate = chance.choice(list(TaxMode)), chance.choice(RATES)
    anchor = chance.choice(list(Anchor))
    now = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=chance.randrange(3 * 365 * 86400))
    amount = chance.choice((0, chance.randrange(1, 500_000), chance.randrange(1, 500_000)))
    membership = Membership(
        id=1,
        customer_id=7,
        plan_id=1,
        currency="USD",
        amount=amount,
        period=chance.choice(PERIODS),
        status=MembershipStatus.ACTIVE,
        addons={one: chance.randrange(1, 4) for one in ADDONS if chance.random() < 0.3},
        recurring=amount > 0,
        initial_amount=0 if amount or chance.random() < 0.5 else chance.randrange(1, 500_000),
        date_created=now - timedelta(days=chance.randrange(400)),
        date_expiration=oracle.ends(now + timedelta(days=chance.randrange(-5, 800)), PERIODS[-1])
        - timedelta(days=30),
        ledger=chance.choice((0, 0, chance.randrange(100_000))),
    )
    terms = NetworkTerms(
        currency="USD",
        policy="fair",
        **tax_terms(mode, rate),  # type: ignore[arg-type]
        fair=FairTerms(upgrade=IMMEDIATE, downgrade=IMMEDIATE, anchor=anchor),
    )
    assert membership.date_created is not None
    return (
        World(Catalogue(products), terms, membership, now),
        oracle.Shop(products, Fraction(rate), mode is TaxMode.EXCLUSIVE, anchor is Anchor.KEEP),
        oracle.Member(
            plan=1,
            period=membership.period,
            amount=amount,
            paid=membership.initial_amount,
            expires=membership.date_expiration,
            began=(membership.date_created,),
            addons=dict(membership.addons),
            ledger=membership.ledger,
        ),
    )


def _product(chance: random.Random, id: int) -> Product:
    plan = id in PLANS
    free = plan and chance.random() < 0.1
    return Product(
        id=id,
        slug=f"p{id}",
        name=f"P{id}",
        type=ProductType.PLAN if plan else ProductType.PACKAGE,
        amount=0 if free else chance.randrange(1, 500_000),
        currency="USD",
        pricing_type=PricingType.FREE if free else PricingType.PAID,
        recurring=not free,
        taxable=chance.random() < 0.7,
        variations=()
        if free
        else tuple(PriceVariation(one, chance.randrange(1, 5_000_000)) for one in PERIODS[1:]),
    )


def _walk(
    chance: random.Random, world: World, shop: oracle.Shop, member: oracle.Member
) -> Iterator[tuple[Quote, oracle.Outcome | None]]:
    membership, now = world.membership, world.now
    for _ in range(chance.randrange(1, STEPS + 1)):
        if chance.random() < 0.3:
            addon = chance.choice(ADDONS)
            answer = world.ask((addon,), membership=membership, now=now)
            outcome = oracle.add(shop, member, addon, now)
        else:
            plan, period = chance.choice(PLANS), chance.choice(PERIODS)
            answer = world.ask((plan,), period=period, membership=membership, now=now)
            outcome = oracle.change_plan(shop, member, plan, period, now)
        yield answer, outcome
        if outcome is not None and answer.possible:
            membership, member = carried_out(answer, membership, now), outcome.member
            yield answer, _same_state(membership, outcome)
        now += timedelta(seconds=chance.choice((0, chance.randrange(60 * 86400))))


def _same_state(membership: Membership, outcome: oracle.Outcome) -> oracle.Outcome | None:
    """The outcome if the membership is in its state; None says that they parted."""
    member = outcome.member
    same = (
        membership.plan_id == member.plan
        and membership.amount == member.amount
        and membership.ledger == member.ledger
        and membership.date_expiration == member.expires
        and dict(membership.addons) == member.addons
        and (membership.amount > 0 or membership.initial_amount == member.paid)
    )
    return outcome if same else None


def _difference(answer: Quote, outcome: oracle.Outcome | None) -> int:
    """Cents between a quote and the oracle; a refusal on one side only counts as one."""
    if outcome is None or not answer.possible:
        return int((outcome is None) is answer.possible)
    return (
        abs(answer.due_now - outcome.due)
        + abs(answer.recurring_total - outcome.member.amount)
        + abs(answer.due_now - sum(line.total for line in answer.lines))
    )


def main() -> int:
    """Walk the paths and say what was found."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--paths", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=20260311)
    given = parser.parse_args()
    started = time.perf_counter()
    tally = run(given.paths, given.seed)
    print(
        f"{tally.paths} paths, {tally.quotes} comparisons, seed {given.seed}: "
        f"{tally.cents} cents of difference in {time.perf_counter() - started:.0f} s"
    )
    if tally.first:
        print(tally.first)
    return 1 if tally.cents else 0


if __name__ == "__main__":
    sys.exit(main())
