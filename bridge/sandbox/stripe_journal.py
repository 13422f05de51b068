"""What was asked of the Stripe stand-in, for tests to look at."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class StripeRequest:
    """One request to the API and how it was answered; without credentials.

    Attributes:
        params: As nested by their brackets; all values are texts.
        version: The ``Stripe-Version`` that was asked for, or the account's.
        status: None when the connection was dropped instead.
        replayed: Answered from an earlier request of the same idempotency key.
        faulty: A planned fault happened to it.
    """

    method: str
    path: str
    params: Mapping[str, Any]
    version: str
    idempotency_key: str | None
    request_id: str
    status: int | None
    replayed: bool
    faulty: bool

    @property
    def is_write(self) -> bool:
        """Whether it asked for a change."""
        return self.method != "GET"


class StripeJournal:
    """All requests since the start or the last ``clear``, oldest first."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._requests: list[StripeRequest] = []

    def note(self, request: StripeRequest) -> None:
        """Add a request."""
        with self._lock:
            self._requests.append(request)

    def clear(self) -> None:
        """Forget everything noted so far."""
        with self._lock:
            self._requests.clear()

    def writes(self, path_part: str = "") -> list[StripeRequest]:
        """The requests that asked for a change, of paths containing ``path_part``."""
        return [each for each in self if each.is_write and path_part in each.path]

    def __iter__(self) -> Iterator[StripeRequest]:
        with self._lock:
            return iter(list(self._requests))

    def __len__(self) -> int:
        return len(self._requests)

    def __getitem__(self, index: int) -> StripeRequest:
        with self._lock:
            return self._requests[index]
