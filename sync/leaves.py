"""Two documents side by side, leaf by leaf, as they are stored."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import orjson

ABSENT = "absent"


@dataclass(frozen=True, slots=True)
class LeafChange:
    """A leaf that differs; both sides as JSON text, ``absent`` where there is none."""

    path: str
    before: str
    after: str


def leaf_changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[LeafChange]:
    """Every leaf that differs, keys of ``before`` first."""
    yield from _compare("", before, after)


def _compare(path: str, before: Any, after: Any) -> Iterator[LeafChange]:
    if isinstance(before, Mapping) and isinstance(after, Mapping) and (before or after):
        for key in dict.fromkeys((*before, *after)):
            here = f"{path}.{key}" if path else str(key)
            yield from _compare(here, before.get(key, _Absent), after.get(key, _Absent))
    elif before != after or isinstance(before, bool) != isinstance(after, bool):
        yield LeafChange(path, _shown(before), _shown(after))


class _Absent:
    """Neither null nor anything else."""


def _shown(value: Any) -> str:
    return ABSENT if value is _Absent else orjson.dumps(value).decode()
