"""What the page "Your membership" shows, composed from the mirror; nobody is asked for it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlencode, urlsplit

from sqlmodel import Session

from bridge.domain.catalogue import Catalogue, Product
from bridge.domain.memberships import MembershipStatus
from bridge.domain.periods import UNITS, Period
from bridge.store.cancellations import CancellationRepository, Ending
from bridge.store.changes import ChangeRepository
from bridge.store.collections import CollectionRepository
from bridge.store.networks import network_terms
from bridge.store.quotes import target_from_json
from bridge.store.readers import load_catalogue, sites_of
from bridge.store.tables import (
    Change,
    ChangeState,
    CustomerRecord,
    MembershipRecord,
    Network,
    SiteRecord,
)
from bridge.upgrades.cancelling import why_not_cancellable
from bridge.upgrades.opening import frozen_by
from bridge.web.account.bars import Bar
from bridge.web.account.payments_view import PaymentLine, payment_lines
from bridge.web.account.pending import Pending, pending_of, product_name
from bridge.web.account.sites_view import SiteBars, address_of, site_bars
from bridge.web.pages.languages import Language
from bridge.web.pages.wording import price_words, status_words

_STANDING = {
    "active": "good",
    "trialing": "info",
    "pending": "warn",
    "on-hold": "warn",
    "expired": "bad",
    "cancelled": "bad",
}
_RECENT = 3
_ADDRESS = (
    "company_name",
    "billing_address_line_1",
    "billing_address_line_2",
    "billing_zip_code",
    "billing_city",
    "billing_state",
    "billing_country",
    "billing_email",
)


@dataclass(frozen=True, slots=True)
class Bought:
    """A package or service of the membership.

    ``without`` is the query of the change page on which it is left out, "" where it cannot
    be; ``ends`` when a pending change leaves it out already.
    """

    name: str
    quantity: int
    price: str
    description: str
    without: str
    ends: bool


@dataclass(frozen=True, slots=True)
class Overview:
    """Everything on the page, in words.

    ``facts`` are labels and values. ``change`` is "" where the plan can be changed, else the
    code of why not (``working``, ``frozen``, ``unknown``); ``cancel`` likewise
    (`why_not_cancellable`), with ``ending`` for one that ends by wish. ``pay_at`` is the
    site's dashboard, where a payment that the network waits for can be paid. ``address`` is the
    billing address in one line, "" where the network does not show it.
    """

    id: int
    plan: str
    description: str
    price: str
    status: str
    standing: str
    facts: tuple[tuple[str, str], ...]
    address: str
    bought: tuple[Bought, ...]
    sites: tuple[SiteBars, ...]
    shared: tuple[Bar, ...]
    pending: Pending | None
    ending: Ending | None
    owing: tuple[PaymentLine, ...]
    recent: tuple[PaymentLine, ...]
    change: str
    cancel: str
    card: bool
    pay_at: str


@dataclass(frozen=True, slots=True)
class Listed:
    """A membership on the list of a customer who has several."""

    id: int
    plan: str
    price: str
    status: str
    standing: str
    sites: str


def overview(
    session: Session,
    network: Network,
    member: MembershipRecord,
    language: Language,
    *,
    now: datetime,
) -> Overview:
    """The page of a membership."""
    catalogue = load_catalogue(session, network.key)
    change = ChangeRepository(session).open_of(network.key, member.id)
    ending = None
    if member.status != MembershipStatus.CANCELLED:
        ending = CancellationRepository(session).ending(member)
    records = sites_of(session, network.key, member.id)
    sites, shared = site_bars(session, network, member, records, language, now=now)
    payments = payment_lines(session, network, member, language)
    plan = catalogue.get(member.plan_id)
    return Overview(
        id=member.id,
        plan=product_name(language, catalogue, member.plan_id),
        description=plan.description if plan else "",
        price=_price(member, language),
        status=status_words(language, member.status),
        standing=_STANDING.get(member.status, ""),
        facts=tuple(_facts(member, change, ending, language)),
        address=_address(session, member),
        bought=_bought(
            member, change, catalogue, language, fixed=network_terms(network).policy == "parity"
        ),
        sites=sites,
        shared=shared,
        pending=pending_of(language, change, catalogue) if change else None,
        ending=ending,
        owing=tuple(
            line for line in payments if line.payable and line.invoice != _told_by(session, change)
        ),
        recent=tuple(line for line in payments if not line.payable)[:_RECENT],
        change=_why_no_change(session, member, change),
        cancel=why_not_cancellable(session, member),
        card=has_card(session, network, member),
        pay_at=_dashboard(network, records),
    )


def _told_by(session: Session, change: Change | None) -> str | None:
    """The invoice that an open change waits for: the change itself asks for its payment."""
    record = CollectionRepository(session).find(change.id) if change is not None else None
    return (record.stripe_id or None) if record is not None else None


def listed(
    session: Session, member: MembershipRecord, catalogue: Catalogue, language: Language
) -> Listed:
    """A membership as a line of the list."""
    sites = [address_of(site) for site in sites_of(session, member.network_id, member.id)]
    return Listed(
        id=member.id,
        plan=product_name(language, catalogue, member.plan_id),
        price=_price(member, language),
        status=status_words(language, member.status),
        standing=_STANDING.get(member.status, ""),
        sites=language.listed(sites),
    )


def has_card(session: Session, network: Network, member: MembershipRecord) -> bool:
    """Whether Stripe may have a card for the membership that planbridge can let him change."""
    if not network.sealed_stripe_key:
        return False
    made = CollectionRepository(session).customer(network.key, member.customer_id)
    return made is not None or member.gateway_customer_id.startswith("cus_")


def _why_no_change(session: Session, member: MembershipRecord, change: Change | None) -> str:
    waits = (ChangeState.SCHEDULED, ChangeState.AWAITING_PAYMENT)
    if member.status not in set(MembershipStatus):
        return "unknown"
    if change is not None and change.state not in waits:
        return "working"
    return "frozen" if frozen_by(session, member.network_id, member.id) else ""


def _price(member: MembershipRecord, language: Language) -> str:
    recurring = member.recurring
    amount = member.amount if recurring else member.amount or member.initial_amount
    words = price_words(language, amount, member.currency, period_of(member), recurring)
    if not (recurring and amount and member.billing_cycles):
        return words
    cycles = member.billing_cycles
    return language.ngettext(
        "%(price)s, %(num)s time", "%(price)s, %(num)s times", cycles, price=words
    )


def period_of(member: MembershipRecord) -> Period:
    """How often a membership is billed."""
    return Period(
        member.duration, member.duration_unit if member.duration_unit in UNITS else "month"
    )


def _facts(
    member: MembershipRecord, change: Change | None, ending: Ending | None, language: Language
) -> list[tuple[str, str]]:
    _ = language.gettext
    facts = [(_("Membership number"), str(member.id))]
    bills = member.recurring and member.amount > 0 and ending is None
    running = member.status in ("active", "trialing", "on-hold")
    if member.status == "trialing" and member.date_trial_end:
        facts.append((_("Trial until"), language.date(member.date_trial_end)))
    if bills and running and member.date_expiration:
        amount, until = _next_amount(member, change), language.date(member.date_expiration)
        if amount:
            facts.append((_("Next billing"), until))
            money = language.money(amount, member.currency)
            facts.append((_("Amount of the next billing"), money))
        else:
            facts.append((_("Paid until"), until))
    elif member.date_expiration:
        label = _("Expired on") if member.status == "expired" else _("Ends on")
        facts.append((label, language.date(member.date_expiration)))
    if member.initial_amount:
        facts.append((_("Initial amount"), language.money(member.initial_amount, member.currency)))
    if member.recurring and member.amount > 0:
        facts.append((_("Times billed"), _times(member, language)))
    if member.date_created:
        facts.append((_("Member since"), language.date(member.date_created)))
    return facts


def _address(session: Session, member: MembershipRecord) -> str:
    """What the customer gave the network (domain/entities.md §2.3); older ones do not tell it."""
    customer = session.get(CustomerRecord, (member.network_id, member.customer_id))
    told = customer.raw.get("billing_address") if customer else None
    if not isinstance(told, Mapping):
        return ""
    return ", ".join(str(told[part]) for part in _ADDRESS if told.get(part))


def _next_amount(member: MembershipRecord, change: Change | None) -> int:
    if change is not None and change.state is ChangeState.SCHEDULED and change.target:
        return target_from_json(change.target).amount
    return member.amount


def _times(member: MembershipRecord, language: Language) -> str:
    billed = language.number(member.times_billed)
    if not member.billing_cycles:
        return language.gettext("%(count)s, until cancelled", count=billed)
    return language.gettext(
        "%(count)s of %(all)s", count=billed, all=language.number(member.billing_cycles)
    )


def _bought(
    member: MembershipRecord,
    change: Change | None,
    catalogue: Catalogue,
    language: Language,
    *,
    fixed: bool,
) -> tuple[Bought, ...]:
    """What is bought beside the plan; ``fixed`` where the rules let nobody leave it alone."""
    period = period_of(member)
    goes: set[int] = set()
    if change is not None and change.target:
        goes = {int(key) for key in member.addons} - set(target_from_json(change.target).addons)
    return tuple(
        Bought(
            name=product_name(language, catalogue, key),
            quantity=quantity,
            price=_product_price(product, period, language) if product else "",
            description=product.description if product else "",
            without="" if fixed or key in goes else _without(member, key),
            ends=key in goes,
        )
        for key, product, quantity in (
            (int(key), catalogue.get(int(key)), quantity) for key, quantity in member.addons.items()
        )
    )


def _without(member: MembershipRecord, addon: int) -> str:
    """The change form as it stands, but for one add-on."""
    kept = [("addon", key) for key in sorted(member.addons) if int(key) != addon]
    return urlencode([("chosen", "1"), ("plan", str(member.plan_id)), *kept])


def _product_price(product: Product, period: Period, language: Language) -> str:
    for variation in product.variations:
        if product.recurring and variation.period.same_length(period):
            return price_words(language, variation.amount, product.currency, variation.period, True)
    return price_words(
        language, product.amount, product.currency, product.period, product.recurring
    )


def _dashboard(network: Network, sites: list[SiteRecord]) -> str:
    if not sites:
        return ""
    scheme = urlsplit(network.url).scheme
    return f"{scheme}://{sites[0].domain}{sites[0].path}wp-admin/admin.php?page=account"
