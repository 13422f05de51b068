"""Before a change: what the customer's sites use, against the limits they would then have."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import replace

from sqlmodel import Session, select

from bridge.domain.catalogue import Product
from bridge.domain.limits import LimitsRow, Release, compose
from bridge.domain.preflight import Policy, Preflight, SiteUsage, preflight
from bridge.domain.quotes import TargetState
from bridge.errors import Conflict
from bridge.store.limits import own_limits
from bridge.store.readers import load_catalogue, sites_of
from bridge.store.tables import DomainRecord, Network, SiteRecord

_SERVED = ("done", "done-without-ssl")
# A main domain has two labels; sub-domains are free (domain/limits.md §5).
_MAIN_LABELS = 2

UsageOf = Callable[[SiteRecord], SiteUsage]


class LimitsNotKnown(Conflict):
    """Nothing can be compared: the limits of {products} are unknown."""

    hint = "`planbridge catalogue learn {network}` or `planbridge catalogue import` first."


def check_usage(
    session: Session,
    network: Network,
    membership_id: int,
    target: TargetState,
    *,
    usage_of: UsageOf,
    release: Release,
    policies: Mapping[str, Policy] | None = None,
) -> Preflight:
    """Every site of a membership against the limits that ``target`` would give it.

    ``usage_of`` tells what a site uses; its custom domains are counted from the mirror.

    Raises:
        LimitsNotKnown: of the new plan or of an add-on.
    """
    catalogue = load_catalogue(session, network.key)
    chosen = [catalogue.get(target.plan_id), *(catalogue.get(one) for one in target.addons)]
    unknown = [
        product.name if product else "a product that is gone"
        for product in chosen
        if product is None or product.limits is None
    ]
    if unknown:
        raise LimitsNotKnown(products=", ".join(unknown), network=network.name)
    rows = [_row(product) for product in chosen]
    addons = list(zip(rows[1:], target.addons.values(), strict=True))
    membership_row = own_limits(session, network.key, "membership").get(membership_id)
    overrides = own_limits(session, network.key, "site")
    sites = sites_of(session, network.key, membership_id)
    domains = _main_domains(session, network.key)

    def after(site: SiteRecord | None) -> LimitsRow:
        return compose(
            plan=rows[0],
            addons=addons,
            membership=membership_row,
            site=overrides.get(site.id) if site else None,
            release=release,
        )

    return preflight(
        sites=[(replace(usage_of(site), domains=domains[site.id]), after(site)) for site in sites],
        membership=after(None),
        site_count=len(sites),
        policies=policies,
    )


def _row(product: Product | None) -> LimitsRow:
    return product.limits if product is not None and product.limits is not None else {}


def _main_domains(session: Session, network_id: int) -> Counter[int]:
    """How many custom domains each site has that count against its limit."""
    found = session.exec(select(DomainRecord).where(DomainRecord.network_id == network_id))
    return Counter(
        one.blog_id
        for one in found
        if one.active and one.stage in _SERVED and len(one.domain.split(".")) == _MAIN_LABELS
    )
