"""Credit that a membership keeps from one change to the next (the fair policy).

The plugin forgets credit beyond the price (domain/plan-changes.md §5.1, example 15);
here it is settled against the next change. Nothing is paid out.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Settlement:
    """How a price was met. All amounts are of one unit and never negative.

    ``due + from_credit + from_ledger`` is the price; ``to_ledger`` is the credit that
    was not needed.
    """

    due: int
    from_credit: int
    from_ledger: int
    to_ledger: int


NOTHING = Settlement(0, 0, 0, 0)


def settle(price: int, *, credit: int, balance: int, keep_excess: bool = True) -> Settlement:
    """Meet a price with the credit of this change first, then with the ledger's balance."""
    from_credit = min(price, credit)
    from_ledger = min(price - from_credit, balance)
    return Settlement(
        due=price - from_credit - from_ledger,
        from_credit=from_credit,
        from_ledger=from_ledger,
        to_ledger=credit - from_credit if keep_excess else 0,
    )
