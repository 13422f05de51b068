"""How a site was found, compared with what it is to show."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final

from bridge.network.faults import (
    BrokenAnswer,
    ConnectionLost,
    HtmlInstead,
    ServerFault,
    TimedOut,
    UnreadableRow,
)

OF_ONE_SITE: Final = (
    BrokenAnswer,
    ConnectionLost,
    HtmlInstead,
    ServerFault,
    TimedOut,
    UnreadableRow,
)
"""Faults after which another site may well be readable, unless they come in a row."""


class Verdict(StrEnum):
    """What came of looking at a site."""

    EQUAL = "equal"
    DIFFERENT = "different"
    UNPROVEN = "unproven"
    GONE = "gone"


@dataclass(frozen=True, slots=True)
class Judged:
    """A site as it was found.

    ``note`` says why it could not be judged, what is gone, or which products changed on the
    network; ``differences`` and ``overrides`` are sentences. ``owners`` are those whose
    overrides seem to be the cause: membership, site, or one of both. ``products`` are those
    of its membership with quantities, the plan first.
    """

    site_id: int
    verdict: Verdict
    note: str = ""
    membership_id: int | None = None
    products: Mapping[int, int] = field(default_factory=dict)
    expected: Mapping[str, Any] = field(default_factory=dict)
    shown: Mapping[str, Any] = field(default_factory=dict)
    differences: tuple[str, ...] = ()
    overrides: tuple[str, ...] = ()
    owners: frozenset[str] = frozenset()

    @property
    def only_products(self) -> bool:
        """Nothing but changed products is the cause, so no override could be taken away."""
        return self.verdict is Verdict.DIFFERENT and bool(self.note) and not self.owners
