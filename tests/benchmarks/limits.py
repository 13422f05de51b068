"""Compositions of limits a second on one core, beside a bare merge of the same rows."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from bridge.domain.limits import Release, compose

CASES = Path(__file__).parents[1] / "domain" / "cases" / "limits" / "2.4.13.jsonl"
SECONDS = 1.0


def rows() -> list[dict[str, object]]:
    """What was measured: compositions, and the bare merge that is the limit."""
    cases = [json.loads(line) for line in CASES.read_text().splitlines()]
    inputs = [
        {
            "plan": case["plan"],
            "addons": [(addon["limitations"], addon["quantity"]) for addon in case["addons"]],
            "membership": case["membership"],
            "site": case["site"],
        }
        for case in cases
    ]
    bare = _per_second(_merge_bare, inputs)
    ours = _per_second(_compose, inputs)
    return [
        {
            "what": "composition: plan, add-ons × quantity, two overrides",
            "per second": round(ours),
            "ratio": round(ours / bare, 3),
        },
        {"what": "bare merge of the same maps", "per second": round(bare), "ratio": 1.0},
    ]


def _compose(case: dict[str, Any]) -> object:
    return compose(
        plan=case["plan"],
        addons=case["addons"],
        membership=case["membership"],
        site=case["site"],
        release=Release.V2_4_13,
    )


def _merge_bare(case: dict[str, Any]) -> object:
    """The last value wins at every level: the least that any composition has to do."""
    merged: dict[str, Any] = {}
    for row, quantity in case["addons"]:
        for _ in range(quantity):
            _update(merged, row)
    for row in (case["plan"], case["membership"], case["site"]):
        _update(merged, row)
    return merged


def _update(into: dict[str, Any], row: Any) -> None:
    for key, value in dict(row).items():
        if isinstance(value, dict):
            inner = into.get(key)
            if not isinstance(inner, dict):
                inner = into[key] = {}
            _update(inner, value)
        else:
            into[key] = value


def _per_second(work: Callable[[dict[str, Any]], object], inputs: list[dict[str, Any]]) -> float:
    best = 0.0
    deadline = time.perf_counter() + SECONDS
    while time.perf_counter() < deadline:
        started = time.perf_counter()
        for case in inputs:
            work(case)
        best = max(best, len(inputs) / (time.perf_counter() - started))
    return best
