"""From signed bytes to an event of the inbox."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime

import orjson

from bridge.errors import InvalidInput
from bridge.store.events import NewEvent
from webhooks.endpoints import EndpointInfo

# What goes into indexed text columns: printable ASCII, as all of Stripe's ids and types are.
# PostgreSQL would refuse a NUL, and one bad row must not spoil a transaction of many.
_NAME = re.compile(r"[!-~]{1,255}")
_LAST_SECOND = 253_402_300_799


class NotAnEvent(InvalidInput):
    """The body is not a Stripe event: {why}."""

    status = 400


def new_event(body: bytes, endpoint: EndpointInfo, *, now: datetime) -> NewEvent:
    """The inbox' row of a body whose signature was right.

    Raises:
        NotAnEvent: not JSON, or not an object of Stripe's type ``event``.
    """
    try:
        event = orjson.loads(body)
    except orjson.JSONDecodeError:
        raise NotAnEvent(why="it is not JSON") from None
    if not isinstance(event, dict) or event.get("object") != "event":
        raise NotAnEvent(why='expected an object whose "object" is "event"')
    data = event.get("data")
    if not isinstance(data, dict) or not isinstance(data.get("object"), dict):
        raise NotAnEvent(why='"data.object" is missing')
    return NewEvent(
        network_id=endpoint.network_id,
        account=_account(event.get("account"), endpoint),
        event_id=_name(event, "id"),
        type=_name(event, "type"),
        api_version=_name(event, "api_version") if event.get("api_version") else "",
        livemode=event.get("livemode") is True,
        payload=body,
        created=_created(event.get("created")),
        received_at=now,
    )


def _account(named: object, endpoint: EndpointInfo) -> str:
    """The account that the event id is unique in.

    The endpoint's, unless the event names another (Stripe Connect). What an endpoint says of
    an account that is not its own is kept apart, so that it can never stand in the way of
    the real event of that account.
    """
    if endpoint.account and named in (None, "", endpoint.account):
        return endpoint.account
    return f"network:{endpoint.name}"


def _name(event: Mapping[str, object], key: str) -> str:
    value = event.get(key)
    if not isinstance(value, str) or not _NAME.fullmatch(value):
        raise NotAnEvent(why=f'"{key}" is not a name')
    return value


def _created(value: object) -> datetime:
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= _LAST_SECOND:
        raise NotAnEvent(why='"created" is not a time in seconds')
    return datetime.fromtimestamp(value, UTC)
