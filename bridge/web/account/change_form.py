"""The change form as a page shows it: periods, plans as cards, packages and services."""

from __future__ import annotations

import html
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from sqlmodel import Session

from bridge.domain.catalogue import Catalogue, PricingType, Product
from bridge.domain.limits import Release
from bridge.domain.memberships import Membership
from bridge.domain.money import to_major
from bridge.domain.offers import Offers, offers
from bridge.domain.prices import Priced, ticks_per_minor
from bridge.domain.terms import NetworkTerms
from bridge.network.capabilities import Capabilities
from bridge.store.networks import network_terms
from bridge.store.readers import load_membership
from bridge.store.tables import Network
from bridge.upgrades.expected import KnownRows
from bridge.upgrades.fitting import limits_with
from bridge.web.account.change_choice import Selection, shown_addons
from bridge.web.account.change_limits import LimitRow, changed_rows, limit_rows
from bridge.web.pages.languages import Language
from bridge.web.pages.wording import period_words, price_words

_TAG = re.compile(r"<[^>]*>")
_SAFE = ("http", "https", "mailto", "tel")


@dataclass(frozen=True, slots=True)
class OwnPrice:
    """The field for a product whose price the customer names."""

    value: str
    minimum: str
    asks_recurring: bool
    recurring: bool


@dataclass(frozen=True, slots=True)
class ProductCard:
    """A plan, a package or a service on the form.

    ``contact`` is ``(label, address)`` of a plan that is not sold here. ``rows`` are the limits
    that differ from what the member has; of the current plan, all that count.
    """

    id: int
    name: str
    price: str
    fee: str
    description: str
    features: tuple[str, ...]
    current: bool
    chosen: bool
    quantity: int = 1
    contact: tuple[str, str] | None = None
    own_price: OwnPrice | None = None
    rows: tuple[LimitRow, ...] = ()
    rows_known: bool = False
    locked: bool = False


@dataclass(frozen=True, slots=True)
class ChangeForm:
    """Everything on the form. ``periods`` are ``(key, words, chosen)``; empty without a switch."""

    periods: tuple[tuple[str, str, bool], ...]
    plans: tuple[ProductCard, ...]
    addons: tuple[ProductCard, ...]
    code: str


@dataclass(frozen=True, slots=True)
class Shelf:
    """What the form is made of."""

    membership: Membership
    offered: Offers
    catalogue: Catalogue
    terms: NetworkTerms
    rows: KnownRows
    release: Release

    def limits(self, plan_id: int, addons: Mapping[int, int]) -> Mapping[str, Any] | None:
        """The limits that a plan and add-ons come to; None where one of them is unknown."""
        return limits_with(self.rows, self.membership, plan_id, addons, release=self.release)


def shelf_of(session: Session, network: Network, membership_id: int) -> Shelf:
    """Everything that a member may choose from.

    Raises:
        UnknownMembership, StatusNotUnderstood: it cannot be changed.
    """
    membership = load_membership(session, network.key, membership_id)
    rows = KnownRows.load(session, network.key)
    return Shelf(
        membership=membership,
        offered=offers(membership, rows.catalogue),
        catalogue=rows.catalogue,
        terms=network_terms(network),
        rows=rows,
        release=Capabilities.from_json(network.capabilities).limit_rules,
    )


def change_form(language: Language, shelf: Shelf, selection: Selection) -> ChangeForm:
    """The form with a selection ticked."""
    member, offered = shelf.membership, shelf.offered
    plans = tuple(
        _card(language, shelf, plan, selection, chosen=plan.id == selection.plan)
        for plan in offered.plans
    )
    addons = tuple(
        _card(language, shelf, addon, selection, chosen=addon.id in selection.addons)
        for addon in shown_addons(member, offered, shelf.catalogue)
    )
    periods = tuple(
        (period.key, _capital(period_words(language, period)), period == selection.period)
        for period in offered.periods
    )
    return ChangeForm(periods, plans, addons, selection.code)


