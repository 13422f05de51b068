"""Learning the catalogue from what the network shows; what is not certain is only listed.

* Limits of a plan: the effective limits of sites whose membership has that plan and nothing
  else are the plan's own row (domain/limits.md §3), unless the membership or the site has
  an override. Stock REST does not show overrides, so only what all such sites agree on is
  learned; sites with an override that we know of are left out.
* Limits of a plan that nobody has alone, and of a known add-on that changed: what is left of
  what its sites show, where all else is certain (`sync.derivation`).
* Limits of an add-on that was never known cannot be derived without guessing: what the plan
  already grants hides what the add-on has, so its row would be incomplete, and rows count
  whole. What its sites show beyond the plan is listed for the file.
* Price variations: the products inside memberships, at the membership's period.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import orjson
from sqlmodel import Session

from bridge.domain.catalogue import Catalogue, PriceVariation, Product
from bridge.domain.money import to_major
from bridge.domain.periods import Period
from bridge.store.limits import EffectiveSite, effective_sites, own_limits
from bridge.store.networks import id_of
from bridge.store.prices import SeenPrice, seen_prices
from bridge.store.readers import load_catalogue
from bridge.store.tables import Network
from sync.catalogue import Proposal
from sync.derivation import IN_FILE, Derivation, Shown
from sync.leaves import leaf_changes
from sync.saved import saved_since

_EXAMPLES = 5


@dataclass(frozen=True, slots=True)
class Learned:
    """What can be taken, what each product's limits come from, and what is open."""

    proposal: Proposal
    evidence: Mapping[str, str]
    open_questions: tuple[str, ...]


@dataclass(slots=True)
class _Variant:
    """Limits that some sites with the same products show alike; a few of the sites by id."""

    limits: Mapping[str, Any]
    count: int = 0
    sites: list[int] = field(default_factory=list)
    memberships: set[int] = field(default_factory=set)

    def add(self, site: EffectiveSite) -> None:
        self.count += 1
        if len(self.sites) <= _EXAMPLES:
            self.sites.append(site.id)
        if len(self.memberships) <= 1:
            self.memberships.add(site.membership_id)


_Groups: TypeAlias = Mapping[tuple[tuple[int, int], ...], Mapping[bytes, _Variant]]
"""What is shown by products with quantities, the plan first: each variant of it once."""


def learn(session: Session, network: Network) -> Learned:
    """What the mirror tells about the catalogue of a network."""
    network_id = id_of(network)
    catalogue = load_catalogue(session, network_id)
    groups = _groups(session, network_id)
    limits, evidence, questions = _plan_limits(catalogue, groups)
    known = {
        **{each.id: each.limits for each in catalogue.products.values() if each.limits is not None},
        **limits,
    }
    derived = Derivation(
        catalogue=catalogue,
        shown=[
            Shown(products, one.limits, one.count, several=len(one.memberships) > 1)
            for products, variants in groups.items()
            if len(products) > 1 and len(variants) == 1
            for one in variants.values()
        ],
        rows=known,
        certain=set(limits),
        saved=saved_since(session, network_id),
    )
    derived.run()
    limits |= derived.found
    for product_id, sites, besides in derived.evidence():
        slug = catalogue.products[product_id].slug
        evidence[slug] = f"derived from {_sites(sites)} that also have {', '.join(besides)}"
    variations, price_questions = _variations(catalogue, seen_prices(session, network_id))
    return Learned(
        Proposal(source="learned", limits=limits, variations=variations),
        evidence,
        (
            *questions,
            *_unknown_plans(catalogue, groups, known),
            *derived.questions(),
            *_addon_questions(catalogue, groups, known),
            *price_questions,
        ),
    )


def _groups(session: Session, network_id: int) -> _Groups:
    overridden = {
        kind: own_limits(session, network_id, kind).keys() for kind in ("membership", "site")
    }
    groups: dict[tuple[tuple[int, int], ...], dict[bytes, _Variant]] = defaultdict(dict)
    for site in effective_sites(session, network_id):
        if site.id in overridden["site"] or site.membership_id in overridden["membership"]:
            continue
        variants = groups[(site.plan_id, 1), *site.addons.items()]
        variants.setdefault(_canonical(site.limits), _Variant(site.limits)).add(site)
    return groups


def _plan_limits(
    catalogue: Catalogue, groups: _Groups
) -> tuple[dict[int, Mapping[str, Any]], dict[str, str], list[str]]:
    limits: dict[int, Mapping[str, Any]] = {}
    evidence: dict[str, str] = {}
    questions: list[str] = []
    for product in catalogue.products.values():
        variants = list(groups.get(((product.id, 1),), {}).values())
        if len(variants) == 1:
            limits[product.id] = variants[0].limits
            evidence[product.slug] = f"{_sites(variants[0].count)} with this plan alone"
        elif variants:
            questions.append(_disagreement(product, variants))
    return limits, evidence, questions


def _unknown_plans(
    catalogue: Catalogue, groups: _Groups, known: Mapping[int, Mapping[str, Any]]
) -> Iterator[str]:
    for product in catalogue.products.values():
        alone = ((product.id, 1),) in groups
        if product.is_plan and product.id not in known and not alone:
            yield (
                f"{product.slug}: no site has only this plan, so its limits stay unknown; {IN_FILE}"
            )


def _disagreement(product: Product, variants: Sequence[_Variant]) -> str:
    usual, *odd = sorted(variants, key=lambda each: -each.count)
    example = odd[0]
    changes = "; ".join(
        f"{leaf.path} {leaf.after}, not {leaf.before}"
        for leaf in leaf_changes(usual.limits, example.limits)
    )
    ids = [site for each in odd for site in each.sites]
    total = sum(each.count for each in variants)
    return (
        f"{product.slug}: its {total} sites do not agree, so some have an override "
        f"(sites {_listed(ids, sum(each.count for each in odd))} differ; "
        f"site {example.sites[0]}: {changes})"
    )


def _addon_questions(
    catalogue: Catalogue, groups: _Groups, known: Mapping[int, Mapping[str, Any]]
) -> list[str]:
    """What one add-on, once, adds to a plan whose limits are known."""
    shown: dict[int, list[str]] = defaultdict(list)
    for products, variants in groups.items():
        plan = catalogue.get(products[0][0])
        if len(products) != 2 or products[1][1] != 1 or plan is None or plan.id not in known:
            continue
        for variant in variants.values():
            changes = "; ".join(
                f"{leaf.path} {leaf.before} → {leaf.after}"
                for leaf in leaf_changes(known[plan.id], variant.limits)
            )
            where = _listed(variant.sites, variant.count)
            shown[products[1][0]].append(
                f"on {plan.slug}: {changes or 'nothing visible'} [site {where}]"
            )
    return [
        f"{product.slug}: its limits cannot be derived, give them in the file ("
        + "; ".join(shown[product.id])
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


def _sites(count: int) -> str:
    return f"{count} site{'s' * (count != 1)}"


def _listed(ids: Sequence[int], count: int) -> str:
    shown = ", ".join(str(each) for each in ids[:_EXAMPLES])
    return shown if count <= _EXAMPLES else f"{shown} and {count - _EXAMPLES} more"
