"""The durable workflow of a change.

Its body is deterministic: what it does depends on the recorded results of its steps
alone. A body with other steps needs another `VERSION`, and the old one kept until its
last run has ended: a run of a version that no process has is stranded.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any

from dbos import DBOS

from bridge.upgrades.steps import STAGES, Next, Steps

VERSION = "planbridge-changes-2"
"""Which workflow bodies a process can continue."""

WAKE = "wake"
"""The topic on which a waiting workflow is told to try again now."""

CarryOut = Callable[[str], Coroutine[Any, Any, None]]


def register(steps: Steps) -> CarryOut:
    """Make the workflow known to the engine, with the steps that this process has."""

    @DBOS.workflow(name="carry_out_change", max_recovery_attempts=None)
    async def carry_out_change(change_id: str) -> None:
        for stage in STAGES:
            failures = 0
            while True:
                result: Next = await DBOS.run_step_async(
                    {"name": stage}, steps.run, stage, change_id, failures
                )
                if result["verdict"] == "end":
                    return
                if result["verdict"] == "go_on":
                    break
                woken = await DBOS.recv_async(WAKE, timeout_seconds=result["seconds"])
                failures = 0 if woken else failures + 1

    return carry_out_change
