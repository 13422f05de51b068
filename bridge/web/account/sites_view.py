"""The sites of a membership with their limits, as the account page shows them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from sqlmodel import Session

from bridge.domain.limit_use import LimitUse, limit_uses
from bridge.store.limits import effective_limits
from bridge.store.tables import MembershipRecord, Network, SiteRecord
from bridge.store.uses import KnownUses
from bridge.upgrades.expected import KnownRows
from bridge.web.account.bars import Bar, bars
from bridge.web.pages.languages import Language


@dataclass(frozen=True, slots=True)
class SiteBars:
    """A site with its limits; ``bars`` None where nobody knows them."""

    name: str
    url: str
    bars: tuple[Bar, ...] | None
    read_at: datetime | None

    @property
    def partly_known(self) -> bool:
        """Whether the use of something limited is not known."""
        return any(bar.unknown for bar in self.bars or ())


def site_bars(
    session: Session,
    network: Network,
    member: MembershipRecord,
    records: list[SiteRecord],
    language: Language,
    *,
    now: datetime,
) -> tuple[tuple[SiteBars, ...], tuple[Bar, ...]]:
    """Each site with its bars, and what all sites of the membership count for together."""
    known = KnownUses(session, network.key, [site.id for site in records])
    limits: dict[int, Mapping[str, Any] | None] = {
        site.id: effective_limits(session, network.key, site.id) for site in records
    }
    if not all(limits.values()):
        limits |= _computed(session, network, member, [one for one in limits if not limits[one]])
    shown: list[SiteBars] = []
    shared: list[LimitUse] = []
    for site in records:
        found = limits[site.id]
        uses = (
            None
            if not found
            else limit_uses(found, known.of(site.id, name=site.title), site_count=len(records))
        )
        if uses and not shared:
            shared = [use for use in uses if use.module == "sites"]
        own = None if uses is None else [use for use in uses if use.module != "sites"]
        shown.append(
            SiteBars(
                name=site.title or address_of(site),
                url=f"{urlsplit(network.url).scheme}://{site.domain}{site.path}",
                bars=None if own is None else bars(language, own, now=now),
                read_at=known.read_at(site.id),
            )
        )
    return tuple(shown), bars(language, shared, now=now)


def _computed(
    session: Session, network: Network, member: MembershipRecord, sites: list[int]
) -> dict[int, Mapping[str, Any] | None]:
    """Limits of sites that the network does not show, by the rules."""
    expected = KnownRows.load(session, network.key).expected(
        membership_id=member.id,
        plan_id=member.plan_id,
        addons={int(product): count for product, count in member.addons.items()},
    )
    return {site: None if expected.unknown else expected.on(site) for site in sites}


def address_of(site: SiteRecord) -> str:
    """Where a site is, for people: without a scheme."""
    return f"{site.domain}{site.path}".rstrip("/")
