"""One page into the mirror, together with how far the pass has come."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

import orjson
from sqlmodel import Session

from bridge.domain.catalogue import PriceVariation
from bridge.domain.periods import Period
from bridge.errors import InvalidPeriod
from bridge.network.entities import Entity
from bridge.network.faults import UnreadableRow
from bridge.network.rows import MembershipRow, ProductRow, Row, SiteRow
from bridge.store.limits import EFFECTIVE, LimitsOwner, save_limits
from bridge.store.mirror import Shown, Written, mark_seen, storable, write_rows
from bridge.store.prices import SeenPrice, replace_variations, save_seen_prices
from sync.records import shown, too_deep

# What a price is told by, inside a product.
_PRICE = ("id", "duration", "duration_unit", "amount", "currency")


@dataclass(frozen=True, slots=True, kw_only=True)
class PageWriter:
    """Writes rows of one entity of one network, as seen by one pass or, without one, by the way.

    ``limits_shown`` tells that the network shows effective limits, so that a customer's
    site without any has none.
    """

    network_id: int
    network: str
    entity: Entity
    pass_id: int | None
    limits_shown: bool
    _prices: set[str] = field(default_factory=set, repr=False)

    def write(
        self, session: Session, rows: Sequence[Row], *, asked_at: datetime
    ) -> tuple[Written, list[UnreadableRow]]:
        """Write the rows and what they tell beside themselves; the caller commits.

        Returns what became of them, and the rows whose values the rules cannot hold.
        """
        taken, unreadable = _shown(rows)
        try:
            written = self._write(session, taken, asked_at)
        except orjson.JSONEncodeError:  # before anything was written
            deep = _too_deep(rows)
            unreadable += deep
            kept = {row.id for row in rows} - {error.fields["id"] for error in deep}
            taken = [each for each in taken if each.id in kept]
            written = self._write(session, taken, asked_at)
        refused = {error.fields["id"] for error in unreadable}
        rows = [row for row in rows if row.id not in refused]
        match self.entity:
            case Entity.SITE:
                written = self._with_limits(session, rows, written, asked_at)
            case Entity.MEMBERSHIP:
                self._note_prices(session, rows)
            case Entity.PRODUCT:
                unreadable += self._take_variations(session, rows)
        for error in unreadable:
            error.fields.setdefault("network", self.network)
        return written, unreadable

    def _write(self, session: Session, taken: Sequence[Shown], asked_at: datetime) -> Written:
        return write_rows(
            session.connection(),
            self.network_id,
            self.entity,
            taken,
            asked_at=asked_at,
            pass_id=self.pass_id,
        )

    def spare(self, session: Session, unreadable: Iterable[UnreadableRow]) -> None:
        """Mark rows as seen that exist but could not be read, so that they are not removed."""
        if self.pass_id is None:
            return
        ids = [int(str(error.fields["id"])) for error in unreadable]
        mark_seen(session.connection(), self.network_id, self.entity, ids, pass_id=self.pass_id)

    def _with_limits(
        self, session: Session, rows: Sequence[Row], written: Written, asked_at: datetime
    ) -> Written:
        limits = {}
        for row in rows:
            assert isinstance(row, SiteRow)
            shown_limits = row.effective_limits
            if shown_limits is None and self.limits_shown and row.type == "customer_owned":
                shown_limits = {}
            if shown_limits is not None:
                limits[LimitsOwner("site", row.id)] = shown_limits
        moved = save_limits(
            session, self.network_id, limits, kind=EFFECTIVE, source="read", now=asked_at
        )
        changed = {owner.id for owner in moved} & written.unchanged
        return replace(
            written, changed=written.changed | changed, unchanged=written.unchanged - changed
        )

    def _note_prices(self, session: Session, rows: Sequence[Row]) -> None:
        """A hundred memberships embed the same product: each price is read once a pass."""
        seen: dict[str, SeenPrice] = {}
        for row in rows:
            assert isinstance(row, MembershipRow)
            for each in row.compiled_product_list or ():
                raw = each.get("product") if isinstance(each, dict) else None
                if not isinstance(raw, dict):
                    continue
                price = str([raw.get(name) for name in _PRICE])
                if price in self._prices or price in seen:
                    continue
                try:
                    product = ProductRow.parse(raw)
                    period = Period(product.duration, product.duration_unit)
                except (UnreadableRow, InvalidPeriod):
                    continue  # the product itself, not its copy, is where that is reported
                seen[price] = SeenPrice(product.id, period, product.amount, row.id)
        save_seen_prices(session.connection(), self.network_id, seen.values(), pass_id=self.pass_id)
        self._prices.update(seen)

    def _take_variations(self, session: Session, rows: Sequence[Row]) -> list[UnreadableRow]:
        """No known release shows them on a read; one that does is believed."""
        variations: dict[int, Sequence[PriceVariation]] = {}
        unreadable: list[UnreadableRow] = []
        for row in rows:
            assert isinstance(row, ProductRow)
            if row.price_variations is None:
                continue
            try:
                variations[row.id] = row.to_domain().variations
            except UnreadableRow as error:
                unreadable.append(error)
        replace_variations(session, self.network_id, variations, source="read")
        return unreadable


def _shown(rows: Iterable[Row]) -> tuple[list[Shown], list[UnreadableRow]]:
    taken: list[Shown] = []
    unreadable: list[UnreadableRow] = []
    for row in rows:
        try:
            taken.append(shown(row))
        except UnreadableRow as error:
            unreadable.append(error)
    return taken, unreadable


def _too_deep(rows: Iterable[Row]) -> list[UnreadableRow]:
    """Errors of the rows that are nested too deeply to be kept as JSON."""
    return [
        too_deep(row, field)
        for row in rows
        for field in [next((key for key, each in row.raw.items() if not storable(each)), None)]
        if field is not None
    ]
