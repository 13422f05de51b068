"""What a customer has ticked on the change form, as fields, as an address and as a choice."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from urllib.parse import urlencode

from starlette.datastructures import ImmutableMultiDict

from bridge.domain.catalogue import Catalogue, PricingType, Product
from bridge.domain.memberships import Membership
from bridge.domain.money import exponent, to_minor
from bridge.domain.offers import Offers
from bridge.domain.periods import Period
from bridge.domain.quotes import QuoteRequest
from bridge.errors import InvalidAmount, InvalidPeriod
from bridge.upgrades.quoting import Choice

MAX_CODE = 64
_MAX_AMOUNT = Decimal(10) ** 9

Fields = ImmutableMultiDict[str, str]


@dataclass(frozen=True, slots=True)
class Selection:
    """One state of the change form.

    ``addons`` are those that are wanted, had or new. ``amounts`` are the customer's own prices
    as he typed them, by product; ``recurring`` the products that he pays each time.
    """

    plan: int
    period: Period | None
    addons: frozenset[int]
    code: str = ""
    amounts: Mapping[int, str] = field(default_factory=dict)
    recurring: frozenset[int] = frozenset()

    @property
    def fields(self) -> list[tuple[str, str]]:
        """As the form sends it."""
        fields: list[tuple[str, str]] = [("chosen", "1"), ("plan", str(self.plan))]
        if self.period is not None:
            fields.append(("period", self.period.key))
        fields += [("addon", str(addon)) for addon in sorted(self.addons)]
        fields += [(f"amount_{one}", text) for one, text in sorted(self.amounts.items())]
        fields += [(f"recurring_{one}", "1") for one in sorted(self.recurring)]
        if self.code:
            fields.append(("code", self.code))
        return fields

    @property
    def query(self) -> str:
        """As an address has it."""
        return urlencode(self.fields)


def shown_addons(
    membership: Membership, offered: Offers, catalogue: Catalogue
) -> tuple[Product, ...]:
    """Packages and services of the current plan, and what the member has beside them."""
    listed = [addon for addon in offered.addons if addon.active or addon.id in membership.addons]
    known = {addon.id for addon in listed}
    others = (catalogue.get(one) for one in sorted(membership.addons) if one not in known)
    return (*listed, *(one for one in others if one is not None and not one.is_plan))


def as_it_is(membership: Membership, offered: Offers) -> Selection:
    """The form before anything was chosen: what the member has."""
    return Selection(
        plan=membership.plan_id,
        period=_shown_period(membership.period, offered),
        addons=frozenset(membership.addons),
    )


def selected(
    fields: Fields, membership: Membership, offered: Offers, catalogue: Catalogue
) -> Selection:
    """The form as it was sent. What nobody offers is taken for not chosen."""
    start = as_it_is(membership, offered)
    if not fields.get("chosen"):
        return start
    addons = shown_addons(membership, offered, catalogue)
    # Add-ons that the form does not show cannot be unticked.
    hidden = set(membership.addons) - {addon.id for addon in addons}
    ticked = set(fields.getlist("addon"))
    priced = [
        product
        for product in (*offered.plans, *addons)
        if product.pricing_type is PricingType.PAY_WHAT_YOU_WANT
    ]
    return Selection(
        plan=_plan(fields.get("plan", ""), start.plan, offered),
        period=_period(fields.get("period", ""), start.period, offered),
        addons=frozenset({one.id for one in addons if str(one.id) in ticked} | hidden),
        code=fields.get("code", "").strip()[:MAX_CODE],
        amounts={
            one.id: text
            for one in priced
            if (text := fields.get(f"amount_{one.id}", "").strip()[:20])
        },
        recurring=frozenset(one.id for one in priced if fields.get(f"recurring_{one.id}")),
    )


def choice_of(selection: Selection, membership: Membership, *, policy: str) -> Choice:
    """What the rules are asked.

    Under ``parity`` a change of plan or period has only the add-ons that are named, and with
    the same plan only what is new may be named; ``fair`` carries over what is not dropped.
    """
    had = set(membership.addons)
    fresh = sorted(selection.addons - had)
    same = selection.plan == membership.plan_id and (
        selection.period is None
        or not membership.bills_again
        or selection.period.same_length(membership.period)
    )
    kept = sorted(selection.addons & had) if policy == "parity" and not same else []
    wanted = {selection.plan, *fresh, *kept}
    return Choice(
        products=(selection.plan, *kept, *fresh),
        period=selection.period,
        discount_code=selection.code or None,
        dropped=tuple(sorted(had - selection.addons)),
        amounts={
            one: amount
            for one, text in selection.amounts.items()
            if one in wanted and (amount := amount_of(text, membership.currency)) is not None
        },
        recurring={one: True for one in selection.recurring if one in wanted},
    )


def unreadable(selection: Selection, currency: str) -> Sequence[int]:
    """The chosen products whose amount is no amount."""
    wanted = {selection.plan, *selection.addons}
    return [
        one
        for one, text in selection.amounts.items()
        if one in wanted and amount_of(text, currency) is None
    ]


def amount_of(text: str, currency: str) -> int | None:
    """An amount that somebody typed, in minor units: ``12.50``, ``12,50``; None if it is none."""
    plain = text.replace("\u00a0", "").replace("\u202f", "").replace(" ", "").replace(",", ".")
    try:
        amount = Decimal(plain)
        whole = 0 <= amount <= _MAX_AMOUNT and amount.scaleb(exponent(currency)) % 1 == 0
        return to_minor(plain, currency) if whole else None
    except (InvalidOperation, InvalidAmount):
        return None


def repeated(request: QuoteRequest) -> Choice:
    """The choice of an earlier quote, to be priced again."""
    return Choice(
        products=request.products,
        period=request.period,
        discount_code=request.discount_code,
        country=request.country,
        dropped=request.dropped,
        amounts=request.pwyw_amounts,
        recurring=request.pwyw_recurring,
    )


def selection_of(request: QuoteRequest, membership: Membership, catalogue: Catalogue) -> Selection:
    """The state of the form that led to a request."""
    named = {one for one in request.products if (p := catalogue.get(one)) is not None and p.is_plan}
    plan = next(iter(named), membership.plan_id)
    addons = (set(membership.addons) | set(request.products)) - set(request.dropped) - named
    return Selection(
        plan=plan,
        period=request.period,
        addons=frozenset(addons),
        code=request.discount_code or "",
        amounts={
            one: f"{Decimal(minor).scaleb(-exponent(membership.currency))}"
            for one, minor in request.pwyw_amounts.items()
        },
        recurring=frozenset(one for one, each in request.pwyw_recurring.items() if each),
    )


def _plan(wanted: str, current: int, offered: Offers) -> int:
    here = {str(plan.id): plan.id for plan in offered.plans if plan.id in offered.selectable}
    return here.get(wanted, current)


def _period(wanted: str, current: Period | None, offered: Offers) -> Period | None:
    if not offered.period_selector:
        return None
    try:
        period = Period.parse(wanted)
    except InvalidPeriod:
        return current
    return period if period in offered.periods else current


def _shown_period(period: Period, offered: Offers) -> Period | None:
    if not offered.period_selector:
        return None
    same = (one for one in offered.periods if one.same_length(period))
    return next(same, offered.periods[0])
