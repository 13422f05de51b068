"""One membership with what belongs to it, taken out of a mirror to be put somewhere else.

Only reads the mirror that it is taken from. What it is put into, a stand-in of the network
and a mirror of its own, shows the same products, prices, limits, customer and sites.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

from sqlmodel import Session, SQLModel, col, select

from bridge.domain.limits import Release as LimitRules
from bridge.domain.memberships import Membership
from bridge.domain.money import to_major
from bridge.domain.terms import NetworkTerms
from bridge.network.capabilities import Capabilities
from bridge.sandbox.examples import empty
from bridge.sandbox.forms import Json, moment_text
from bridge.sandbox.network_state import NetworkState
from bridge.sandbox.releases import Release
from bridge.store.changes import ChangeRepository
from bridge.store.networks import network_terms
from bridge.store.quotes import GivenQuote, QuoteRepository
from bridge.store.readers import load_membership, membership_record, sites_of
from bridge.store.tables import (
    Change,
    ChangeState,
    CustomerRecord,
    LedgerEntry,
    LimitsRecord,
    MembershipRecord,
    Network,
    PriceVariationRecord,
    ProductRecord,
    SiteRecord,
)

_Row = TypeVar("_Row", bound=SQLModel)

BY_HAND = "manual"
"""The gateway of the copy: at which the plugin bills nothing, as after an adoption."""


@dataclass(frozen=True, slots=True)
class SimulatedMember:
    """A membership, and everything its prices, limits and changes depend on."""

    terms: NetworkTerms
    release: Release
    standing: Membership
    membership: MembershipRecord
    customer: CustomerRecord | None
    products: Sequence[ProductRecord]
    variations: Sequence[PriceVariationRecord]
    limits: Sequence[LimitsRecord]
    sites: Sequence[SiteRecord]
    ledger: Sequence[tuple[Change, LedgerEntry]]
    open_change: Change | None
    scheduled: GivenQuote | None

    @classmethod
    def taken(
        cls, session: Session, network: Network, membership_id: int, *, quote_key: bytes
    ) -> SimulatedMember:
        """The membership as the mirror has it, with the quote of the change it waits for.

        Raises:
            UnknownMembership: the mirror has none of that id.
            StatusNotUnderstood: its status is none of the plugin's own.
            UnknownQuote, QuoteTampered: the quote of a scheduled change is not what it was.
        """
        standing = load_membership(session, network.key, membership_id)
        open_change = ChangeRepository(session).open_of(network.key, membership_id)
        scheduled = None
        if open_change is not None and open_change.state is ChangeState.SCHEDULED:
            quotes = QuoteRepository(session, quote_key)
            scheduled = quotes.get(network.key, open_change.quote_id or "")
        return cls(
            terms=network_terms(network),
            release=_release(network),
            standing=standing,
            membership=membership_record(session, network.key, membership_id),
            customer=session.get(CustomerRecord, (network.key, standing.customer_id)),
            products=_all(session, ProductRecord, network.key),
            variations=_all(session, PriceVariationRecord, network.key),
            limits=session.exec(
                select(LimitsRecord).where(
                    LimitsRecord.network_id == network.key, col(LimitsRecord.kind) == "own"
                )
            ).all(),
            sites=sites_of(session, network.key, membership_id),
            ledger=session.exec(
                select(Change, LedgerEntry).where(
                    LedgerEntry.change_id == Change.id,
                    LedgerEntry.network_id == network.key,
                    LedgerEntry.membership_id == membership_id,
                )
            ).all(),
            open_change=open_change,
            scheduled=scheduled,
        )

    def mirror(self, session: Session, network_id: int) -> None:
        """Put it into another mirror, under the network of that id. The caller commits."""
        rows: list[SQLModel] = [*self.products, *self.variations, *self.limits, *self.sites]
        if self.customer is not None:
            rows.append(self.customer)
        for row in rows:
            session.add(_copy(row, network_id=network_id))
        session.add(
            _copy(
                self.membership,
                network_id=network_id,
                gateway=self._gateway,
                gateway_customer_id="",
                gateway_subscription_id="",
            )
        )
        for change, entry in self.ledger:
            session.add(_copy(change, network_id=network_id, quote_id=None))
            session.flush()
            session.add(_copy(entry, network_id=network_id))

    def fill(self, state: NetworkState) -> None:
        """Put it into a stand-in of the network."""
        empty(state)
        for product in self.products:
            self._product(state, product)
        self._customer(state)
        self._membership(state)
        for site in self.sites:
            state.insert(
                "site",
                id=site.id,
                domain=site.domain,
                path=site.path,
                title=site.title,
                type=site.type,
                customer_id=self.standing.customer_id,
                membership_id=self.standing.id,
                registered=state.now(),
                last_updated=state.now(),
                limits=self._own_limits("site", site.id),
            )

    @property
    def _gateway(self) -> str:
        return BY_HAND if self.membership.gateway else ""

    def _product(self, state: NetworkState, row: ProductRecord) -> None:
        variations = [
            {
                "duration": one.duration,
                "duration_unit": one.duration_unit,
                "amount": _major(one.amount, row.currency),
            }
            for one in self.variations
            if one.product_id == row.id
        ]
        state.insert(
            "product",
            id=row.id,
            slug=row.slug,
            name=row.name,
            description=row.description,
            currency=row.currency,
            type=row.type,
            pricing_type=row.pricing_type,
            recurring=row.recurring,
            amount=_major(row.amount, row.currency),
            setup_fee=_major(row.setup_fee, row.currency),
            duration=row.duration,
            duration_unit=row.duration_unit,
            trial_duration=row.trial_duration,
            trial_duration_unit=row.trial_duration_unit,
            billing_cycles=row.billing_cycles,
            list_order=row.list_order,
            active=row.active,
            taxable=row.taxable,
            tax_category=row.tax_category,
            feature_list=row.feature_list,
            available_addons=row.available_addons or [],
            price_variations=variations or None,
            product_group=row.group,
            limits=self._own_limits("product", row.id),
        )

    def _customer(self, state: NetworkState) -> None:
        row = self.customer
        if row is not None:
            state.insert(
                "customer",
                id=row.id,
                user_id=row.user_id or 0,
                email_verification=row.email_verification,
                has_trialed=bool(row.has_trialed),
                date_registered=_date(row.date_registered),
                billing_address=row.raw.get("billing_address") or [],
            )

    def _membership(self, state: NetworkState) -> None:
        row = self.membership
        state.insert(
            "membership",
            id=row.id,
            customer_id=row.customer_id,
            user_id=row.raw.get("user_id") or 0,
            plan_id=row.plan_id,
            addon_products=dict(row.addons),
            currency=row.currency,
            initial_amount=_major(row.initial_amount, row.currency),
            amount=_major(row.amount, row.currency),
            recurring=row.recurring,
            auto_renew=row.auto_renew,
            duration=row.duration,
            duration_unit=row.duration_unit,
            billing_cycles=row.billing_cycles,
            times_billed=row.times_billed,
            status=row.status,
            gateway=self._gateway,
            discount_code=row.raw.get("discount_code") or False,
            date_created=_date(row.date_created),
            date_modified=_date(row.date_modified),
            date_renewed=_date(row.date_renewed),
            date_trial_end=_date(row.date_trial_end),
            date_cancellation=_date(row.date_cancellation),
            date_expiration=_date(row.date_expiration),
            limits=self._own_limits("membership", row.id),
        )

    def _own_limits(self, owner: str, owner_id: int) -> Json:
        found = (one for one in self.limits if (one.owner, one.owner_id) == (owner, owner_id))
        return next((one.limits for one in found), None)


def _all(session: Session, record: Any, network_id: int) -> Any:
    return session.exec(select(record).where(record.network_id == network_id)).all()


def _copy(row: _Row, **changed: object) -> _Row:
    return type(row)(**{**row.model_dump(), **changed})


def _release(network: Network) -> Release:
    """The release whose composition rules hold on the network; the newest while unknown."""
    if not network.capabilities:
        return Release.HEAD
    rules = Capabilities.from_json(network.capabilities).limit_rules
    return Release.HEAD if rules is LimitRules.V2_4_13 else Release.V2_4_12


def _major(minor: int, currency: str) -> str:
    return str(to_major(minor, currency))


def _date(moment: datetime | None) -> str | None:
    return None if moment is None else moment_text(moment)
