"""Why a site shows other limits than expected, by what other sites show.

Stock REST shows none of the rows that limits are composed of (domain/limits.md §3). But the
row of a product acts on every site that has it, that of a membership on all its sites, and
that of a site on itself alone.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeAlias

from bridge.domain.limit_diff import LimitDifference
from bridge.domain.limit_modules import Path
from bridge.domain.limit_overrides import MEMBERSHIP, SITE

EITHER = f"{MEMBERSHIP} or {SITE}"

Leaf: TypeAlias = tuple[str, Path]
"""A limit: its module, and the way to it inside the module."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """What one site shows: its products with quantities, and the limits that differ there."""

    products: Mapping[int, int]
    differences: Mapping[Leaf, LimitDifference]


class Saved(Protocol):
    """When a product was saved on the network, beside when its limits were taken."""

    def since(self, product_id: int) -> bool:
        """It was saved after its limits were taken into the catalogue."""

    def never_since(self, product_id: int) -> bool:
        """Its limits were learned from the network, and it was not saved after that."""


@dataclass(frozen=True, slots=True)
class Cause:
    """What a limit differs by: rows of ``products``, or else an override of ``owner``."""

    products: tuple[int, ...] = ()
    owner: str = ""


def attribute(
    site: Evidence,
    *,
    others: Sequence[Evidence],
    siblings: Sequence[Evidence],
    saved: Saved,
) -> dict[Leaf, Cause]:
    """The cause of each limit that differs on a site.

    ``others`` are sites of other memberships that share a product with it, ``siblings`` the
    other sites of its own; none of them with an override that we know of.
    """
    return {
        leaf: Cause(products=found)
        if (found := _changed_products(leaf, site, others, saved))
        else Cause(owner=_owner(leaf, site, siblings))
        for leaf in site.differences
    }


def _changed_products(
    leaf: Leaf, site: Evidence, others: Sequence[Evidence], saved: Saved
) -> tuple[int, ...]:
    cleared: set[int] = set()
    accusers: list[frozenset[int]] = []
    seen: set[int] = set()
    for other in others:
        common = site.products.keys() & other.products.keys()
        seen |= common
        found = other.differences.get(leaf)
        if found is None:
            # With products of its own it might hide what the common ones have.
            if other.products.keys() <= site.products.keys():
                cleared |= common
        elif other.products != site.products or found.shown == site.differences[leaf].shown:
            accusers.append(frozenset(common))
    accused = {
        each
        for each in site.products
        if each not in cleared
        and _accused(each, sum(each in one for one in accusers), saved, unseen=each not in seen)
    }
    if len(accused) > 1:
        accused = _narrowed(accused, lambda each: all(each in one for one in accusers))
        accused = _narrowed(accused, saved.since)
    return tuple(sorted(accused))


def _accused(product: int, times: int, saved: Saved, *, unseen: bool) -> bool:
    if times == 1:
        return not saved.never_since(product)
    return times > 1 or (unseen and saved.since(product))


def _narrowed(products: set[int], fits: Callable[[int], bool]) -> set[int]:
    return {each for each in products if fits(each)} or products


def _owner(leaf: Leaf, site: Evidence, siblings: Sequence[Evidence]) -> str:
    found = [sibling.differences.get(leaf) for sibling in siblings]
    if None in found:
        return SITE
    shown = site.differences[leaf].shown
    if any(one is not None and one.shown == shown for one in found):
        return MEMBERSHIP
    return EITHER
