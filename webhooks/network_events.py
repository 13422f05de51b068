"""``POST /webhooks/network/{network}/{token}``: the plugin's own calls, taken as hints.

They are unsigned, may tell of made-up objects, and hold up WordPress until they are
answered (domain/live-findings.md §4). So only the ids are taken from them: which rows to
read again. The answer comes before anything is done.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Annotated, Any, Final

import orjson
from fastapi import APIRouter, Query, Request
from pydantic import BaseModel

from bridge.errors import NotFound
from webhooks.bodies import read_body
from webhooks.network_tokens import NetworkTokens

PATH: Final = "/webhooks/network"

MAX_BODY: Final = 64 * 1024
"""Bytes; what was seen are two kilobytes."""

TAKEN_EVENTS: Final = (
    "payment_received",
    "renewal_payment_created",
    "payment_failed",
    "invoice_sent",
    "membership_expired",
    "site_published",
    "domain_created",
)
"""Events that really fire and tell of a row that is mirrored.

``confirm_email_address`` fires, too, but carries a secret link.
"""

_ENTITIES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "membership_id": "membership",
        "payment_id": "payment",
        "customer_id": "customer",
        "site_id": "site",
        "domain_id": "domain",
    }
)
_LARGEST = 2**53
_DIGITS = 16  # of the largest; Python refuses to read a number of thousands
_IN_A_LOG = re.compile(rf"({PATH}/[^/\s?]+/)[^/\s?]+")

Take = Callable[[str, Mapping[str, int]], None]
"""Called with the network's name and the ids by entity; must return at once."""


class UnknownCaller(NotFound):
    """There is no such address."""


class Noted(BaseModel):
    """What the call told of will be read from the network; ``rows`` how many rows."""

    rows: int


def network_router(tokens: NetworkTokens, *, take: Take, body_timeout: float = 5.0) -> APIRouter:
    """The route. A wrong token and an unknown network are the same 404.

    Args:
        tokens: Which token belongs to which network.
        take: Notes what is to be read again.
        body_timeout: Seconds in which the body has to arrive.
    """
    router = APIRouter(tags=["webhooks"])

    @router.post(
        PATH + "/{network}/{token}",
        status_code=202,
        responses={
            404: {"description": "No such network, or not its token"},
            408: {"description": "The body came too slowly"},
            413: {"description": "The body is too large"},
        },
    )
    async def receive_network_call(
        network: str,
        token: str,
        request: Request,
        event: Annotated[str, Query(max_length=80, description="Which event it is.")] = "",
    ) -> Noted:
        """Note which rows the network's plugin speaks of; never its values."""
        if not tokens.fits(network, token):
            raise UnknownCaller
        body = await read_body(request.scope, request.receive, limit=MAX_BODY, timeout=body_timeout)
        told = ids_told(body)
        if told:
            take(network, told)
        return Noted(rows=len(told))

    return router


def ids_told(body: bytes) -> dict[str, int]:
    """The ids in a payload by entity; empty where it is none of the plugin's."""
    try:
        payload: Any = orjson.loads(body)
    except orjson.JSONDecodeError:
        return {}
    if not isinstance(payload, dict):
        return {}
    found = {entity: _id(payload.get(key)) for key, entity in _ENTITIES.items()}
    return {entity: row_id for entity, row_id in found.items() if row_id}


def _id(value: object) -> int:
    text = value if isinstance(value, (str, int)) and not isinstance(value, bool) else ""
    number = str(text)
    plain = number.isascii() and number.isdecimal() and len(number) <= _DIGITS
    return int(number) if plain and int(number) < _LARGEST else 0


def address(base: str, network: str, event: str, tokens: NetworkTokens) -> str:
    """Where a network is to send an event: the body itself does not say which one it is."""
    return f"{base.rstrip('/')}{PATH}/{network}/{tokens.of(network)}?event={event}"


class TokensHidden(logging.Filter):
    """Takes tokens out of the lines of an access log."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Let every line pass, without its token."""
        if isinstance(record.args, tuple):
            record.args = tuple(
                _IN_A_LOG.sub(r"\1…", each) if isinstance(each, str) else each
                for each in record.args
            )
        return True
