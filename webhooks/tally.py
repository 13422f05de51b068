"""What this process took of Stripe and what it refused, counted since its start."""

from __future__ import annotations

from collections import Counter
from enum import StrEnum


class Outcome(StrEnum):
    """What became of a request. ``failed``: ours is the fault, Stripe delivers again."""

    STORED = "stored"
    DUPLICATE = "duplicate"
    REFUSED = "refused"
    FAILED = "failed"


class Tally:
    """Counts requests by network and outcome; the network is "" where there is no such one.

    Written by the event loop's thread, read by any.
    """

    def __init__(self) -> None:
        self._counts: Counter[tuple[str, Outcome]] = Counter()

    def note(self, network: str, outcome: Outcome) -> None:
        """One more. ``network`` must be one that exists: each name is kept for good."""
        self._counts[network, outcome] += 1

    def counts(self) -> dict[tuple[str, Outcome], int]:
        """The counts as they are now."""
        return dict(self._counts)
