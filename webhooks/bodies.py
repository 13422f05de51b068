"""The body of a request: all of it, in time, and no more than is allowed."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import ClassVar

from starlette.types import Receive, Scope

from bridge.errors import InvalidInput


class BodyTooLarge(InvalidInput):
    """The body is larger than {limit} bytes."""

    status = 413
    headers: ClassVar[Mapping[str, str]] = {"Connection": "close"}


class BodyTooSlow(InvalidInput):
    """The body did not arrive within {seconds:g} seconds."""

    status = 408
    headers: ClassVar[Mapping[str, str]] = {"Connection": "close"}


class BodyCutOff(InvalidInput):
    """The connection ended before the body was complete."""

    status = 400


def header(scope: Scope, name: bytes) -> str | None:
    """The first header of that name, which is given in small letters; None without one."""
    for key, value in scope["headers"]:
        if key == name:
            text: str = value.decode("latin-1")
            return text
    return None


async def read_body(scope: Scope, receive: Receive, *, limit: int, timeout: float) -> bytes:
    """The raw body, never holding more than ``limit`` bytes and one chunk of it.

    Args:
        scope: The request's head (ASGI).
        receive: Gives the next part of its body (ASGI).
        limit: Bytes.
        timeout: Seconds in which all of it has to arrive.

    Raises:
        BodyTooLarge, BodyTooSlow, BodyCutOff: it is not taken.
    """
    declared = header(scope, b"content-length") or ""
    if declared.isdecimal() and int(declared) > limit:
        raise BodyTooLarge(limit=limit)
    chunks: list[bytes] = []
    size = 0
    try:
        async with asyncio.timeout(timeout):
            more = True
            while more:
                message = await receive()
                if message["type"] == "http.disconnect":
                    raise BodyCutOff
                chunk: bytes = message.get("body", b"")
                size += len(chunk)
                if size > limit:
                    raise BodyTooLarge(limit=limit)
                chunks.append(chunk)
                more = message.get("more_body", False)
    except TimeoutError:
        raise BodyTooSlow(seconds=timeout) from None
    return chunks[0] if len(chunks) == 1 else b"".join(chunks)
