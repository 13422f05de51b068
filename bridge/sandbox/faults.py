"""What can go wrong between a network and its client, on demand."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from bridge.sandbox.wire import Answer, Request


def _unaltered(request: Request) -> Request:
    return request


def _as_it_is(answer: Answer) -> Answer:
    return answer


@dataclass(frozen=True, slots=True)
class Fault:
    """What happens to one request instead of, or beside, its answer.

    Attributes:
        delay: Seconds to wait before anything else.
        status: Answer with this status and ``html`` (or a short page), doing nothing.
        html: Body of that answer; alone it goes out with status 200, as a login page or a
            maintenance page would.
        headers: Headers of that answer.
        drop: Close the connection without an answer, ``before`` or ``after`` the request
            was carried out.
        asked: What arrives of the request.
        answered: What becomes of the answer that the network made.
        cut: Send half of the body, then reset the connection.
        bytes_per_second: Send the answer that slowly, headers included; 0 is at once.
    """

    delay: float = 0.0
    status: int | None = None
    html: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    drop: Literal["before", "after"] | None = None
    asked: Callable[[Request], Request] = _unaltered
    answered: Callable[[Answer], Answer] = _as_it_is
    cut: bool = False
    bytes_per_second: float = 0.0


Faults: TypeAlias = Callable[[Request], Fault | None]
"""Asked once for every request."""


def no_faults(_request: Request) -> None:
    """Everything works."""
