"""Walking through all rows of an entity, on every release, without being led in circles."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, TypeAlias

from bridge.network.answers import Answer, Json, whole_number
from bridge.network.entities import Entity
from bridge.network.faults import BrokenAnswer, PagingIgnored, UnreadableRow
from bridge.network.row import Row
from bridge.network.rows import ROWS
from bridge.network.transport import Params, Transport

Filter: TypeAlias = str | int | bool | datetime | Sequence[str | int]
Filters: TypeAlias = Mapping[str, Filter]


@dataclass(frozen=True, slots=True)
class Page:
    """One page of a listing.

    ``total`` is the network's own count, on newer networks only; it may change from page to
    page and is a hint. ``unreadable`` are rows left out of ``rows`` because a field of theirs
    has a shape that no network should send.
    """

    number: int
    rows: list[Row]
    total: int | None
    unreadable: list[UnreadableRow] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class RawPage:
    """A page as it came, its rows identified but not read yet; see `Page`."""

    number: int
    items: list[Json]
    total: int | None


def wire_time(moment: datetime) -> str:
    """An aware time as the network writes it: UTC, ``2027-01-31 23:59:59``."""
    return moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S")


def modified_after(moment: datetime) -> dict[str, Filter]:
    """The filter for rows changed after a moment; works on every release.

    Customers and sites have no such column.
    """
    return since(moment, column="date_modified")


def since(moment: datetime, *, column: str) -> dict[str, Filter]:
    """The filter for rows with a time after a moment in a column of theirs."""
    return {
        "date_query[0][column]": column,
        "date_query[0][after]": wire_time(moment),
    }


def query(filters: Filters) -> dict[str, str | int | Sequence[str | int]]:
    """Filters as query parameters: lists as ``name[]``, truth as 1 and 0, times in UTC."""
    params: dict[str, str | int | Sequence[str | int]] = {}
    for name, value in filters.items():
        if isinstance(value, datetime):
            params[name] = wire_time(value)
        elif isinstance(value, (str, int)):
            params[name] = int(value) if isinstance(value, bool) else value
        else:
            params[name if name.endswith("[]") else f"{name}[]"] = list(value)
    return params


def page_params(entity: Entity, *, number: int, per_page: int, filters: Filters) -> Params:
    """The portable listing: old networks read number and offset, new ones page and per_page
    (domain/entities.md §1.3).
    """
    return {
        **query(filters),
        "page": number,
        "per_page": per_page,
        "number": per_page,
        "offset": (number - 1) * per_page,
        "orderby": entity.id_column,
        "order": "ASC",
    }


def walk_rows(
    transport: Transport, entity: Entity, *, start_page: int, per_page: int, filters: Filters
) -> Iterator[Page]:
    """Pages of rows in the order of their ids (`NetworkClient.pages`)."""
    raw = walk_raw(transport, entity, start_page=start_page, per_page=per_page, filters=filters)
    for page in raw:
        yield read_page(entity, page, network=transport.network)


def walk_raw(
    transport: Transport, entity: Entity, *, start_page: int, per_page: int, filters: Filters
) -> Iterator[RawPage]:
    """The same, not read yet (`NetworkClient.raw_pages`)."""
    kind = ROWS[entity]
    pages = _walk(
        transport,
        entity,
        start_page=start_page,
        per_page=per_page,
        filters=filters,
        identity=lambda each: kind.identity(_row(each)),
    )
    for number, new, total in pages:
        yield RawPage(number, new, total)


def read_page(entity: Entity, raw: RawPage, *, network: str) -> Page:
    """The rows of a page, read."""
    page = Page(number=raw.number, rows=[], total=raw.total)
    for each in raw.items:
        try:
            page.rows.append(ROWS[entity].parse(_row(each), network=network))
        except UnreadableRow as unreadable:
            page.unreadable.append(unreadable)
    return page


def walk_ids(
    transport: Transport, entity: Entity, *, per_page: int, filters: Filters
) -> Iterator[int]:
    """All ids, at a fraction of what rows cost (domain/live-findings.md §7)."""
    pages = _walk(
        transport,
        entity,
        start_page=1,
        per_page=per_page,
        filters={**filters, "fields": "ids"},
        identity=_id,
    )
    for _, new, _ in pages:
        yield from (_id(each) for each in new)


def count_rows(transport: Transport, entity: Entity, filters: Filters) -> int | None:
    """How many rows there are, in one request; None where the network tells no number.

    A number between warnings is none: nothing says where it begins.
    """
    try:
        _, told = transport.read(f"/{entity}", query({**filters, "count": 1}))
    except BrokenAnswer:
        return None
    if isinstance(told, str):
        return whole_number(told)
    return told if isinstance(told, int) and not isinstance(told, bool) else None


def read_ids(
    transport: Transport, entity: Entity, *, page: int, per_page: int, newest_first: bool
) -> list[int]:
    """The ids of one page of the listing, as far into it as one likes.

    Raises:
        PagingIgnored: they are not in the order asked for.
    """
    params = page_params(entity, number=page, per_page=per_page, filters={"fields": "ids"})
    if newest_first:
        params = {**params, "order": "DESC"}
    answer, body = transport.read(f"/{entity}", params)
    ids = [_identified(transport, answer, item, _id) for item in _items(transport, answer, body)]
    if ids != sorted(set(ids), reverse=newest_first) or len(ids) > per_page:
        raise _ignored(transport, entity, page, "is not in the order of ids")
    return ids


def _walk(
    transport: Transport,
    entity: Entity,
    *,
    start_page: int,
    per_page: int,
    filters: Filters,
    identity: Callable[[Json], int],
) -> Iterator[tuple[int, list[Json], int | None]]:
    """Number, new items and the network's count of each page until the listing ends.

    A full page is always followed by another request: the count may be wrong (it is 1 for
    ``fields=ids``), an empty page is not. Rows of the page before that come again, because
    rows were added or removed meanwhile, are dropped; a page of nothing else means that
    paging is ignored. Only one page of ids is remembered.
    """
    number, seen, highest = start_page, 0, 0
    known: set[int] = set()
    while True:
        params = page_params(entity, number=number, per_page=per_page, filters=filters)
        answer, body = transport.read(f"/{entity}", params)
        items = _items(transport, answer, body)
        if len(items) > per_page:
            raise _ignored(transport, entity, number, f"has {len(items)} rows, not {per_page}")
        new: list[Json] = []
        ids: set[int] = set()
        for item in items:
            each = _identified(transport, answer, item, identity)
            if each > highest:
                new.append(item)
                highest = each
            elif each not in ids and each not in known:
                raise _ignored(transport, entity, number, "is not in the order of ids")
            ids.add(each)
        if items and not new:
            raise _ignored(transport, entity, number, "repeats rows of the page before")
        yield number, new, answer.total
        seen += len(items)
        known = ids
        more = answer.total is not None and (start_page - 1) * per_page + seen < answer.total
        if not items or (len(items) < per_page and not more):
            return
        number += 1


def _items(transport: Transport, answer: Answer, body: Json) -> list[Json]:
    if isinstance(body, dict) and all(key.isdigit() for key in body):
        return list(body.values())  # a PHP array with gaps, or the empty one
    if not isinstance(body, list):
        raise BrokenAnswer(
            network=transport.network, request=answer.request, what="something that is no list"
        )
    return body


def _identified(
    transport: Transport, answer: Answer, item: Json, identity: Callable[[Json], int]
) -> int:
    try:
        return identity(item)
    except ValueError:
        raise BrokenAnswer(
            network=transport.network, request=answer.request, what="a row without an id"
        ) from None


def _row(item: Json) -> dict[str, Any]:
    if not isinstance(item, dict):
        raise ValueError
    return item


def _id(item: Json) -> int:
    if not isinstance(item, (int, str)):
        raise ValueError
    return int(item)


def _ignored(transport: Transport, entity: Entity, page: int, what: str) -> PagingIgnored:
    return PagingIgnored(network=transport.network, entity=entity.value, page=page, what=what)
