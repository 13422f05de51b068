"""What every request has to be before anything reads it: bearable in size, and text (ASGI)."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from typing import Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from bridge.errors import InvalidInput, NotFound, PlanbridgeError
from webhooks.bodies import header, read_body

MAX_BODY: Final = 1024 * 1024
"""Bytes; the largest that is asked for is an upload of 512 KiB."""

BODY_TIMEOUT: Final = 30.0
"""Seconds in which a body has to arrive."""

_WITH_BODY = frozenset({"POST", "PUT", "PATCH", "DELETE"})
_OWN_READERS = "/webhooks/"
_LARGEST = 2**63 - 1
_DIGITS = 19  # that many has the largest
_NUMBER = re.compile(r"/-?([0-9]{19,})(?=/|$)")
_FORM = "application/x-www-form-urlencoded"

Answer = Callable[[Request, PlanbridgeError], Awaitable[Response]]


class NulCharacter(InvalidInput):
    """The {where} holds a NUL character, which no name and no text here can."""

    status = 400


class NumberTooLarge(NotFound):
    """There is nothing here: no id has more than 64 bits."""


class Gate:
    """Refuses what no route could make sense of; the rest goes on with its body read.

    PostgreSQL keeps no NUL character in a text, and no database a number beyond 64 bits, so
    an address with one would fail in a query.
    What comes to ``/webhooks/`` is read there, with limits of its own.
    """

    def __init__(self, app: ASGIApp, *, refuse: Answer) -> None:
        self._app = app
        self._refuse = refuse

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] == "http":
            try:
                receive = await _let_in(scope, receive)
            except PlanbridgeError as error:
                answer = await self._refuse(Request(scope), error)
                await answer(scope, receive, send)
                return
        await self._app(scope, receive, send)


async def _let_in(scope: Scope, receive: Receive) -> Receive:
    path: str = scope["path"]
    if "\0" in path or b"%00" in scope["query_string"]:
        raise NulCharacter(where="address")
    if path.startswith(_OWN_READERS):
        return receive
    if any(len(number) > _DIGITS or int(number) > _LARGEST for number in _NUMBER.findall(path)):
        raise NumberTooLarge
    if scope["method"] not in _WITH_BODY:
        return receive
    body = await read_body(scope, receive, limit=MAX_BODY, timeout=BODY_TIMEOUT)
    if (b"%00" in body or b"\0" in body) and (header(scope, b"content-type") or "").startswith(
        _FORM
    ):
        raise NulCharacter(where="form")
    return _again(body, receive)


def _again(body: bytes, receive: Receive) -> Receive:
    """Gives a body that was read, then whatever else comes."""
    rest: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def given() -> Message:
        return rest.pop() if rest else await receive()

    return given
