"""Limits of products that no site has alone, from what sites with several products show.

One row at a time: where all other products of a site are certain, what is left is the
product's own (`bridge.domain.limit_solving`). A row is proposed only if every site that has
the product is explained by it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from bridge.domain.catalogue import Catalogue
from bridge.domain.limit_diff import differences
from bridge.domain.limit_solving import Solved, hidden_modules, solve
from bridge.domain.limits import EffectiveLimits, LimitsRow, compose

IN_FILE = "give its limits in a file (`planbridge catalogue export`, then `import`)"


@dataclass(frozen=True, slots=True)
class Shown:
    """What all sites whose memberships have the same products show.

    ``products`` are ids with quantities, the plan first. ``several`` tells that more than
    one membership agrees.
    """

    products: tuple[tuple[int, int], ...]
    limits: Mapping[str, Any]
    sites: int
    several: bool

    @property
    def ids(self) -> frozenset[int]:
        """The products without quantities."""
        return frozenset(product for product, _ in self.products)

    def composed(self, rows: Mapping[int, LimitsRow]) -> EffectiveLimits:
        """What they come to by rows that are known of all of them."""
        (plan, _), *addons = self.products
        return compose(plan=rows[plan], addons=[(rows[each], count) for each, count in addons])

    def others(self, product_id: int, rows: Mapping[int, LimitsRow]) -> list[LimitsRow]:
        """The rows of the other products, as often as the membership has them."""
        return [
            rows[each] for each, count in self.products for _ in range(count) if each != product_id
        ]


@dataclass(slots=True)
class Derivation:
    """Derives rows from ``shown``; ``rows`` are those known, by product id.

    ``certain`` are products whose row was seen on a site that has nothing else; ``saved``
    those that were saved on the network after their row was taken, as far as can be told.
    """

    catalogue: Catalogue
    shown: Sequence[Shown]
    rows: dict[int, LimitsRow]
    certain: set[int]
    saved: frozenset[int]
    found: dict[int, LimitsRow] = field(default_factory=dict)
    _unclear: dict[int, tuple[str, ...]] = field(default_factory=dict)

    def run(self) -> None:
        """Derive what can be; each row that is found may be what another one needs."""
        while any(self._derive(one) for one in self.shown):
            pass

    def evidence(self) -> Iterator[tuple[int, int, list[str]]]:
        """Each product that was derived, the sites that show it, and what they have besides."""
        for product_id in self.found:
            having = [one for one in self.shown if product_id in one.ids]
            besides = {each for one in having for each in one.ids} - {product_id}
            yield product_id, sum(one.sites for one in having), sorted(map(self._slug, besides))

    def questions(self) -> Iterator[str]:
        """What could not be told, and what to do about it."""
        for product_id, modules in self._unclear.items():
            if product_id not in self.found:
                yield (
                    f"{self._slug(product_id)}: its {', '.join(modules)} cannot be told, since "
                    f"only sites with other products show it; {IN_FILE}"
                )
        for one in self.shown:
            suspects = self._suspects(one)
            if not suspects & self._unclear.keys() and (suspects or self._contradicts(one)):
                yield self._disagreement(one, suspects)
        for product_id in sorted(self.saved & self.rows.keys() - self.certain):
            if hidden := self._hidden(product_id):
                yield (
                    f"{self._slug(product_id)}: saved on the network after its limits were taken, "
                    f"but no site shows its {', '.join(hidden)}, which stay as known; if they "
                    f"changed, {IN_FILE}"
                )

    def _derive(self, one: Shown) -> bool:
        suspects = self._suspects(one)
        if len(suspects) != 1:
            return False
        (product_id,) = suspects
        having = [each for each in self.shown if product_id in each.ids]
        known = self.rows.get(product_id)
        if known is not None and product_id not in self.saved and not self._supported(having):
            return False  # it may be an override of that one membership
        solved = self._solved(one, product_id)
        if solved.unclear:
            self._unclear[product_id] = solved.unclear
            return False
        rows = {**self.rows, product_id: solved.row}
        if any(self._refutes(each, product_id, rows) for each in having):
            return False
        self.rows[product_id] = self.found[product_id] = solved.row
        return True

    def _refutes(self, one: Shown, product_id: int, rows: Mapping[int, LimitsRow]) -> bool:
        """Whether a row does not explain what is shown, and no other product's could."""
        others = one.ids - self.certain - self.found.keys() - {product_id}
        return not others & self.saved and one.ids <= rows.keys() and _differs(one, rows)

    def _supported(self, having: Sequence[Shown]) -> bool:
        return len(having) > 1 or having[0].several

    def _suspects(self, one: Shown) -> frozenset[int]:
        """The products of which one must have another row; none where all is explained, or
        where each of them is certain. Add-ons that were never known are left out: the plan
        hides too much of them.
        """
        settled = self.certain | self.found.keys()
        unknown = one.ids - self.rows.keys()
        if unknown:
            return unknown if unknown == {one.products[0][0]} else frozenset()
        if not _differs(one, self.rows):
            return frozenset()
        suspects = one.ids - settled
        suspects = (suspects & self.saved) or suspects
        if len(suspects) > 1:
            explained = [each for each in self.shown if self._explained(each)]
            suspects = suspects.difference(*(each.ids for each in explained)) or suspects
        return suspects

    def _explained(self, one: Shown) -> bool:
        return one.ids <= self.rows.keys() and not _differs(one, self.rows)

    def _contradicts(self, one: Shown) -> bool:
        return one.ids <= self.rows.keys() and _differs(one, self.rows)

    def _solved(self, one: Shown, product_id: int) -> Solved:
        return solve(
            one.limits,
            composed=lambda row: one.composed({**self.rows, product_id: row}),
            others=one.others(product_id, self.rows),
            quantity=dict(one.products)[product_id],
            known=self.rows.get(product_id),
        )

    def _hidden(self, product_id: int) -> list[str]:
        """Modules of a known row that no site shows."""
        row = self.rows[product_id]
        hidden = set(row)
        for one in self.shown:
            if product_id in one.ids <= self.rows.keys():
                hidden &= hidden_modules(
                    row,
                    composed=lambda each, one=one: one.composed(  # type: ignore[misc]
                        {**self.rows, product_id: each}
                    ),
                    others=one.others(product_id, self.rows),
                )
        return sorted(hidden)

    def _disagreement(self, one: Shown, suspects: frozenset[int]) -> str:
        names = " and ".join(self._slug(each) for each, _ in one.products)
        which = " or ".join(map(self._slug, sorted(suspects))) or names
        found = "; ".join(each.sentence for each in _differences(one, self.rows))
        return (
            f"{which}: {one.sites} site{'s' * (one.sites != 1)} with {names} show other limits "
            f"than the catalogue comes to ({found}), and they do not tell by which product or "
            f"override; `planbridge drift scan` looks for overrides, or {IN_FILE}"
        )

    def _slug(self, product_id: int) -> str:
        product = self.catalogue.get(product_id)
        return product.slug if product else f"product {product_id}"


def _differences(one: Shown, rows: Mapping[int, LimitsRow]) -> Sequence[Any]:
    return differences(one.composed(rows), one.limits)


def _differs(one: Shown, rows: Mapping[int, LimitsRow]) -> bool:
    return bool(_differences(one, rows))
