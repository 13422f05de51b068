"""Which products were saved on the network after their limits were taken into the catalogue."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlmodel import Session, col, select

from bridge.network.faults import UnreadableRow
from bridge.network.products import ProductRow
from bridge.store.limits import OWN, LimitsOwner, load_limits
from bridge.store.tables import ProductRecord


@dataclass(frozen=True, slots=True)
class Saved:
    """When a product was saved on the network, and when its limits were taken, from where."""

    on_network: datetime | None
    taken: datetime | None
    source: str

    @property
    def since(self) -> bool:
        """It was saved after its limits were taken."""
        return bool(self.on_network and self.taken and self.on_network > self.taken)

    @property
    def never_since(self) -> bool:
        """Its limits were learned from the network, and it was not saved after that."""
        return self.source == "learned" and self.on_network is not None and not self.since


def saved(session: Session, network_id: int, product_id: int) -> Saved:
    """What the mirror tells of a product's times."""
    product = session.get(ProductRecord, (network_id, product_id), populate_existing=True)
    taken = load_limits(session, network_id, LimitsOwner("product", product_id), OWN)
    return Saved(
        None if product is None else _modified(product),
        taken.read_at if taken else None,
        taken.source if taken else "",
    )


def saved_since(session: Session, network_id: int) -> frozenset[int]:
    """The products of the mirror that were saved after their limits were taken."""
    ids = session.exec(
        select(ProductRecord.id)
        .where(ProductRecord.network_id == network_id)
        .order_by(col(ProductRecord.id))
    ).all()
    return frozenset(each for each in ids if saved(session, network_id, each).since)


def _modified(product: ProductRecord) -> datetime | None:
    try:
        return ProductRow.parse(product.raw).date_modified
    except UnreadableRow:
        return None
