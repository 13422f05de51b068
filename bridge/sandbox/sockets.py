"""What the stand-ins' servers have in common: threads, and connections that can be cut."""

from __future__ import annotations

import socket
import ssl
import sys
import threading
from contextlib import suppress
from http.server import ThreadingHTTPServer
from typing import Any


class OpenConnections(ThreadingHTTPServer):
    """A server that knows its open connections: a client may keep one for hours, and a stand-in
    is to stop when it is told to.
    """

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, address: tuple[str, int], handler: Any) -> None:
        self._open: set[Any] = set()
        self._open_lock = threading.Lock()
        super().__init__(address, handler)

    def process_request(self, request: Any, client_address: Any) -> None:
        """Remember the connection, to be able to cut it."""
        with self._open_lock:
            self._open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        """Forget the connection."""
        with self._open_lock:
            self._open.discard(request)
        super().shutdown_request(request)

    def cut_connections(self) -> None:
        """Cut what clients keep open; the thread of each closes it."""
        with self._open_lock:
            still_open = list(self._open)
        for connection in still_open:
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that went away is not worth a word; anything else is a fault in here."""
        if not isinstance(sys.exception(), (ConnectionError, ssl.SSLError)):
            super().handle_error(request, client_address)
