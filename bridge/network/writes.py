"""Writing to a network: what is sent, and proof that it was stored.

The answer to a write proves nothing: it echoes what was asked, not what was stored, and a
500 "Code 2" may follow a write that was carried out (domain/live-findings.md §2.3). So every
write is read back and compared.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from enum import Enum

import orjson

from bridge.errors import InvalidInput
from bridge.network.answers import decode
from bridge.network.entities import Entity
from bridge.network.faults import (
    AnswerLost,
    BrokenAnswer,
    ConnectionLost,
    Fault,
    NotCreated,
    NothingChanged,
    TimedOut,
    WriteNotStored,
)
from bridge.network.listing import wire_time
from bridge.network.row import Row
from bridge.network.rows import ROWS
from bridge.network.schema import Schema, doubtful, needs_plain
from bridge.network.transport import Body, Params, Transport

# The same values again within the same second change no row: the network answers Code 2.
_NEXT_SECOND = 1.1
_WORTH_REPEATING = (NothingChanged, ConnectionLost, BrokenAnswer, TimedOut)


class Writer:
    """Creates and updates rows of one network, each proven by reading it back."""

    def __init__(
        self,
        transport: Transport,
        *,
        read: Callable[[Entity, int], Row],
        find: Callable[[Entity, Mapping[str, object]], list[Row]],
        schema: Callable[[Entity], Schema | None],
        sleep: Callable[[float], None],
    ) -> None:
        self._transport = transport
        self._read = read
        self._find = find
        self._schema = schema
        self._sleep = sleep

    def update(
        self, entity: Entity, row_id: int, fields: Mapping[str, object], *, plain: bool
    ) -> Row:
        """See `NetworkClient.update`."""
        asked = encode(fields)
        body = _body(asked, plain=plain or self._must_be_plain(entity, asked))
        row, doubt = self._put_and_read(entity, row_id, body)
        if isinstance(doubt, _WORTH_REPEATING) and _open(asked, row, doubt):
            self._sleep(_NEXT_SECOND)
            row, doubt = self._put_and_read(entity, row_id, body)
        if doubt is not None and not isinstance(doubt, NothingChanged) and _open(asked, row, doubt):
            raise doubt
        return self._proven(asked, row)

    def create(
        self,
        entity: Entity,
        fields: Mapping[str, object],
        *,
        once_by: Sequence[str],
        plain: bool,
    ) -> Row:
        """See `NetworkClient.create`."""
        asked = encode(fields)
        key = {name: asked[name] for name in once_by}
        if key and (existing := self._find(entity, key)):
            return existing[0]
        plain = plain or self._must_be_plain(entity, asked)
        schema = self._schema(entity) if plain else None
        params = _repeated(asked, schema.required) if schema else {}
        try:
            row_id = self._post(entity, _body(asked, plain=plain), params)
        except Fault as doubt:
            if not doubt.leaves_write_open:
                raise
            if key and (existing := self._find(entity, key)):
                return self._proven(asked, existing[0])
            raise AnswerLost(
                network=self._transport.network, entity=entity.value, reason=str(doubt)
            ) from doubt
        if not row_id:
            raise NotCreated(network=self._transport.network, entity=entity.value)
        return self._proven(asked, self._read(entity, row_id))

    def _post(self, entity: Entity, body: Body, params: Params) -> int:
        made = self._send("POST", f"/{entity}", body, params=params)
        try:
            return ROWS[entity].identity(made)
        except ValueError:
            raise self._broken(f"POST /{entity}", "a row without an id") from None

    def _must_be_plain(self, entity: Entity, asked: Mapping[str, object]) -> bool:
        # The schema is worth a request only where it may be wrong.
        return bool(doubtful(entity, asked)) and needs_plain(entity, asked, self._schema(entity))

    def _put_and_read(self, entity: Entity, row_id: int, body: Body) -> tuple[Row, Fault | None]:
        """Write once and read back; the fault is one that leaves open whether it was done."""
        doubt: Fault | None = None
        try:
            self._send("PUT", f"/{entity}/{row_id}", body)
        except Fault as fault:
            if not fault.leaves_write_open:
                raise
            doubt = fault
        try:
            return self._read(entity, row_id), doubt
        except Fault as unread:
            if doubt is None:
                raise
            raise doubt from unread

    def _send(
        self, method: str, path: str, body: Body, *, params: Params | None = None
    ) -> dict[str, object]:
        answer = self._transport.send(method, path, params=params, body=body)
        content = decode(answer, network=self._transport.network, salvage=False)
        if not isinstance(content, dict):
            raise self._broken(answer.request, "something that is no row")
        return content

    def _broken(self, request: str, what: str) -> BrokenAnswer:
        return BrokenAnswer(network=self._transport.network, request=request, what=what)

    def _proven(self, asked: Mapping[str, object], row: Row) -> Row:
        differences = list(row.differences(asked, row.raw))
        if differences:
            raise WriteNotStored(
                network=self._transport.network,
                entity=row.entity.value,
                id=row.id,
                differences=_told(differences),
            )
        return row


def encode(fields: Mapping[str, object]) -> dict[str, object]:
    """Fields in the network's own form, ``meta`` last.

    Amounts are major units as Decimal (`bridge.domain.money.to_major`), times aware; None
    clears a field. ``meta`` comes last because the network stores it before it looks at the
    fields behind it.

    Raises:
        InvalidInput: a time without zone, an ``id``, or a value that JSON does not know.
    """
    if "id" in fields:
        raise InvalidInput(what="A write of the field id", why="it crashes the network")
    ordered = sorted(fields, key=lambda name: name == "meta")
    # null is refused for dates (recordings membership/149). Inside a map it stays null: as a
    # limit it means something else than "" (domain/limits.md §3.1).
    return {name: "" if fields[name] is None else _encoded(name, fields[name]) for name in ordered}


def _encoded(name: str, value: object) -> object:
    match value:
        case None:
            return None
        case bool() | int() | float() | str():
            return value.value if isinstance(value, Enum) else value
        case Decimal():
            return int(value) if value == value.to_integral_value() else float(value)
        case datetime() if value.tzinfo is not None:
            return wire_time(value)
    if isinstance(value, Mapping):
        return {str(key): _encoded(name, each) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [_encoded(name, each) for each in value]
    raise InvalidInput(what=f"{name} = {value!r}", why="it has no form that a network knows")


def _body(asked: Mapping[str, object], *, plain: bool) -> Body:
    content_type = "text/plain" if plain else "application/json"
    return Body(data=orjson.dumps(asked), content_type=content_type)


def _repeated(asked: Mapping[str, object], names: Iterable[str]) -> Params:
    """Required fields once more for the query, where WordPress looks for them."""
    return {
        name: str(asked[name])
        for name in names
        if name in asked and isinstance(asked[name], (str, int, float))
    }


def _open(asked: Mapping[str, object], row: Row, doubt: Fault) -> bool:
    """Whether the row read back leaves open that a doubtful write was carried out."""
    if "meta" in asked and not isinstance(doubt, NothingChanged):
        return True  # never shown; with Code 2 it was written
    return any(True for _ in row.differences(asked, row.raw))


def _told(differences: Iterable[tuple[str, object, object]]) -> str:
    return "; ".join(f"{name} {shown!r}, not {asked!r}" for name, asked, shown in differences)
