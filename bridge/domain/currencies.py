"""How the plugin rounds a network's amounts (domain/plan-changes.md §9)."""

from __future__ import annotations

_ZERO_DECIMAL = frozenset(
    "BIF CLP DJF GNF HUF ISK JPY KMF KRW IRR MGA PYG RWF UGX VND VUV XAF XOF XPF".split()
)


def rounding_quantum(currency: str) -> int:
    """Ticks of the plugin's smallest amount: a whole unit or a cent, never three decimals."""
    return 10_000 if currency.upper() in _ZERO_DECIMAL else 100
