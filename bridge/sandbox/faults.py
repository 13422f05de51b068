"""What can go wrong between a network and its client, on demand."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, TypeAlias

from bridge.sandbox.wire import Request


@dataclass(frozen=True, slots=True)
class Fault:
    """What happens to one request instead of, or beside, its answer.

    Attributes:
        delay: Seconds to wait before anything else.
        status: Answer with this status and ``html`` (or a short page), doing nothing.
        html: Body of that answer; alone it goes out with status 200, as a login page or a
            maintenance page would.
        drop: Close the connection without an answer, ``before`` or ``after`` the request
            was carried out.
    """

    delay: float = 0.0
    status: int | None = None
    html: str | None = None
    drop: Literal["before", "after"] | None = None


Faults: TypeAlias = Callable[[Request], Fault | None]
"""Asked once for every request."""


def no_faults(_request: Request) -> None:
    """Everything works."""
