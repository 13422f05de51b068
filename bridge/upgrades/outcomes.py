"""How one try of one stage ends, and the names under which stages leave notes for others."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from bridge.store.tables import ChangeState

CHECK: Final = "check"
PAYMENT: Final = "payment"
"""Stages whose notes others read."""

BEFORE: Final = "before"
"""In the notes of `CHECK`: limits in force by site id, before the membership was written."""

OTHER_PRODUCTS: Final = "other_products"
"""In the notes of `CHECK`: the network has changed the membership since the quote."""


@dataclass(frozen=True, slots=True)
class Done:
    """The stage is done; ``final`` ends the change in that state, for ``reason``."""

    detail: Mapping[str, Any] = field(default_factory=dict)
    final: ChangeState | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Again:
    """Not done: it is tried again, and until then ``reason`` is shown.

    ``stuck`` says that only somebody else can remove the cause: the operator is told at
    once and the next try comes late. ``retry_after`` is how many seconds the network asked
    for.
    """

    reason: str
    detail: Mapping[str, Any] = field(default_factory=dict)
    stuck: bool = False
    retry_after: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Backoff:
    """How long to wait before the next try, in seconds.

    The n-th failure waits ``waits[n]``, later ones the last. After ``patience`` failures
    the operator is told. What is stuck waits at least ``stuck``.
    """

    waits: tuple[float, ...] = (1, 2, 5, 15, 60, 300, 900, 3600)
    patience: int = 4
    stuck: float = 900

    def wait(self, failures: int, again: Again) -> float:
        """Seconds from this failure (the first is 0) to the next try."""
        planned = self.waits[min(failures, len(self.waits) - 1)]
        least = self.stuck if again.stuck else 0.0
        return max(planned, least, again.retry_after or 0.0)

    def told(self, failures: int, again: Again) -> bool:
        """Whether the operator is to look at it."""
        return again.stuck or failures + 1 >= self.patience


DEFAULT_BACKOFF = Backoff()

Outcome = Done | Again
