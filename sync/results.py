"""What a sync did, entity by entity, and what it is doing while it runs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any, TypeAlias

from bridge.errors import NetworkError


@dataclass(frozen=True, slots=True)
class PageDone:
    """A page has been stored. ``rows`` of ``total`` are done; newer networks alone tell a
    total, and it is a hint.
    """

    entity: str
    page: int
    rows: int
    total: int | None
    complete: bool = False


Progress: TypeAlias = Callable[[PageDone], None]

Clock: TypeAlias = Callable[[], datetime]


@dataclass(frozen=True, slots=True, kw_only=True)
class EntityResult:
    """What became of the rows of one entity.

    ``incremental``: only what may have changed was looked at, so ``rows`` are those.
    ``resumed_at`` is the page an interrupted pass went on from, ``repeated`` False where the
    interrupted run had ended this entity already. ``unreadable`` are sentences about rows
    that could not be taken; ``error`` is why the pass stopped before its end.
    """

    entity: str
    incremental: bool = False
    rows: int = 0
    created: int = 0
    changed: int = 0
    removed: int = 0
    resumed_at: int | None = None
    repeated: bool = True
    seconds: float = 0.0
    unreadable: tuple[str, ...] = ()
    error: str = ""

    @property
    def unchanged(self) -> int:
        """Rows that were as the mirror had them."""
        return self.rows - self.created - self.changed

    @property
    def differences(self) -> int:
        """Rows written or removed."""
        return self.created + self.changed + self.removed

    def as_json(self) -> dict[str, Any]:
        """Plain JSON."""
        return {**asdict(self), "unchanged": self.unchanged}


@dataclass(frozen=True, slots=True, kw_only=True)
class SyncResult:
    """What a sync of one network did. ``faults`` are what kept it from doing all of it."""

    network: str
    entities: tuple[EntityResult, ...]
    notes: tuple[str, ...] = ()
    faults: tuple[NetworkError, ...] = field(default=(), repr=False)

    @property
    def complete(self) -> bool:
        """Everything asked for was seen and taken."""
        return not self.faults and not any(each.unreadable for each in self.entities)

    @property
    def differences(self) -> int:
        """Rows written or removed, all entities together."""
        return sum(each.differences for each in self.entities)

    def of(self, entity: str) -> EntityResult:
        """The result of one entity; KeyError when it was not part of the sync."""
        for each in self.entities:
            if each.entity == entity:
                return each
        raise KeyError(entity)

    def as_json(self) -> dict[str, Any]:
        """Plain JSON."""
        return {
            "network": self.network,
            "complete": self.complete,
            "entities": [each.as_json() for each in self.entities],
            "notes": list(self.notes),
            "errors": [str(fault) for fault in self.faults],
        }
