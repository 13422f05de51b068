"""The sandbox on a real socket: a network that is alive as long as the process."""

from __future__ import annotations

import socket
import ssl
import struct
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from email.utils import formatdate
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from types import TracebackType
from typing import Any, ClassVar, Self

from bridge.errors import InvalidInput
from bridge.sandbox.examples import EXAMPLES, Example, populate
from bridge.sandbox.faults import Fault, Faults, no_faults
from bridge.sandbox.journal import Journal
from bridge.sandbox.network_state import Clock, NetworkState
from bridge.sandbox.plugin_stripe import PluginStripe
from bridge.sandbox.releases import Release
from bridge.sandbox.routes import Credentials, Routes
from bridge.sandbox.sockets import OpenConnections
from bridge.sandbox.users import ADMIN, ADMIN_PASSWORD
from bridge.sandbox.wire import FATAL_PAGE, Answer, Request, html_answer

Sleep = Callable[[float], None]


def system_clock() -> datetime:
    """The machine's time, aware, in UTC."""
    return datetime.now(UTC)


class AddressUnavailable(InvalidInput):
    """The sandbox cannot listen at {host}:{port}: {why}."""

    hint = "Port 0 takes a free one."


class SandboxNetwork:
    """A stand-in of a WordPress network that runs Ultimate Multisite, over real HTTP.

    Usable as a context manager; ``start`` and ``stop`` otherwise. ``state`` is what the
    network knows and what happened to it, ``journal`` what it was asked. Both may be used
    while it runs.

    Args:
        example: What the network holds at first: ``seed``, ``empty``, or a function that
            fills a state.
        memberships: How many made-up memberships to add to it.
        release: Which release to answer like: ``head``, ``2.4.12``, ``2.4.7``.
        latency: Seconds that every answer takes.
        clock: The network's time.
        state_file: Keep the state in this file; an existing one wins over ``example``.
        faults: Asked once for every request what shall go wrong.
        tls: Listen with TLS, as made by `bridge.sandbox.certificates`.
        xmlrpc: Whether its sites take XML-RPC calls.
        stripe: The plugin's own gateway, which acts when a membership is saved; without
            it, what it would do is only recorded.

    Raises:
        AddressUnavailable: the port is taken or not ours to take.
        StateFileUnusable: the state file cannot be opened or read.
    """

    def __init__(
        self,
        *,
        example: str | Example = "seed",
        memberships: int = 0,
        release: Release | str = Release.HEAD,
        latency: float = 0.0,
        clock: Clock = system_clock,
        state_file: Path | None = None,
        faults: Faults = no_faults,
        tls: ssl.SSLContext | None = None,
        xmlrpc: bool = True,
        stripe: PluginStripe | None = None,
        host: str = "127.0.0.1",
        port: int = 0,
        api_key: str = "sandbox-key",
        api_secret: str = "sandbox-secret",  # noqa: S107 - it guards nothing
        sleep: Sleep = time.sleep,
    ) -> None:
        self.api_key = api_key
        self.api_secret = api_secret
        self.wp_username = ADMIN
        self.wp_password = ADMIN_PASSWORD
        self.latency = latency
        self.faults: Faults = faults
        self.journal = Journal()
        self.state = NetworkState(
            clock=clock, release=Release(release), file=state_file, stripe=stripe
        )
        self.state.xmlrpc = xmlrpc
        if not self.state.restored:
            with self.state.changing():
                (EXAMPLES[example] if isinstance(example, str) else example)(self.state)
                populate(self.state, memberships)
                self.state.mark_ready()
        self._sleep = sleep
        self._routes = Routes(self.state, Credentials(api_key, api_secret))
        try:
            self._server = _Server((host, port), self, tls)
        except OSError as error:
            raise AddressUnavailable(host=host, port=port, why=error.strerror) from error
        self.state.scheme = "https" if tls else "http"
        self._thread: threading.Thread | None = None

    @property
    def url(self) -> str:
        """The main site's address, without a slash at the end."""
        host, port = self._server.server_address[:2]
        return f"{self.state.scheme}://{host!s}:{port}"

    def start(self) -> Self:
        """Serve in a thread of its own until ``stop``."""
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True
        )
        self._thread.start()
        return self

    def serve(self) -> None:
        """Serve in this thread until interrupted."""
        self._server.serve_forever()

    def stop(self) -> None:
        """Stop serving and cut all connections."""
        if self._thread:
            self._server.shutdown()
            self._thread.join()
        self._server.cut_connections()
        self._server.server_close()
        self.state.close()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        self.stop()

    def handle(self, request: Request, fault: Fault) -> Answer | None:
        """Answer one request, its fault and latency included; None to drop the connection."""
        if wait := self.latency + fault.delay:
            self._sleep(wait)
        answer: Answer | None = None
        if fault.drop == "before":
            pass
        elif fault.status is not None or fault.html is not None:
            page = html_answer(fault.html or FATAL_PAGE, status=fault.status or 200)
            answer = replace(page, headers={**page.headers, **fault.headers})
        else:
            answer = fault.answered(self._routes.answer(fault.asked(request)))
            if fault.drop == "after":
                answer = None
        self.journal.note(request, answer.status if answer else None)
        return answer

    def wait(self, seconds: float) -> None:
        """Let time pass, while an answer goes out slowly."""
        self._sleep(seconds)


