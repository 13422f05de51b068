"""Query strings as PHP reads them: ``a[]=1&b[0][key]=x`` gives lists and maps."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import parse_qsl

_BRACKET = re.compile(r"\[([^\]]*)\]")


def parse_query(query_string: str) -> dict[str, Any]:
    """The parameters by name. ``name[]`` and ``name[0]`` give a list, other keys a map."""
    nested: dict[str, Any] = {}
    for key, value in parse_qsl(query_string, keep_blank_values=True):
        name, bracket, rest = key.partition("[")
        path = [name, *_BRACKET.findall(bracket + rest)]
        level = nested
        for part in path[:-1]:
            key_here = _key(part, level)
            if not isinstance(level.get(key_here), dict):
                level[key_here] = {}
            level = level[key_here]
        level[_key(path[-1], level)] = value
    return {name: _as_list(value) for name, value in nested.items()}


def _key(part: str, level: dict[str, Any]) -> str:
    return part or str(len(level))


def _as_list(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    inner = {key: _as_list(each) for key, each in value.items()}
    if list(inner) == [str(position) for position in range(len(inner))]:
        return list(inner.values())
    return inner
