"""Events whose objects lack something, or hold what nobody expects there: decided all the same."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest

from bridge.store.events import EventResult
from webhooks.decisions import Accept, Watch

from .delivery import FIXTURES, VERSIONS
from .test_stripe_events import decided

NAMES = [
    (version, path.stem)
    for version in VERSIONS
    for path in sorted((FIXTURES / version).glob("*.json"))
]
STRANGE: tuple[Any, ...] = (
    None,
    "",
    "strange",
    7,
    -1,
    10**18,
    True,
    [],
    [None],
    ["x"],
    {},
    {"id": None},
)


@pytest.mark.parametrize(("version", "name"), NAMES)
def test_nothing_that_lacks_or_is_strange_stops_a_decision(version: str, name: str) -> None:
    """Each field of the object and of what is in it, left out and replaced, one by one.

    A decision that fails is tried again until the event is given up: money may hang on it.
    """
    whole = json.loads((FIXTURES / version / f"{name}.json").read_text())
    for event in mutilated(whole):
        assert isinstance(decided(event), Accept | Watch | EventResult)


def mutilated(whole: dict[str, Any]) -> list[dict[str, Any]]:
    found = []
    for path in paths(whole["data"]["object"]):
        for value in (..., *STRANGE):
            event = copy.deepcopy(whole)
            place = event["data"]["object"]
            for step in path[:-1]:
                place = place[step]
            if value is ...:
                del place[path[-1]]
            else:
                place[path[-1]] = value
            found.append(event)
    for name in ("previous_attributes",):
        for value in STRANGE:
            event = copy.deepcopy(whole)
            event["data"][name] = value
            found.append(event)
    return found


def paths(thing: Any, *, depth: int = 3) -> list[tuple[Any, ...]]:
    """Where something could be wrong; deeper than that nothing is read."""
    steps = list(thing) if isinstance(thing, dict) else range(min(len(thing), 1))
    found: list[tuple[Any, ...]] = []
    for step in steps:
        found.append((step,))
        inner = thing[step]
        if depth > 1 and isinstance(inner, dict | list):
            found += [(step, *rest) for rest in paths(inner, depth=depth - 1)]
    return found
