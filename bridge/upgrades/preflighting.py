"""Before a change: what the customer's sites use, against the limits they would then have."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from sqlmodel import Session

from bridge.domain.limits import Release
from bridge.domain.preflight import Policy, Preflight, SiteUsage, preflight
from bridge.domain.quotes import TargetState
from bridge.errors import Conflict
from bridge.store.readers import sites_of
from bridge.store.tables import Network, SiteRecord
from bridge.store.uses import main_domains
from bridge.upgrades.expected import KnownRows

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
    known: KnownRows | None = None,
) -> Preflight:
    """Every site of a membership against the limits that ``target`` would give it.

    ``usage_of`` tells what a site uses; its custom domains are counted from the mirror.
    ``known`` are the network's rows, where they were read before.

    Raises:
        LimitsNotKnown: of the new plan or of an add-on.
    """
    known = known or KnownRows.load(session, network.key)
    expected = known.expected(
        membership_id=membership_id,
        plan_id=target.plan_id,
        addons=target.addons,
        release=release,
    )
    if expected.unknown:
        chosen = map(known.catalogue.get, (target.plan_id, *target.addons))
        names = [
            product.name if product else "a product that is gone"
            for product in chosen
            if product is None or product.limits_row is None
        ]
        raise LimitsNotKnown(products=", ".join(names), network=network.name)
    sites = sites_of(session, network.key, membership_id)
    domains = main_domains(session, network.key, [site.id for site in sites])
    return preflight(
        sites=[
            (replace(usage_of(site), domains=domains[site.id]), expected.on(site.id))
            for site in sites
        ],
        membership=expected.on(None),
        site_count=len(sites),
        policies=policies,
    )
