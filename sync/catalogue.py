"""The catalogue of a network: what a file or the network itself says, against what is kept.

A `Proposal` is compared first (`differences`), shown to the operator, and only then taken
(`take`). Slugs and major units end at the edge (`from_file`, `to_file`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from sqlmodel import Session

from bridge.domain.catalogue import Catalogue, PriceVariation, Product
from bridge.domain.money import exponent, to_major, to_minor
from bridge.domain.periods import Period
from bridge.domain.terms import NetworkTerms, TaxRate
from bridge.errors import InvalidCatalogue
from bridge.store.limits import OWN, LimitsOwner, save_limits
from bridge.store.networks import id_of, network_terms, save_terms
from bridge.store.prices import replace_addons, replace_variations
from bridge.store.readers import load_catalogue
from bridge.store.tables import Network
from bridge.store.terms import terms_to_json
from sync.catalogue_file import (
    CatalogueFile,
    Lines,
    NetworkSection,
    ProductSection,
    TaxRateEntry,
    VariationEntry,
)
from sync.fair_section import fair_section, fair_terms, named_plans
from sync.leaves import leaf_changes
from sync.results import Clock

UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """What is proposed, by product id. ``terms`` are the whole terms, None to leave them.

    ``limits`` are whole rows, variations all of a product, add-ons product ids.
    ``source`` is ``file`` or ``learned``.
    """

    source: str
    terms: NetworkTerms | None = None
    limits: Mapping[int, Mapping[str, Any]] = field(default_factory=dict)
    variations: Mapping[int, Sequence[PriceVariation]] = field(default_factory=dict)
    addons: Mapping[int, Sequence[int]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing that taking a proposal would change; ``before`` and ``after`` for people."""

    subject: str
    what: str
    before: str
    after: str

    @property
    def sentence(self) -> str:
        """``premium, limits visits.limit: 1000 → 2000``."""
        return f"{self.subject}, {self.what}: {self.before} → {self.after}"


def from_file(session: Session, network: Network, file: CatalogueFile, lines: Lines) -> Proposal:
    """What a file proposes for this network.

    Raises:
        InvalidCatalogue: it names products that the network does not have, an amount with
            more decimals than the currency, or a period twice; all of it at once.
    """
    ids = {product.slug: product.id for product in _catalogue(session, network).products.values()}
    problems: list[str] = []
    if file.network.fair is not None:
        problems += [
            f"{lines.where(('network', 'fair', 'paths'))}: the network has no product {slug!r}"
            for slug in named_plans(file.network.fair)
            if slug not in ids
        ]
        if problems:
            raise InvalidCatalogue(problems="; ".join(problems))
    terms = _terms(file.network, network_terms(network), ids)
    limits: dict[int, Mapping[str, Any]] = {}
    variations: dict[int, Sequence[PriceVariation]] = {}
    addons: dict[int, Sequence[int]] = {}
    for slug, section in file.products.items():
        here = ("products", slug)
        product_id = ids.get(slug)
        if product_id is None:
            problems.append(f"{lines.where(here)}: the network has no product {slug!r}")
            continue
        if section.limits is not None:
            limits[product_id] = section.limits
        if section.price_variations is not None:
            found = _variations(section.price_variations, terms.currency)
            variations[product_id] = found
            problems += _wrong_variations(section.price_variations, terms.currency, lines, here)
        if section.available_addons is not None:
            problems += [
                f"{lines.where((*here, 'available_addons', index))}: "
                f"the network has no product {addon!r}"
                for index, addon in enumerate(section.available_addons)
                if addon not in ids
            ]
            addons[product_id] = [ids[each] for each in section.available_addons if each in ids]
    if problems:
        raise InvalidCatalogue(problems="; ".join(problems))
    return Proposal(source="file", terms=terms, limits=limits, variations=variations, addons=addons)


def to_file(session: Session, network: Network) -> CatalogueFile:
    """Everything that is kept, as a file; unknown limits are left out."""
    terms = network_terms(network)
    catalogue = _catalogue(session, network)
    slugs = {product.id: product.slug for product in catalogue.products.values()}
    return CatalogueFile(
        format=1,
        network=NetworkSection(
            currency=terms.currency,
            taxes=terms.taxes,
            tax_rates={
                category: [
                    TaxRateEntry(
                        title=rate.title,
                        country=rate.country,
                        rate=rate.rate,
                        state=rate.state,
                        city=rate.city,
                        compound=rate.compound,
                    )
                    for rate in rates
                ]
                for category, rates in terms.tax_rates.items()
            },
            policy="parity" if terms.policy == "parity" else "fair",
            timezone=terms.timezone,
            allow_trial_without_payment_method=terms.allow_trial_without_payment_method,
            fair=fair_section(terms.fair, slugs),
        ),
        products={
            product.slug: ProductSection(
                limits=None if product.limits is None else dict(product.limits),
                price_variations=[
                    VariationEntry(
                        period=each.period.key, amount=to_major(each.amount, terms.currency)
                    )
                    for each in product.variations
                ],
                available_addons=[
                    slugs[each] for each in product.available_addons if each in slugs
                ],
            )
            for product in catalogue.products.values()
        },
    )