class _Server(OpenConnections):
    def __init__(
        self, address: tuple[str, int], network: SandboxNetwork, tls: ssl.SSLContext | None
    ) -> None:
        self.network = network
        self._tls = tls
        super().__init__(address, _Handler)

    def get_request(self) -> tuple[Any, Any]:
        """The next connection; its handshake is left to its own thread."""
        connection, address = super().get_request()
        if self._tls is not None:
            connection = self._tls.wrap_socket(
                connection, server_side=True, do_handshake_on_connect=False
            )
        return connection, address


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = 1 << 16
    disable_nagle_algorithm = True
    server: _Server

    COMMON: ClassVar[dict[str, str]] = {
        "server": "planbridge-sandbox",
        "x-robots-tag": "noindex",
        "x-content-type-options": "nosniff",
        "access-control-expose-headers": "X-WP-Total, X-WP-TotalPages, Link",
        "access-control-allow-headers": (
            "Authorization, X-WP-Nonce, Content-Disposition, Content-MD5, Content-Type"
        ),
    }

    def _serve(self) -> None:
        length = int(self.headers.get("content-length") or 0)
        if "transfer-encoding" in self.headers:
            self.send_error(HTTPStatus.LENGTH_REQUIRED)
            return
        path, _, query = self.path.partition("?")
        request = Request(
            method=self.command,
            path=path,
            query_string=query,
            headers={name.lower(): value for name, value in self.headers.items()},
            body=self.rfile.read(length) if length else b"",
        )
        network = self.server.network
        fault = network.faults(request) or Fault()
        answer = network.handle(request, fault)
        if answer is None:
            self.close_connection = True
            return
        sent = self._head(answer, network)
        if self.command != "HEAD":
            sent += answer.content
        if fault.cut:
            self._reset_after(sent[: len(sent) - len(answer.content) // 2 - 1])
        elif fault.bytes_per_second:
            self._drip(sent, seconds=1 / fault.bytes_per_second)
        else:
            self.wfile.write(sent)

    def _reset_after(self, sent: bytes) -> None:
        self.wfile.write(sent)
        self.wfile.flush()
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close_connection = True

    def _drip(self, sent: bytes, *, seconds: float) -> None:
        self.close_connection = True
        for position in range(len(sent)):
            self.wfile.write(sent[position : position + 1])
            self.wfile.flush()
            self.server.network.wait(seconds)

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = do_OPTIONS = _serve  # noqa: N815

    def _head(self, answer: Answer, network: SandboxNetwork) -> bytes:
        """Status line and headers as they go out."""
        status = HTTPStatus(answer.status)
        headers = {
            **self.COMMON,
            "date": formatdate(network.state.clock().timestamp(), usegmt=True),
            "link": f'<{network.url}/wp-json/>; rel="https://api.w.org/"',
            "content-length": str(len(answer.content)),
            "connection": "keep-alive",
            **answer.headers,
        }
        lines = [f"{self.protocol_version} {status.value} {status.phrase}"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1", "replace")

    def log_message(self, format: str, *args: object) -> None:
        """The journal keeps what was asked."""
