"""What was asked of the sandbox, for tests to look at."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from dataclasses import dataclass

from bridge.sandbox.forms import Json
from bridge.sandbox.wire import Request

_SECRETS = re.compile(r"(?<![\w-])(api[_-](?:key|secret)=)[^&]*")

_METHOD = re.compile(rb"<methodName>([\w.]+)</methodName>")


@dataclass(frozen=True, slots=True)
class Exchange:
    """One request and how it was answered; without credentials.

    ``status`` is None when the connection was dropped instead of answered. ``body`` is the
    request's, as JSON data or as text, of an XML-RPC call its method only; None when empty.
    """

    method: str
    path: str
    query: str
    body: Json
    status: int | None

    @property
    def is_write(self) -> bool:
        """Whether it asked for a change."""
        return self.method not in ("GET", "HEAD", "OPTIONS")


class Journal:
    """All exchanges since the start or the last ``clear``, oldest first."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._exchanges: list[Exchange] = []

    def note(self, request: Request, status: int | None) -> None:
        """Add an exchange."""
        body = request.json_body if request.body else None
        if request.body and body is None:
            called = _METHOD.search(request.body)
            body = (called[1] if called else request.body).decode(errors="replace")
        if isinstance(body, dict):
            body = {key: value for key, value in body.items() if not key.startswith("api")}
        exchange = Exchange(
            method=request.method,
            path=request.path,
            query=_SECRETS.sub(r"\1…", request.query_string),
            body=body,
            status=status,
        )
        with self._lock:
            self._exchanges.append(exchange)

    def clear(self) -> None:
        """Forget everything noted so far."""
        with self._lock:
            self._exchanges.clear()

    def writes(self, path_part: str = "") -> list[Exchange]:
        """The exchanges that asked for a change, of paths containing ``path_part``."""
        return [each for each in self if each.is_write and path_part in each.path]

    def __iter__(self) -> Iterator[Exchange]:
        with self._lock:
            return iter(list(self._exchanges))
