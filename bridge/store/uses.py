"""What sites use, as far as it is known: domains from the mirror, the rest as last asked."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping
from datetime import datetime

from sqlmodel import Session, col, select

from bridge.domain.preflight import SiteUsage
from bridge.store.tables import DomainRecord, SiteUse

_SERVED = ("done", "done-without-ssl")
# A main domain has two labels; sub-domains are free (domain/limits.md §5).
_MAIN_LABELS = 2


def main_domains(
    session: Session, network_id: int, sites: Collection[int] | None = None
) -> Counter[int]:
    """How many custom domains each site has, or each of ``sites``, that count for its limit."""
    query = select(DomainRecord).where(DomainRecord.network_id == network_id)
    if sites is not None:
        query = query.where(col(DomainRecord.blog_id).in_(sites))
    found = session.exec(query)
    return Counter(
        one.blog_id
        for one in found
        if one.active and one.stage in _SERVED and len(one.domain.split(".")) == _MAIN_LABELS
    )


class KnownUses:
    """What is known of all sites of a network, or of ``sites`` only."""

    def __init__(
        self, session: Session, network_id: int, sites: Collection[int] | None = None
    ) -> None:
        self._domains = main_domains(session, network_id, sites)
        query = select(SiteUse).where(SiteUse.network_id == network_id)
        if sites is not None:
            query = query.where(col(SiteUse.site_id).in_(sites))
        self._asked = {row.site_id: row for row in session.exec(query)}

    def of(self, site_id: int, *, name: str = "") -> SiteUsage:
        """What a site uses; None in it for what nobody knows."""
        asked = self._asked.get(site_id)
        return SiteUsage(
            site_id,
            name=name,
            posts=asked.posts if asked else None,
            users=asked.users if asked else None,
            domains=self._domains[site_id],
        )

    def read_at(self, site_id: int) -> datetime | None:
        """When a site was last asked; None for never."""
        asked = self._asked.get(site_id)
        return asked.read_at if asked else None


def save_use(
    session: Session,
    network_id: int,
    site_id: int,
    *,
    posts: Mapping[str, int] | None,
    users: Mapping[str, int] | None,
    untold: str,
    now: datetime,
) -> None:
    """Keep what a site has just said of itself."""
    session.merge(
        SiteUse(
            network_id=network_id,
            site_id=site_id,
            posts=None if posts is None else dict(posts),
            users=None if users is None else dict(users),
            untold=untold,
            read_at=now,
        )
    )
    session.flush()
