"""Writing the mirror: pages of rows, one row read again, and what is gone.

Only rows that differ from what is stored are written; of the others it is only noted that
they were seen. An older answer never overwrites a newer one.
"""

from __future__ import annotations

import hashlib
from array import array
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, NamedTuple

import orjson
from sqlalchemy import Connection, delete, func, select, update
from sqlmodel import Session

from bridge.store import due
from bridge.store.limits import delete_limits
from bridge.store.status_news import tell_statuses
from bridge.store.tables import (
    CustomerRecord,
    DiscountCodeRecord,
    DomainRecord,
    MembershipRecord,
    PaymentRecord,
    PriceVariationRecord,
    ProductRecord,
    SiteRecord,
)
from bridge.store.tables.mirror import Mirrored
from bridge.store.upserts import CHUNK, table_of, upsert

JSON = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Kind:
    """How one entity is kept.

    ``initial`` are the columns that a network may not tell: their value when the row is
    new; afterwards they stay until somebody tells them. ``copies`` are fields of the source
    JSON that repeat other rows and are cut down before it is stored; ``restless`` ones are
    stored, but alone make no difference.
    """

    record: type[Mirrored]
    initial: Mapping[str, object] = field(default_factory=dict)
    copies: Mapping[str, Callable[[Any], object]] = field(default_factory=dict)
    restless: frozenset[str] = frozenset()


def _ids_and_quantities(compiled: Any) -> object:
    """The products inside a membership without the products."""
    if not isinstance(compiled, list):
        return compiled
    return [
        {**each, "product": {"id": each["product"].get("id")}}
        if isinstance(each, dict) and isinstance(each.get("product"), dict)
        else each
        for each in compiled
    ]


def _nothing(_limits: Any) -> object:
    """Merged limits have a table of their own."""
    return []


KINDS: Final[Mapping[str, Kind]] = {
    "product": Kind(
        ProductRecord,
        initial={"available_addons": None, "addons_source": "", "variations_source": ""},
    ),
    "customer": Kind(
        CustomerRecord,
        initial={"email": "", "locale": "", "display_name": "", "contact_read_at": None},
        restless=frozenset({"last_login"}),
    ),
    "membership": Kind(
        MembershipRecord,
        initial={"generation": 0},
        copies=dict.fromkeys(
            ("compiled_product_list", "_compiled_product_list"), _ids_and_quantities
        ),
    ),
    "site": Kind(
        SiteRecord,
        initial={"membership_id": None, "customer_id": None, "type": ""},
        copies=dict.fromkeys(("limitations", "_limitations"), _nothing),
    ),
    "discount_code": Kind(DiscountCodeRecord),
    "payment": Kind(PaymentRecord),
    "domain": Kind(DomainRecord),
}
"""Every mirrored entity by its route on the network."""


@dataclass(frozen=True, slots=True)
class Shown:
    """A row as a network showed it: its id, its JSON, and the columns it tells."""

    id: int
    raw: JSON
    columns: JSON


@dataclass(frozen=True, slots=True)
class Written:
    """Ids of the rows of a page by what became of them."""

    created: frozenset[int] = frozenset()
    changed: frozenset[int] = frozenset()
    unchanged: frozenset[int] = frozenset()


class _Prepared(NamedTuple):
    """A row as it is stored, copies of other rows cut out of ``raw``."""

    raw: JSON
    fingerprint: str
    columns: JSON


def fingerprint(raw: Mapping[str, Any], *, without: frozenset[str] = frozenset()) -> str:
    """A hash of a row's JSON that does not depend on the order of its keys."""
    kept = {key: raw[key] for key in raw.keys() - without} if without else raw
    document = orjson.dumps(kept, option=orjson.OPT_SORT_KEYS)
    return hashlib.blake2b(document, digest_size=16).hexdigest()


def storable(document: object) -> bool:
    """Whether JSON can be kept: our writer goes 254 levels deep, our reader further."""
    try:
        orjson.dumps(document)
    except orjson.JSONEncodeError:
        return False
    return True


