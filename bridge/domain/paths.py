"""From each plan of a group to each other one: what becomes of the wish, by the rules themselves.

Nothing is decided here. A member who has paid the plan's list price half a term ago asks for
the other plan, and the quote says what happens.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from bridge.domain.catalogue import Catalogue, Product
from bridge.domain.memberships import Customer, Membership, MembershipStatus
from bridge.domain.offers import offers
from bridge.domain.pricing import quote
from bridge.domain.quotes import QuoteRequest
from bridge.domain.terms import NetworkTerms


class Way(StrEnum):
    """What a change of plan comes to: at once, at the end of the term, or not at all.

    ``by_contact``: the plan is shown and sold by contact only.
    """

    CURRENT = "current"
    NOW = "now"
    END_OF_TERM = "end_of_term"
    BY_CONTACT = "by_contact"
    NOT_OFFERED = "not_offered"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Path:
    """The way from one plan to another; ``why`` where it is refused."""

    way: Way
    why: str = ""


@dataclass(frozen=True, slots=True)
class PlanGroup:
    """Plans that are offered to each other's members; "" holds those without a group."""

    name: str
    plans: tuple[Product, ...]
    paths: Mapping[tuple[int, int], Path]


def plan_groups(catalogue: Catalogue, terms: NetworkTerms, *, now: datetime) -> list[PlanGroup]:
    """Every group with its paths, by (from, to); plans in the order in which they are offered."""
    groups: dict[str, list[Product]] = {}
    for product in catalogue.products.values():
        if product.is_plan:
            groups.setdefault(product.group, []).append(product)
    found = []
    for name, plans in sorted(groups.items()):
        ordered = tuple(sorted(plans, key=lambda plan: (plan.list_order, plan.id)))
        paths = {
            (one.id, other.id): _path(one, other, catalogue, terms, now)
            for one in ordered
            for other in ordered
        }
        found.append(PlanGroup(name, ordered, paths))
    return found


def _path(
    one: Product, other: Product, catalogue: Catalogue, terms: NetworkTerms, now: datetime
) -> Path:
    if one.id == other.id:
        return Path(Way.CURRENT)
    member = _member(one, terms, now)
    offered = offers(member, catalogue)
    if other.id not in offered.selectable:
        shown = any(plan.id == other.id for plan in offered.plans)
        return Path(Way.BY_CONTACT if shown else Way.NOT_OFFERED)
    answer = quote(
        QuoteRequest((other.id,)),
        membership=member,
        customer=Customer(0, has_trialed=True),
        catalogue=catalogue,
        terms=terms,
        now=now,
    )
    if not answer.possible:
        return Path(Way.REFUSED, " ".join(error.message for error in answer.errors))
    return Path(Way.END_OF_TERM if answer.scheduled else Way.NOW)


def _member(plan: Product, terms: NetworkTerms, now: datetime) -> Membership:
    half = timedelta(days=float(plan.period.days) / 2)
    return Membership(
        id=0,
        customer_id=0,
        plan_id=plan.id,
        currency=plan.currency or terms.currency,
        amount=plan.amount,
        initial_amount=plan.amount,
        period=plan.period,
        recurring=plan.recurring,
        status=MembershipStatus.ACTIVE,
        date_created=now - half,
        date_expiration=now + half if plan.recurring else None,
    )
