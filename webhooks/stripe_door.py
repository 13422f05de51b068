"""Taking Stripe's events: check, store, answer. Nothing else happens in the request.

What is refused costs no row, no query and no outbound call.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final

from pydantic import BaseModel
from sqlalchemy.exc import SQLAlchemyError
from starlette.types import ASGIApp, Receive, Scope, Send

from bridge.errors import NotFound, PlanbridgeError
from webhooks.bodies import header, read_body
from webhooks.endpoints import EndpointInfo, Endpoints
from webhooks.envelope import new_event
from webhooks.inbox import EventNotStored, Inbox, Receipt
from webhooks.signatures import TOLERANCE, verify
from webhooks.tally import Outcome, Tally

ADDRESS: Final = "/webhooks/stripe/"
"""Followed by the network's name."""

MAX_BODY: Final = 1024 * 1024
"""Bytes of an event at most; Stripe's are a few kilobytes, an invoice of many lines 200."""

_REFUSAL: Final = "planbridge.refusal"


class UnknownEndpoint(NotFound):
    """There is no Stripe endpoint for a network named {name!r}."""


class Acknowledgement(BaseModel):
    """The event is stored. ``duplicate`` when it had been stored before."""

    received: bool = True
    duplicate: bool


_NEW, _KNOWN = (
    Acknowledgement(duplicate=duplicate).model_dump_json().encode() for duplicate in (False, True)
)


class StripeReceiver:
    """Takes events and answers only after the commit.

    Args:
        inbox: Where events are stored; started and closed by the caller.
        endpoints: Networks and their signing secrets.
        clock: Aware UTC time of receipt.
        max_body: Bytes; a larger body is refused while it is being read.
        body_timeout: Seconds in which the body has to arrive.
        tolerance: Allowed distance of the signature's time, either way.
        tally: Counts what is taken and refused.
    """

    def __init__(
        self,
        inbox: Inbox,
        endpoints: Endpoints,
        *,
        clock: Callable[[], datetime],
        max_body: int = MAX_BODY,
        body_timeout: float = 10.0,
        tolerance: timedelta = TOLERANCE,
        tally: Tally | None = None,
    ) -> None:
        self._tally = tally or Tally()
        self._inbox = inbox
        self._endpoints = endpoints
        self._clock = clock
        self._max_body = max_body
        self._body_timeout = body_timeout
        self._tolerance = tolerance

    async def take(self, network: str, scope: Scope, receive: Receive) -> bytes:
        """Store the event of one request (ASGI); the `Acknowledgement` as JSON.

        Raises:
            PlanbridgeError: it was not taken; the error says why and how to answer.
        """
        known = ""
        try:
            endpoint = await self._endpoint(network)
            known = endpoint.name
            receipt = await self._store(endpoint, scope, receive)
        except PlanbridgeError as error:
            self._tally.note(known, Outcome.FAILED if error.status >= 500 else Outcome.REFUSED)
            raise
        self._tally.note(known, Outcome.DUPLICATE if receipt.duplicate else Outcome.STORED)
        return _KNOWN if receipt.duplicate else _NEW

    async def _store(self, endpoint: EndpointInfo, scope: Scope, receive: Receive) -> Receipt:
        body = await read_body(scope, receive, limit=self._max_body, timeout=self._body_timeout)
        now = self._clock()
        verify(
            body,
            header(scope, b"stripe-signature"),
            secrets=endpoint.secrets,
            now=now,
            tolerance=self._tolerance,
        )
        return await self._inbox.deliver(new_event(body, endpoint, now=now))

    async def _endpoint(self, name: str) -> EndpointInfo:
        try:
            endpoint = await self._endpoints.find(name)
        except SQLAlchemyError:
            raise EventNotStored from None
        if endpoint is None or not endpoint.secrets:
            raise UnknownEndpoint(name=name)
        return endpoint


class StripeDoor:
    """A door of its own for Stripe's events, before the rest of the application (ASGI).

    Finding the route and solving its parameters take the application longer than all that
    is done for an event. What is refused goes on to the application, whose route raises the
    refusal, so that it is answered as every error is.
    """

    def __init__(self, app: ASGIApp, *, receiver: StripeReceiver) -> None:
        self._app = app
        self._receiver = receiver

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        network = _addressed(scope)
        if not network:
            await self._app(scope, receive, send)
            return
        try:
            answer = await self._receiver.take(network, scope, receive)
        except Exception as error:
            scope[_REFUSAL] = error
            await self._app(scope, receive, send)
            return
        length = str(len(answer)).encode()
        headers = [(b"content-length", length), (b"content-type", b"application/json")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": answer})


def raise_refusal(scope: Scope) -> None:
    """Raise what the door refused a request for, if it did."""
    refusal: Exception | None = scope.get(_REFUSAL)
    if refusal is not None:
        raise refusal


def _addressed(scope: Scope) -> str:
    """The network that an event is posted to; "" where it is another request.

    Below a prefix (``root_path``) the application itself finds the way.
    """
    if scope["type"] != "http" or scope["method"] != "POST" or scope.get("root_path"):
        return ""
    path: str = scope["path"]
    name = path.removeprefix(ADDRESS)
    return "" if name == path or "/" in name else name
