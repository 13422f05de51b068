"""Connections whose answer must have begun within a time, however slowly it trickles in.

A socket's time-out starts anew with every byte, so a server that sends its headers a byte
at a time could hold a request for hours.
"""

from __future__ import annotations

import math
import socket
import threading
import time
from contextlib import suppress
from typing import ClassVar

from requests.adapters import HTTPAdapter
from urllib3 import HTTPConnectionPool, HTTPResponse, HTTPSConnectionPool
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.util import Retry


def watched_adapter(*, pool: int, retries: Retry, seconds: float) -> HTTPAdapter:
    """An adapter that cuts a connection whose headers are not complete after ``seconds``."""

    class Plain(_Watched, HTTPConnection):
        limit = seconds

    class Tls(_Watched, HTTPSConnection):
        limit = seconds

    class PlainPool(HTTPConnectionPool):
        ConnectionCls = Plain

    class TlsPool(HTTPSConnectionPool):
        ConnectionCls = Tls

    adapter = HTTPAdapter(pool_connections=2, pool_maxsize=pool, max_retries=retries)
    adapter.poolmanager.pool_classes_by_scheme = {"http": PlainPool, "https": TlsPool}
    return adapter


class _Watched(HTTPConnection):
    limit: ClassVar[float]

    def getresponse(self) -> HTTPResponse:  # type: ignore[override]  # as urllib3 does
        _WATCHDOG.watch(self, until=time.monotonic() + self.limit)
        try:
            return super().getresponse()
        finally:
            _WATCHDOG.leave(self)

    def cut(self) -> None:
        if isinstance(self.sock, socket.socket):
            # Not the TLS socket's own method: that one is not for another thread's use.
            with suppress(OSError):
                socket.socket.shutdown(self.sock, socket.SHUT_RDWR)


class _Watchdog:
    """One thread that cuts every connection whose time is over.

    A thread for each request would cost more than the request itself. The thread is only
    woken for a time earlier than the one that it waits for, so mostly it is not.
    """

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._watched: dict[_Watched, float] = {}
        self._wakes_at = math.inf
        self._thread: threading.Thread | None = None

    def watch(self, connection: _Watched, *, until: float) -> None:
        """Cut a connection at a time of the monotonic clock, unless it is left before."""
        with self._changed:
            self._watched[connection] = until
            if self._thread is None or not self._thread.is_alive():  # or it stayed behind a fork
                self._wakes_at = until
                self._thread = threading.Thread(target=self._run, name="watchdog", daemon=True)
                self._thread.start()
            elif until < self._wakes_at:
                self._changed.notify()

    def leave(self, connection: _Watched) -> None:
        """The connection's answer has begun, or will not."""
        with self._changed:
            self._watched.pop(connection, None)

    def _run(self) -> None:
        with self._changed:
            while True:
                now = time.monotonic()
                for connection in [one for one, until in self._watched.items() if until <= now]:
                    del self._watched[connection]
                    connection.cut()
                self._wakes_at = min(self._watched.values(), default=math.inf)
                idle = math.isinf(self._wakes_at)
                self._changed.wait(None if idle else self._wakes_at - time.monotonic())


_WATCHDOG = _Watchdog()
