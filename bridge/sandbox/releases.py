"""The plugin releases that the sandbox can answer like."""

from __future__ import annotations

from enum import StrEnum

from bridge.domain.limits import Release as LimitRules


class Release(StrEnum):
    """A recorded release; what sets them apart is in domain/live-findings.md §2.1."""

    HEAD = "head"
    V2_4_12 = "2.4.12"
    V2_4_7 = "2.4.7"

    @property
    def pages(self) -> bool:
        """Whether ``page``/``per_page`` and the total headers work."""
        return self is Release.HEAD

    @property
    def loads_meta(self) -> bool:
        """Whether fields kept in meta tables are filled when a row is read."""
        return self is Release.HEAD

    @property
    def filters_sites(self) -> bool:
        """Whether sites can be filtered by ``membership_id``, ``customer_id``, ``type``."""
        return self is Release.HEAD

    @property
    def has_settings_routes(self) -> bool:
        """Whether ``/settings`` exists (since 2.4.11)."""
        return self is not Release.V2_4_7

    @property
    def technical_prefix(self) -> str:
        """What stands before the names of leaked technical keys."""
        return "_" if self is Release.V2_4_7 else ""

    @property
    def limit_rules(self) -> LimitRules:
        """How this release composes limits."""
        return LimitRules.V2_4_13 if self is Release.HEAD else LimitRules.V2_4_12


BEFORE_2_4_8 = frozenset({Release.V2_4_7})
BEFORE_HEAD = frozenset({Release.V2_4_7, Release.V2_4_12})
