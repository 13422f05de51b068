"""The limits that the sites of a membership are to show, by the rows that planbridge knows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

from sqlmodel import Session

from bridge.domain.catalogue import Catalogue
from bridge.domain.limits import EffectiveLimits, LimitsRow, Release, compose
from bridge.store.limits import own_limits
from bridge.store.readers import load_catalogue


@dataclass(frozen=True, slots=True)
class Expected:
    """What the sites of a membership are to show.

    ``products`` is the composition of the products alone, None while one of them is not
    known; ``unknown`` names those. ``overrides`` are the known rows by owner kind and id.
    """

    products: EffectiveLimits | None
    unknown: tuple[str, ...]
    plan: LimitsRow
    addons: tuple[tuple[LimitsRow, int], ...]
    membership: LimitsRow | None
    sites: Mapping[int, LimitsRow]
    release: Release = Release.V2_4_13

    def on(self, site_id: int | None) -> EffectiveLimits:
        """The limits to be in force on a site, known overrides included; None: on no site."""
        return compose(
            plan=self.plan,
            addons=self.addons,
            membership=self.membership,
            site=None if site_id is None else self.sites.get(site_id),
            release=self.release,
        )


@dataclass(frozen=True, slots=True)
class KnownRows:
    """The limits rows of a network: of its products, and the known overrides by owner's id."""

    catalogue: Catalogue
    memberships: Mapping[int, LimitsRow]
    sites: Mapping[int, LimitsRow]

    @classmethod
    def load(cls, session: Session, network_id: int) -> Self:
        """Read them from the store."""
        return cls(
            load_catalogue(session, network_id),
            own_limits(session, network_id, "membership"),
            own_limits(session, network_id, "site"),
        )

    def expected(
        self,
        *,
        membership_id: int,
        plan_id: int,
        addons: Mapping[int, int],
        release: Release = Release.V2_4_13,
    ) -> Expected:
        """What sites show when their membership has these products; add-ons with quantity."""
        rows = {
            product_id: product.limits_row
            for product_id in (plan_id, *addons)
            if (product := self.catalogue.get(product_id)) is not None
            and product.limits_row is not None
        }
        unknown = [one for one in (plan_id, *addons) if one not in rows]
        plan = rows.get(plan_id, {})
        quantities = tuple((rows.get(one, {}), count) for one, count in addons.items())
        return Expected(
            products=None if unknown else compose(plan=plan, addons=quantities, release=release),
            unknown=tuple(self.name(product_id) for product_id in unknown),
            plan=plan,
            addons=quantities,
            membership=self.memberships.get(membership_id),
            sites=self.sites,
            release=release,
        )

    def name(self, product_id: int) -> str:
        """A product's name and id, for a sentence."""
        product = self.catalogue.get(product_id)
        return f"{product.name} ({product_id})" if product else str(product_id)
