"""A server that sends exactly the bytes it is told to, on a real socket."""

from __future__ import annotations

import json
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Request:
    """One request as it came in."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


Step = bytes | Callable[[socket.socket], None]
Script = Callable[[Request], Step]


@dataclass
class Server:
    """What was asked, and how to answer: a script, or answers in the order given."""

    url: str = ""
    requests: list[Request] = field(default_factory=list)
    answers: list[Step] = field(default_factory=list)
    script: Script | None = None

    def next(self, request: Request) -> Step:
        self.requests.append(request)
        if self.script is not None:
            return self.script(request)
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]

    @property
    def methods(self) -> list[str]:
        """The verbs in order, without the looks at the schema."""
        return [each.method for each in self.requests if each.method != "OPTIONS"]


def answer(
    body: object = b"",
    status: int | str = 200,
    *,
    headers: dict[str, str] | None = None,
    content_type: str = "application/json; charset=UTF-8",
) -> bytes:
    """A whole answer; anything but bytes is sent as JSON."""
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    lines = {
        "Content-Type": content_type,
        "Content-Length": str(len(content)),
        "Connection": "close",
        **(headers or {}),
    }
    head = "".join(f"{name}: {value}\r\n" for name, value in lines.items() if value)
    return f"HTTP/1.1 {status} X\r\n{head}\r\n".encode() + content


def error(code: str, status: int, message: str = "No.", **data: object) -> bytes:
    """An error as WordPress words it."""
    return answer({"code": code, "message": message, "data": data or {"status": status}}, status)


def reset(sent: bytes = b"") -> Callable[[socket.socket], None]:
    """Send that much, then reset the connection."""

    def act(connection: socket.socket) -> None:
        connection.sendall(sent)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    return act


def silence(connection: socket.socket) -> None:
    """Answer nothing until the other side gives up."""
    with suppress(OSError):
        connection.recv(1)


def drip(sent: bytes, *, first: int) -> Callable[[socket.socket], None]:
    """Send the first bytes at once and the others one by one, a hundred a second."""

    def act(connection: socket.socket) -> None:
        connection.sendall(sent[:first])
        connection.settimeout(0.01)
        for position in range(first, len(sent)):
            try:
                if connection.recv(1) == b"":
                    return
            except TimeoutError:
                pass
            connection.sendall(sent[position : position + 1])

    return act


@contextmanager
def serving(server: Server) -> Iterator[Server]:
    """Run a server while the block lasts."""
    listener = socket.create_server(("127.0.0.1", 0))
    server.url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    connections: list[socket.socket] = []

    def accept() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            connections.append(connection)
            threading.Thread(target=_serve, args=(server, connection), daemon=True).start()

    thread = threading.Thread(target=accept, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        for connection in connections:
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        thread.join()


def _serve(server: Server, connection: socket.socket) -> None:
    with connection, connection.makefile("rb") as stream, suppress(OSError):
        while (request := _request(stream)) is not None:
            step = server.next(request)
            if not isinstance(step, bytes):
                step(connection)
                return
            connection.sendall(step)
            if b"Connection: close" in step:
                return


def _request(stream: Any) -> Request | None:
    first = stream.readline().decode().split()
    if len(first) < 2:
        return None
    headers: dict[str, str] = {}
    while line := stream.readline().decode().strip():
        name, _, value = line.partition(":")
        headers[name.lower()] = value.strip()
    body = stream.read(int(headers.get("content-length", 0)))
    return Request(first[0], first[1], headers, body)
