"""Connections whose answer must have begun within a time, however slowly it trickles in.

A socket's time-out starts anew with every byte, so a server that sends its headers a byte
at a time could hold a request for hours.
"""

from __future__ import annotations

import socket
import threading
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
        timer = threading.Timer(self.limit, self._cut)
        timer.daemon = True
        timer.start()
        try:
            return super().getresponse()
        finally:
            timer.cancel()

    def _cut(self) -> None:
        if isinstance(self.sock, socket.socket):
            # Not the TLS socket's own method: that one is not for another thread's use.
            with suppress(OSError):
                socket.socket.shutdown(self.sock, socket.SHUT_RDWR)
