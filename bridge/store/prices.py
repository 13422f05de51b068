"""Prices of products at other periods: variations of the catalogue, and prices seen in use."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, delete
from sqlmodel import Session, col, select

from bridge.domain.catalogue import PriceVariation
from bridge.domain.periods import Period
from bridge.store.tables import PriceVariationRecord, ProductRecord, SeenPriceRecord
from bridge.store.upserts import table_of, upsert


@dataclass(frozen=True, slots=True)
class SeenPrice:
    """What one membership pays for a product and period; ``amount`` in minor units."""

    product_id: int
    period: Period
    amount: int
    membership_id: int


def save_seen_prices(
    connection: Connection, network_id: int, seen: Iterable[SeenPrice], *, pass_id: int | None
) -> None:
    """Note prices as seen by a pass; the same price of many memberships is one row.

    Without ``pass_id`` the mark of the pass that saw a known price last stays.
    """
    rows = {
        (each.product_id, each.period, each.amount): {
            "network_id": network_id,
            "product_id": each.product_id,
            "duration": each.period.count,
            "duration_unit": each.period.unit,
            "amount": each.amount,
            "membership_id": each.membership_id,
            "seen_pass": pass_id or 0,
        }
        for each in seen
    }
    unmarked = frozenset({"seen_pass"}) if pass_id is None else frozenset()
    upsert(connection, SeenPriceRecord, list(rows.values()), keep=unmarked)


def forget_unseen_prices(connection: Connection, network_id: int, *, pass_id: int) -> None:
    """Drop the prices that a complete pass over all memberships did not see."""
    table = table_of(SeenPriceRecord)
    connection.execute(
        delete(table).where(table.c.network_id == network_id, table.c.seen_pass != pass_id)
    )


def seen_prices(session: Session, network_id: int) -> list[SeenPrice]:
    """All prices seen, by product, period and amount."""
    rows = session.exec(
        select(SeenPriceRecord)
        .where(SeenPriceRecord.network_id == network_id)
        .order_by(
            col(SeenPriceRecord.product_id),
            col(SeenPriceRecord.duration_unit),
            col(SeenPriceRecord.duration),
            col(SeenPriceRecord.amount),
        )
    )
    return [
        SeenPrice(
            row.product_id, Period(row.duration, row.duration_unit), row.amount, row.membership_id
        )
        for row in rows
    ]


def replace_variations(
    session: Session,
    network_id: int,
    variations: Mapping[int, Sequence[PriceVariation]],
    *,
    source: str,
) -> None:
    """Make these the only variations of each product named; an empty list means it has none.

    ``source`` says where they come from: ``read``, ``file``, ``learned``.
    """
    table = table_of(PriceVariationRecord)
    connection = session.connection()
    for product_id in variations:
        connection.execute(
            delete(table).where(table.c.network_id == network_id, table.c.product_id == product_id)
        )
        product = session.get_one(ProductRecord, (network_id, product_id))
        product.variations_source = source
        session.add(product)
    rows = [
        {
            "network_id": network_id,
            "product_id": product_id,
            "duration": each.period.count,
            "duration_unit": each.period.unit,
            "amount": each.amount,
            "source": source,
        }
        for product_id, ours in variations.items()
        for each in ours
    ]
    upsert(connection, PriceVariationRecord, rows)
    session.flush()


def replace_addons(
    session: Session, network_id: int, addons: Mapping[int, Sequence[int]], *, source: str
) -> None:
    """Set which add-ons go with each product named, by the ids of both."""
    for product_id, ours in addons.items():
        product = session.get_one(ProductRecord, (network_id, product_id))
        product.available_addons = list(ours)
        product.addons_source = source
        session.add(product)
    session.flush()
