"""The address Stripe posts to: check, store, answer. Nothing else happens in the request.

Errors are raised as `bridge.errors.PlanbridgeError`; the application shows them as problem
JSON (RFC 9457). What is refused costs no row, no query and no outbound call.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from datetime import datetime, timedelta
from typing import Any, ClassVar

from fastapi import APIRouter, Request, Response
from fastapi.routing import APIRoute
from pydantic import BaseModel
from sqlalchemy.exc import SQLAlchemyError
from starlette.requests import ClientDisconnect

from bridge.errors import InvalidInput, NotFound
from webhooks.endpoints import EndpointInfo, Endpoints
from webhooks.envelope import new_event
from webhooks.inbox import EventNotStored, Inbox
from webhooks.signatures import TOLERANCE, verify

MAX_BODY = 1024 * 1024
"""Bytes of an event at most; Stripe's are a few kilobytes, an invoice of many lines 200."""


class UnknownEndpoint(NotFound):
    """There is no Stripe endpoint for a network named {name!r}."""


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


class Acknowledgement(BaseModel):
    """The event is stored. ``duplicate`` when it had been stored before."""

    received: bool = True
    duplicate: bool


_NEW, _KNOWN = (
    Acknowledgement(duplicate=duplicate).model_dump_json().encode() for duplicate in (False, True)
)

_PARAMETERS = [
    {"name": "network", "in": "path", "required": True, "schema": {"type": "string"}},
    {"name": "stripe-signature", "in": "header", "required": False, "schema": {"type": "string"}},
]

_REFUSALS: dict[int | str, dict[str, Any]] = {
    400: {"description": "Signature missing, unreadable, expired or of the future; no event"},
    401: {"description": "The signature does not fit"},
    404: {"description": "No such network"},
    408: {"description": "The body came too slowly"},
    413: {"description": "The body is too large"},
    503: {"description": "Not stored: deliver it again"},
}


class _Direct(APIRoute):
    """A documented route whose function takes the request as it came and makes the answer.

    Solving its parameters and checking its answer take FastAPI longer than all that is done
    here for an event.
    """

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """The function itself."""
        function: Callable[[Request], Coroutine[Any, Any, Response]] = self.endpoint
        return function


def stripe_router(
    inbox: Inbox,
    endpoints: Endpoints,
    *,
    clock: Callable[[], datetime],
    max_body: int = MAX_BODY,
    body_timeout: float = 10.0,
    tolerance: timedelta = TOLERANCE,
) -> APIRouter:
    """``POST /webhooks/stripe/{network}``, answering 2xx only after the commit.

    Args:
        inbox: Where events are stored; started and closed by the caller.
        endpoints: Networks and their signing secrets.
        clock: Aware UTC time of receipt.
        max_body: Bytes; a larger body is refused while it is being read.
        body_timeout: Seconds in which the body has to arrive.
        tolerance: Allowed distance of the signature's time, either way.
    """
    router = APIRouter(tags=["webhooks"], route_class=_Direct)

    @router.post(
        "/webhooks/stripe/{network}",
        response_model=Acknowledgement,
        responses=_REFUSALS,
        openapi_extra={"parameters": _PARAMETERS},
    )
    async def receive_stripe_event(request: Request) -> Response:
        """Take one event from Stripe, signed with the network's endpoint secret."""
        endpoint = await _endpoint(endpoints, request.path_params["network"])
        body = await read_body(request, limit=max_body, timeout=body_timeout)
        now = clock()
        header = request.headers.get("stripe-signature")
        verify(body, header, secrets=endpoint.secrets, now=now, tolerance=tolerance)
        receipt = await inbox.deliver(new_event(body, endpoint, now=now))
        answer = _KNOWN if receipt.duplicate else _NEW
        return Response(answer, media_type="application/json")

    return router


async def _endpoint(endpoints: Endpoints, name: str) -> EndpointInfo:
    try:
        endpoint = await endpoints.find(name)
    except SQLAlchemyError:
        raise EventNotStored from None
    if endpoint is None or not endpoint.secrets:
        raise UnknownEndpoint(name=name)
    return endpoint


async def read_body(request: Request, *, limit: int, timeout: float) -> bytes:
    """The raw body, never holding more than ``limit`` bytes and one chunk of it.

    Raises:
        BodyTooLarge, BodyTooSlow, BodyCutOff: it is not taken.
    """
    declared = request.headers.get("content-length", "")
    if declared.isdecimal() and int(declared) > limit:
        raise BodyTooLarge(limit=limit)
    chunks: list[bytes] = []
    size = 0
    try:
        async with asyncio.timeout(timeout):
            async for chunk in request.stream():
                size += len(chunk)
                if size > limit:
                    raise BodyTooLarge(limit=limit)
                chunks.append(chunk)
    except TimeoutError:
        raise BodyTooSlow(seconds=timeout) from None
    except ClientDisconnect:
        raise BodyCutOff from None
    return b"".join(chunks)
