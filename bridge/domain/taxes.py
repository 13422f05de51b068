"""Which tax rate a line carries (domain/plan-changes.md §7)."""

from __future__ import annotations

from bridge.domain.terms import NetworkTerms, TaxMode, TaxRate


def applicable_rate(
    terms: NetworkTerms,
    category: str,
    *,
    country: str,
    state: str = "",
    city: str = "",
    fair: bool = False,
) -> TaxRate | None:
    """The rate for an address, or None when nothing is taxed there.

    A matching country counts 10, a matching state or city 1, a wildcard or empty one a
    half; the best rate applies, of equal ones the last. The plugin compares whole points,
    so that half a point decides nothing, and its results show that rates of country ``*``
    never apply, whatever the text says of the development head. ``fair`` lets half points
    decide, and the rates of ``*`` apply where no other does.
    """
    if terms.taxes is TaxMode.NONE or not country or not category:
        return None
    best: TaxRate | None = None
    best_points = 0
    unit = 1 if fair else 2
    fallback: TaxRate | None = None
    for rate in terms.tax_rates.get(category, ()):
        if rate.country == country:
            points = (20 + _halves(rate.state, state) + _halves(rate.city, city)) // unit
            if points >= best_points:
                best, best_points = rate, points
        elif rate.country == "*":
            fallback = rate
    return fallback if best is None and fair else best


def _halves(listed: str, value: str) -> int:
    """Half points of a comma list of states or cities against the customer's."""
    names = [name for name in listed.split(",") if name]
    if value in names:
        return 2
    return 1 if not names or "*" in names else 0