def prices(language: Language, shelf: Shelf, selection: Selection) -> list[tuple[int, str]]:
    """What everything on the form costs at the chosen period, by product."""
    addons = shown_addons(shelf.membership, shelf.offered, shelf.catalogue)
    return [
        (product.id, _price(language, shelf, product, selection))
        for product in (*shelf.offered.plans, *addons)
    ]


def _price(language: Language, shelf: Shelf, product: Product, selection: Selection) -> str:
    """What a product costs at the chosen period, in words."""
    _ = language.gettext
    period = selection.period
    if period is None and not product.is_plan:
        period = shelf.membership.period
    currency = shelf.membership.currency
    if product.pricing_type is PricingType.CONTACT_US:
        return _("Price on request")
    if product.pricing_type is PricingType.PAY_WHAT_YOU_WANT:
        return _("You name the price")
    factor = ticks_per_minor(currency, shelf.terms.minor_digits)
    priced = Priced(product, factor)
    if period is not None and priced.recurring and not priced.switch(period):
        return _("not sold %(period)s", period=period_words(language, period))
    return price_words(language, priced.amount // factor, currency, priced.period, priced.recurring)


def _card(
    language: Language, shelf: Shelf, product: Product, selection: Selection, *, chosen: bool
) -> ProductCard:
    member = shelf.membership
    current = product.id == member.plan_id or product.id in member.addons
    rows = _rows(language, shelf, product) if product.is_plan else None
    return ProductCard(
        id=product.id,
        name=product.name,
        price=_price(language, shelf, product, selection),
        fee=_fee(language, shelf, product, current=current),
        description=_plain(product.description),
        features=tuple(_plain(each) for each in product.feature_list),
        current=current,
        chosen=chosen,
        quantity=member.addons.get(product.id, 1),
        contact=_contact(language, product),
        own_price=_own_price(language, shelf, product, selection),
        rows=rows or (),
        rows_known=rows is not None,
        locked=shelf.terms.policy == "parity" and product.id in member.addons,
    )


def _fee(language: Language, shelf: Shelf, product: Product, *, current: bool) -> str:
    if current or product.setup_fee <= 0:
        return ""
    money = language.money(product.setup_fee, shelf.membership.currency)
    return language.gettext("plus a set-up fee of %(amount)s", amount=money)


def _contact(language: Language, product: Product) -> tuple[str, str] | None:
    if product.pricing_type is not PricingType.CONTACT_US:
        return None
    link = product.contact_us_link
    safe = link if urlsplit(link).scheme in _SAFE else ""
    return product.contact_us_label or language.gettext("Contact us"), safe


def _own_price(
    language: Language, shelf: Shelf, product: Product, selection: Selection
) -> OwnPrice | None:
    if product.pricing_type is not PricingType.PAY_WHAT_YOU_WANT:
        return None
    currency = shelf.membership.currency
    typed = selection.amounts.get(product.id)
    suggested = str(to_major(product.pwyw_suggested, currency))
    return OwnPrice(
        value=suggested if typed is None else typed,
        minimum=language.money(product.pwyw_minimum, currency) if product.pwyw_minimum else "",
        asks_recurring=product.pwyw_recurring_mode == "customer_choice",
        recurring=product.id in selection.recurring,
    )


def _rows(language: Language, shelf: Shelf, plan: Product) -> tuple[LimitRow, ...] | None:
    """The plan's limits with the add-ons that the member has; None where one is unknown."""
    member = shelf.membership
    now, then = (shelf.limits(one, member.addons) for one in (member.plan_id, plan.id))
    if then is None or now is None:
        return None
    if plan.id == member.plan_id:
        return limit_rows(language, now)
    return changed_rows(language, now, then)


def _plain(text: str) -> str:
    """A text without the markup that the network's editor may have put in."""
    return html.unescape(_TAG.sub(" ", text)).strip()


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
