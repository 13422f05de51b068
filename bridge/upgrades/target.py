"""What a change is to make of a membership, fixed when it is accepted.

Kept as plain JSON in the change, so that a second run writes the same as the first.
"""

from __future__ import annotations

from typing import Any

from bridge.store.quotes import GivenQuote, target_to_json


def target_of(given: GivenQuote, *, paid: bool) -> dict[str, Any]:
    """The target of a quote; empty where the quote has none.

    Keys beside those of `TargetState`: ``paid``, whether money was collected; ``basis``, how
    the membership stood when the price was made; and ``date_expiration`` where the change
    moves it (ISO text, or None for lifetime; missing means: leave it).
    """
    if given.quote.target is None:
        return {}
    return {
        **target_to_json(given.quote.target),
        "paid": paid,
        "basis": given.basis,
    }
