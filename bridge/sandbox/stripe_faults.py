"""What can go wrong between Stripe and its caller, on demand."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Literal

from bridge.sandbox.stripe_errors import ApiError


@dataclass(frozen=True, slots=True)
class Fault:
    """What happens to a request instead of, or beside, its answer.

    Attributes:
        delay: Seconds to wait before anything else.
        refusal: Answer with this and do nothing.
        drop: Close the connection without an answer, ``before`` or ``after`` the request took
            effect.
        remembered: The refusal is what the idempotency key stands for from now on, as it is
            with Stripe's own errors of status 500.
    """

    delay: float = 0.0
    refusal: ApiError | None = None
    drop: Literal["before", "after"] | None = None
    remembered: bool = False


def latency(seconds: float) -> Fault:
    """A slow answer."""
    return Fault(delay=seconds)


def rate_limited(*, retry_after: int | None = 1, should_retry: bool | None = None) -> Fault:
    """429 with ``Retry-After`` and, if given, ``Stripe-Should-Retry``."""
    return Fault(refusal=too_many(retry_after=retry_after, should_retry=should_retry))


def lock_timeout() -> Fault:
    """429 ``lock_timeout``: another request holds the object. To be repeated."""
    return Fault(
        refusal=ApiError(
            "This object cannot be accessed right now because another API request or Stripe "
            "process is currently accessing it. If you see this error intermittently, retry "
            "the request.",
            status=429,
            code="lock_timeout",
            headers={"stripe-should-retry": "true"},
        )
    )


def server_error(
    status: int = 500, *, should_retry: bool | None = None, remembered: bool = False
) -> Fault:
    """An error of Stripe's own, before anything was done."""
    return Fault(
        refusal=ApiError(
            "An unknown error occurred",
            status=status,
            kind="api_error",
            headers=_hint(should_retry),
        ),
        remembered=remembered,
    )


def dropped(when: Literal["before", "after"]) -> Fault:
    """A connection that breaks before or after the request took effect."""
    return Fault(drop=when)


def too_many(*, retry_after: int | None, should_retry: bool | None = None) -> ApiError:
    """The refusal of one request too many."""
    headers = _hint(should_retry)
    if retry_after is not None:
        headers["retry-after"] = str(retry_after)
    return ApiError(
        "Request rate limit exceeded. You can learn more about rate limits here "
        "https://stripe.com/docs/rate-limits.",
        status=429,
        code="rate_limit",
        headers={**headers, "stripe-rate-limited-reason": "global-rate"},
    )


def _hint(should_retry: bool | None) -> dict[str, str]:
    if should_retry is None:
        return {}
    return {"stripe-should-retry": "true" if should_retry else "false"}


@dataclass(slots=True)
class _Planned:
    fault: Fault
    method: str
    path: str
    left: int | None
    skip: int


@dataclass(slots=True)
class Faults:
    """The faults that are planned, and a limit on requests for each second."""

    now: Callable[[], int]
    _planned: list[_Planned] = field(default_factory=list)
    _per_second: int | None = None
    _second: tuple[int, int] = (0, 0)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def add(
        self,
        fault: Fault,
        *,
        method: str = "*",
        path: str = "*",
        times: int | None = 1,
        skip: int = 0,
    ) -> None:
        """Let a fault happen to the next requests of this method and path.

        Args:
            fault: What happens.
            method: ``POST`` and so on; ``*`` for all.
            path: A pattern such as ``/v1/subscriptions*``.
            times: To how many requests; None for all.
            skip: How many fitting requests go well first.
        """
        with self._lock:
            self._planned.append(_Planned(fault, method, path, times, skip))

    def limit(self, per_second: int | None) -> None:
        """Refuse more requests than this within one second of the stand-in's clock."""
        with self._lock:
            self._per_second = per_second

    def clear(self) -> None:
        """Everything goes well from now on."""
        with self._lock:
            self._planned.clear()
            self._per_second = None

    def next(self, method: str, path: str) -> Fault:
        """What happens to this request."""
        with self._lock:
            for planned in self._planned:
                if not (fnmatchcase(method, planned.method) and fnmatchcase(path, planned.path)):
                    continue
                if planned.skip:
                    planned.skip -= 1
                    continue
                if planned.left is not None:
                    planned.left -= 1
                    if not planned.left:
                        self._planned.remove(planned)
                return planned.fault
            return self._limited()

    def _limited(self) -> Fault:
        if self._per_second is None:
            return Fault()
        now = self.now()
        second, count = self._second
        count = count + 1 if second == now else 1
        self._second = (now, count)
        return rate_limited() if count > self._per_second else Fault()
