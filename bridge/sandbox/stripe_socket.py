"""The socket that the Stripe stand-in is reached by."""

from __future__ import annotations

from collections.abc import Callable
from http.server import BaseHTTPRequestHandler
from typing import TypeAlias

from bridge.sandbox.sockets import OpenConnections
from bridge.sandbox.wire import Answer, Request

Handle: TypeAlias = Callable[[Request], Answer | None]


class StripeSocket(OpenConnections):
    """Listens, and answers with what ``handle`` says; None drops the connection."""

    def __init__(self, address: tuple[str, int], handle: Handle) -> None:
        self.answer = handle
        super().__init__(address, _Handler)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = 1 << 16
    disable_nagle_algorithm = True
    server: StripeSocket

    def _serve(self) -> None:
        length = int(self.headers.get("content-length") or 0)
        path, _, query = self.path.partition("?")
        request = Request(
            method=self.command,
            path=path,
            query_string=query,
            headers={name.lower(): value for name, value in self.headers.items()},
            body=self.rfile.read(length) if length else b"",
        )
        answer = self.server.answer(request)
        if answer is None:
            self.close_connection = True
            return
        self.send_response(answer.status)
        for name, value in answer.headers.items():
            self.send_header(name, value)
        self.send_header("content-length", str(len(answer.content)))
        self.end_headers()
        self.wfile.write(answer.content)

    do_GET = do_POST = do_DELETE = _serve  # noqa: N815

    def log_message(self, format: str, *args: object) -> None:
        """The journal keeps what was asked."""