def differences(session: Session, network: Network, proposal: Proposal) -> list[Difference]:
    """What taking the proposal would change, terms first, then product by product."""
    catalogue = _catalogue(session, network)
    found = []
    if proposal.terms is not None:
        before, after = terms_to_json(network_terms(network)), terms_to_json(proposal.terms)
        found += [
            Difference("network", leaf.path, leaf.before, leaf.after)
            for leaf in leaf_changes(before, after)
        ]
    for product in catalogue.products.values():
        found += _product_differences(product, proposal, catalogue)
    return found


def take(session: Session, network: Network, proposal: Proposal, *, clock: Clock) -> None:
    """Keep what is proposed; the caller commits."""
    network_id = id_of(network)
    if proposal.terms is not None:
        save_terms(session, network, proposal.terms)
    save_limits(
        session,
        network_id,
        {LimitsOwner("product", each): row for each, row in proposal.limits.items()},
        kind=OWN,
        source=proposal.source,
        now=clock(),
    )
    replace_variations(session, network_id, proposal.variations, source=proposal.source)
    replace_addons(session, network_id, proposal.addons, source=proposal.source)


def _catalogue(session: Session, network: Network) -> Catalogue:
    return load_catalogue(session, id_of(network))


def _terms(section: NetworkSection, known: NetworkTerms, ids: Mapping[str, int]) -> NetworkTerms:
    given = section.given()
    if section.fair is not None:
        given["fair"] = fair_terms(section.fair, known.fair, ids)
    if section.tax_rates is not None:
        given["tax_rates"] = {
            category: tuple(TaxRate(**rate.model_dump()) for rate in rates)
            for category, rates in section.tax_rates.items()
        }
    return replace(known, **given)


def _variations(entries: Sequence[VariationEntry], currency: str) -> list[PriceVariation]:
    return [
        PriceVariation(Period.parse(each.period), to_minor(each.amount, currency))
        for each in entries
    ]


def _wrong_variations(
    entries: Sequence[VariationEntry], currency: str, lines: Lines, path: tuple[str, ...]
) -> Iterator[str]:
    seen: set[str] = set()
    for index, each in enumerate(entries):
        where = lines.where((*path, "price_variations", index))
        if to_major(to_minor(each.amount, currency), currency) != each.amount:
            yield f"{where}: {currency} has {exponent(currency)} decimals, not {each.amount}"
        if each.period in seen:
            yield f"{where}: {each.period} is given twice"
        seen.add(each.period)


def _product_differences(
    product: Product, proposal: Proposal, catalogue: Catalogue
) -> Iterator[Difference]:
    row = proposal.limits.get(product.id)
    if row is not None and row != product.limits:
        if product.limits is None:
            yield Difference(product.slug, "limits", UNKNOWN, _modules(row))
        else:
            for leaf in leaf_changes(product.limits, row):
                yield Difference(product.slug, f"limits {leaf.path}", leaf.before, leaf.after)
    variations = proposal.variations.get(product.id)
    if variations is not None and _prices(variations) != _prices(product.variations):
        yield Difference(
            product.slug,
            "price variations",
            _priced(product.variations, product.currency),
            _priced(variations, product.currency),
        )
    addons = proposal.addons.get(product.id)
    if addons is not None and tuple(addons) != product.available_addons:
        yield Difference(
            product.slug,
            "available add-ons",
            _named(product.available_addons, catalogue),
            _named(addons, catalogue),
        )


def _prices(variations: Sequence[PriceVariation]) -> dict[Period, int]:
    return {each.period: each.amount for each in variations}


def _priced(variations: Sequence[PriceVariation], currency: str) -> str:
    listed = [f"{each.period.key} {to_major(each.amount, currency)}" for each in variations]
    return ", ".join(listed) or "none"


def _named(ids: Sequence[int], catalogue: Catalogue) -> str:
    found = [catalogue.get(each) for each in ids]
    return ", ".join(each.slug if each else "?" for each in found) or "none"


def _modules(row: Mapping[str, Any]) -> str:
    return ", ".join(row) or "no limits of its own"
