"""Learning the catalogue from what the network shows; what is not certain is only listed.

* Limits of a plan: the effective limits of sites whose membership has that plan and nothing
  else are the plan's own row (domain/limits.md §3), unless the membership or the site has
  an override. Stock REST does not show overrides, so only what all such sites agree on is
  learned.
* Limits of an add-on cannot be derived without guessing: what the plan already grants hides
  what the add-on has, so its row would be incomplete, and rows count whole. What its sites
  show beyond the plan is listed for the file.
* Price variations: the products inside memberships, at the membership's period.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson
from sqlmodel import Session

from bridge.domain.catalogue import Catalogue, PriceVariation, Product
from bridge.domain.money import to_major
from bridge.domain.periods import Period
from bridge.store.limits import EffectiveSite, effective_sites
from bridge.store.networks import id_of
from bridge.store.prices import SeenPrice, seen_prices
from bridge.store.readers import load_catalogue
from bridge.store.tables import Network
from sync.catalogue import Proposal
from sync.leaves import leaf_changes

_EXAMPLES = 5


@dataclass(frozen=True, slots=True)
class Learned:
    """What can be taken, from how many sites each plan's limits come, and what is open."""

    proposal: Proposal
    evidence: Mapping[str, int]
    open_questions: tuple[str, ...]


def learn(session: Session, network: Network) -> Learned:
    """What the mirror tells about the catalogue of a network."""
    network_id = id_of(network)
    catalogue = load_catalogue(session, network_id)
    sites = effective_sites(session, network_id)
    limits, evidence, questions = _plan_limits(catalogue, sites)
    variations, price_questions = _variations(catalogue, seen_prices(session, network_id))
    known = {
        **{each.id: each.limits for each in catalogue.products.values() if each.limits is not None},
        **limits,
    }
    return Learned(
        Proposal(source="learned", limits=limits, variations=variations),
        evidence,
        (*questions, *_addon_questions(catalogue, sites, known), *price_questions),
    )


def _plan_limits(
    catalogue: Catalogue, sites: Sequence[EffectiveSite]
) -> tuple[dict[int, Mapping[str, Any]], dict[str, int], list[str]]:
    by_plan: dict[int, list[EffectiveSite]] = defaultdict(list)
    for site in sites:
        if not site.addons:
            by_plan[site.plan_id].append(site)
    limits: dict[int, Mapping[str, Any]] = {}
    evidence: dict[str, int] = {}
    questions: list[str] = []
    for product in catalogue.products.values():
        alone = by_plan.get(product.id, [])
        variants = Counter(_canonical(site.limits) for site in alone)
        if len(variants) == 1:
            limits[product.id] = alone[0].limits
            evidence[product.slug] = len(alone)
        elif variants:
            questions.append(_disagreement(product, alone, variants))
        elif product.is_plan and product.limits is None:
            questions.append(
                f"{product.slug}: no site has only this plan, so its limits stay unknown"
            )
    return limits, evidence, questions


def _disagreement(
    product: Product, sites: Sequence[EffectiveSite], variants: Counter[bytes]
) -> str:
    usual = variants.most_common(1)[0][0]
    odd = [site for site in sites if _canonical(site.limits) != usual]
    example = odd[0]
    changes = "; ".join(
        f"{leaf.path} {leaf.after}, not {leaf.before}"
        for leaf in leaf_changes(orjson.loads(usual), example.limits)
    )
    return (
        f"{product.slug}: its {len(sites)} sites do not agree, so some have an override "
        f"(sites {_listed([site.id for site in odd])} differ; site {example.id}: {changes})"
    )


def _addon_questions(
    catalogue: Catalogue,
    sites: Sequence[EffectiveSite],
    known: Mapping[int, Mapping[str, Any]],
) -> list[str]:
    """What one add-on, once, adds to a plan whose limits are known."""
    shown: dict[int, dict[str, list[int]]] = defaultdict(lambda: defaultdict(list))
    for site in sites:
        if len(site.addons) != 1 or site.plan_id not in known:
            continue
        (addon_id, quantity), plan = next(iter(site.addons.items())), catalogue.get(site.plan_id)
        if quantity != 1 or plan is None:
            continue
        changes = "; ".join(
            f"{leaf.path} {leaf.before} → {leaf.after}"
            for leaf in leaf_changes(known[site.plan_id], site.limits)
        )
        shown[addon_id][f"on {plan.slug}: {changes or 'nothing visible'}"].append(site.id)
    return [
        f"{product.slug}: its limits cannot be derived, give them in the file ("
        + "; ".join(f"{what} [site {_listed(ids)}]" for what, ids in shown[product.id].items())
        + ")"
        for product in catalogue.products.values()
        if product.id in shown and product.limits is None
    ]


def _variations(
    catalogue: Catalogue, seen: Sequence[SeenPrice]
) -> tuple[dict[int, Sequence[PriceVariation]], list[str]]:
    amounts: dict[tuple[int, Period], list[SeenPrice]] = defaultdict(list)
    for each in seen:
        product = catalogue.get(each.product_id)
        if product is not None and each.period != product.period:
            amounts[product.id, each.period].append(each)
    found: dict[int, dict[Period, int]] = defaultdict(dict)
    questions = []
    for (product_id, period), prices in amounts.items():
        product = catalogue.products[product_id]
        if len(prices) == 1:
            found[product_id][period] = prices[0].amount
        else:
            listed = ", ".join(
                f"{to_major(each.amount, product.currency)} (membership {each.membership_id})"
                for each in prices
            )
            questions.append(f"{product.slug}: several prices for {period.key}: {listed}")
    return {
        product_id: _merged(catalogue.products[product_id].variations, learned)
        for product_id, learned in found.items()
    }, questions


def _merged(
    known: Sequence[PriceVariation], learned: Mapping[Period, int]
) -> tuple[PriceVariation, ...]:
    """Known variations, those seen in use at the price seen, in the order of their length."""
    prices = {each.period: each.amount for each in known} | dict(learned)
    return tuple(
        PriceVariation(period, prices[period])
        for period in sorted(prices, key=lambda period: (period.days, period.unit))
    )


def _canonical(limits: Mapping[str, Any]) -> bytes:
    return orjson.dumps(limits, option=orjson.OPT_SORT_KEYS)


def _listed(ids: Sequence[int]) -> str:
    shown = ", ".join(str(each) for each in ids[:_EXAMPLES])
    return shown if len(ids) <= _EXAMPLES else f"{shown} and {len(ids) - _EXAMPLES} more"