def write_rows(
    connection: Connection,
    network_id: int,
    entity: str,
    rows: Iterable[Shown],
    *,
    asked_at: datetime,
    pass_id: int | None = None,
) -> Written:
    """Write rows of one entity, a row shown twice once.

    ``asked_at`` is when the network was asked, before it answered. ``pass_id`` marks the
    rows as seen by that pass; without one the mark stays as it is.
    """
    kind = KINDS[entity]
    prepared = {row.id: _prepared(kind, row) for row in rows}
    table = table_of(kind.record)
    known: dict[int, tuple[str, datetime]] = {}
    for ids in _chunks(list(prepared)):
        query = select(table.c.id, table.c.fingerprint, table.c.synced_at).where(
            table.c.network_id == network_id, table.c.id.in_(ids)
        )
        known.update(
            (row.id, (row.fingerprint, row.synced_at)) for row in connection.execute(query)
        )

    unchanged = {
        row_id
        for row_id, (stored, synced_at) in known.items()
        if stored == prepared[row_id].fingerprint or synced_at > asked_at
    }
    if entity == "membership":
        changed = {key: prepared[key].columns for key in known.keys() - unchanged}
        tell_statuses(connection, network_id, changed, now=asked_at)
    if entity == "product":
        due.mark(connection, network_id, known.keys() - unchanged, since=asked_at)
    common = {"network_id": network_id, "synced_at": asked_at, "seen_pass": pass_id or 0}
    by_told: dict[frozenset[str], list[JSON]] = {}
    for row_id, row in prepared.items():
        if row_id not in unchanged:
            untold = frozenset(name for name in kind.initial if name not in row.columns)
            by_told.setdefault(untold, []).append(
                {
                    **kind.initial,
                    **row.columns,
                    **common,
                    "id": row_id,
                    "raw": row.raw,
                    "fingerprint": row.fingerprint,
                }
            )
    unmarked = frozenset() if pass_id else frozenset({"seen_pass"})
    for untold, group in by_told.items():
        upsert(connection, kind.record, group, keep=untold | unmarked)
    if pass_id is not None:
        mark_seen(connection, network_id, entity, list(unchanged), pass_id=pass_id)
    return Written(
        created=frozenset(prepared.keys() - known.keys()),
        changed=frozenset(known.keys() - unchanged),
        unchanged=frozenset(unchanged),
    )


def mark_seen(
    connection: Connection, network_id: int, entity: str, ids: Sequence[int], *, pass_id: int
) -> None:
    """Note that a pass saw rows, which stay as they are."""
    table = table_of(KINDS[entity].record)
    for chunk in _chunks(ids):
        connection.execute(
            update(table)
            .where(table.c.network_id == network_id, table.c.id.in_(chunk))
            .values(seen_pass=pass_id)
        )


def seen_among(
    connection: Connection, network_id: int, entity: str, ids: Sequence[int], *, pass_id: int
) -> set[int]:
    """Those of the ids that a pass saw."""
    table = table_of(KINDS[entity].record)
    found: set[int] = set()
    for chunk in _chunks(ids):
        found.update(
            connection.scalars(
                select(table.c.id).where(
                    table.c.network_id == network_id,
                    table.c.seen_pass == pass_id,
                    table.c.id.in_(chunk),
                )
            )
        )
    return found


def unseen_ids(connection: Connection, network_id: int, entity: str, pass_id: int) -> list[int]:
    """Rows of the mirror that a pass did not see, by id."""
    table = table_of(KINDS[entity].record)
    query = (
        select(table.c.id)
        .where(table.c.network_id == network_id, table.c.seen_pass != pass_id)
        .order_by(table.c.id)
    )
    return list(connection.scalars(query))


def seen_count(connection: Connection, network_id: int, entity: str, pass_id: int) -> int:
    """How many rows of the mirror a pass saw."""
    table = table_of(KINDS[entity].record)
    return (
        connection.scalar(
            select(func.count())
            .select_from(table)
            .where(table.c.network_id == network_id, table.c.seen_pass == pass_id)
        )
        or 0
    )


def known_ids(connection: Connection, network_id: int, entity: str) -> array[int]:
    """All ids of the mirror, ascending; eight bytes each."""
    table = table_of(KINDS[entity].record)
    query = select(table.c.id).where(table.c.network_id == network_id).order_by(table.c.id)
    return array("q", connection.scalars(query))


def known_count(connection: Connection, network_id: int, entity: str) -> int:
    """How many rows the mirror has."""
    table = table_of(KINDS[entity].record)
    query = select(func.count()).select_from(table).where(table.c.network_id == network_id)
    return connection.scalar(query) or 0


def known_among(
    connection: Connection, network_id: int, entity: str, ids: Sequence[int]
) -> set[int]:
    """Those of the ids that the mirror has."""
    table = table_of(KINDS[entity].record)
    found: set[int] = set()
    for chunk in _chunks(ids):
        query = select(table.c.id).where(table.c.network_id == network_id, table.c.id.in_(chunk))
        found.update(connection.scalars(query))
    return found


def remove_rows(
    session: Session, network_id: int, entity: str, ids: Sequence[int], *, now: datetime
) -> None:
    """Remove rows that the network no longer has, with their limits and variations."""
    table = table_of(KINDS[entity].record)
    for chunk in _chunks(ids):
        session.connection().execute(
            delete(table).where(table.c.network_id == network_id, table.c.id.in_(chunk))
        )
        delete_limits(session, network_id, entity, chunk)
        if entity == "product":
            due.mark(session.connection(), network_id, chunk, since=now)
            variations = table_of(PriceVariationRecord)
            session.connection().execute(
                delete(variations).where(
                    variations.c.network_id == network_id, variations.c.product_id.in_(chunk)
                )
            )


def _prepared(kind: Kind, row: Shown) -> _Prepared:
    raw = row.raw
    cut = {key: shorten(raw[key]) for key, shorten in kind.copies.items() if key in raw}
    if cut:
        raw = {**raw, **cut}
    return _Prepared(raw, fingerprint(raw, without=kind.restless), row.columns)


def _chunks(ids: Sequence[int]) -> Iterable[Sequence[int]]:
    return (ids[start : start + CHUNK] for start in range(0, len(ids), CHUNK))
