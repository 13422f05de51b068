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
    anywhere: bool = False,
) -> TaxRate | None:
    """The rate for an address, or None when nothing is taxed there.

    A matching country counts 10, a matching state or city 1, a wildcard or empty one a
    half; the plugin compares whole points and takes the last of the best. ``anywhere``
    lets rates of country ``*`` apply where no other does: the text says that the
    development head does so, its own results show that it does not, so ``parity``
    leaves it off and ``fair`` turns it on.
    """
    if terms.taxes is TaxMode.NONE or not country or not category:
        return None
    best: TaxRate | None = None
    best_points = 0
    fallback: TaxRate | None = None
    for rate in terms.tax_rates.get(category, ()):
        if rate.country == country:
            halves = 20 + _halves(rate.state, state) + _halves(rate.city, city)
            if halves // 2 >= best_points:
                best, best_points = rate, halves // 2
        elif rate.country == "*":
            fallback = rate
    if best is None and anywhere:
        return fallback
    return best


def _halves(listed: str, value: str) -> int:
    """Half points of a comma list of states or cities against the customer's."""
    names = [name for name in listed.split(",") if name]
    if value in names:
        return 2
    return 1 if not names or "*" in names else 0
