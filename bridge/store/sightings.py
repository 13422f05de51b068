"""All queries on what was seen of Stripe's objects: the newest state of each, and whose it is."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, delete, or_, select, text, update

from bridge.store.tables import (
    Change,
    MembershipRecord,
    StripeCustomer,
    StripePaymentId,
    StripeSeen,
)
from bridge.store.upserts import table_of

_seen = table_of(StripeSeen)
_ids = table_of(StripePaymentId)

Owner = tuple[int, int]
"""(network id, membership id)"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sighting:
    """One object at Stripe as one event shows it; the columns of `StripeSeen`.

    ``payment`` are the ids that the object says are of the same payment, its own included.
    """

    kind: str
    id: str
    at: datetime
    rank: int
    facts: Mapping[str, Any]
    subscription: str = ""
    customer: str = ""
    payment: tuple[str, ...] = field(default=())


class Tie(Exception):
    """Two events of one second show an object differently: only Stripe knows which is newer."""

    def __init__(self, sighting: Sighting) -> None:
        super().__init__(f"two states of {sighting.id} within one second")
        self.sighting = sighting


class SightingRepository:
    """All queries on `StripeSeen` and `StripePaymentId` of one account. The caller commits."""

    def __init__(self, connection: Connection, account: str) -> None:
        self._connection = connection
        self._account = account
        if connection.dialect.name == "postgresql":
            # One writer per account, as on SQLite: ids of payments are merged here.
            key = {
                "room": zlib.crc32(b"stripe_seen") >> 1,
                "key": zlib.crc32(account.encode()) >> 1,
            }
            connection.execute(text("SELECT pg_advisory_xact_lock(:room, :key)"), key)

    def keep(self, sighting: Sighting, *, now: datetime, asked: bool = False) -> bool:
        """Keep it if it is newer than what is known; False when it tells nothing new.

        ``asked`` when Stripe was asked for it because of a tie: then it is what counts, and
        what it confirms is known to hold as of ``now``.

        Raises:
            Tie: it differs from another one of the same second.
        """
        row = self._connection.execute(
            select(_seen.c.seen_at, _seen.c.rank, _seen.c.facts).where(*self._of(sighting.id))
        ).one_or_none()
        values = {
            "seen_at": sighting.at,
            "rank": sighting.rank,
            "facts": dict(sighting.facts),
            "subscription": sighting.subscription,
            "updated_at": now,
        }
        if row is None:
            self._connection.execute(
                _seen.insert().values(
                    account=self._account, id=sighting.id, kind=sighting.kind, **values
                )
            )
            return True
        known, new = (row.seen_at, row.rank), (sighting.at, sighting.rank)
        if row.facts == sighting.facts and new <= known:
            if asked and new == known:
                # There and back within one second: it is the state after the way back.
                self._connection.execute(
                    update(_seen).where(*self._of(sighting.id)).values(updated_at=now)
                )
            return False
        if asked:
            if sighting.at < row.seen_at:
                return False
        elif new < known:
            return False
        elif new == known:
            raise Tie(sighting)
        self._connection.execute(update(_seen).where(*self._of(sighting.id)).values(values))
        return True

    def link(self, ids: Sequence[str]) -> list[str]:
        """Note that an object names these as ids of one payment.

        Returns ids that were assumed to be of this payment and turn out not to be, since it
        has another id of their kind: they are parted from it.
        """
        if not ids:
            return []
        assumed, sure = self._flags(ids)
        payment = self._join(ids, assumed=bool(assumed) and not sure)
        if assumed and sure:
            # An object names both: what was assumed is so.
            self._connection.execute(
                update(_ids)
                .where(_ids.c.account == self._account, _ids.c.payment == payment)
                .values(assumed=False)
            )
        return self._part(payment)

    def assume(self, known: str, other: str) -> None:
        """Take the payment of ``other`` for that of ``known``, though no object says so."""
        theirs = self.same_payment(other)
        self._join([known, other])
        self._connection.execute(
            update(_ids)
            .where(_ids.c.account == self._account, _ids.c.stripe_id.in_(sorted(theirs)))
            .values(assumed=True)
        )

    def same_payment(self, stripe_id: str) -> set[str]:
        """All ids of the payment that an id is of; itself at least."""
        payment = self._payments([stripe_id]).get(stripe_id)
        if payment is None:
            return {stripe_id}
        return set(
            self._connection.scalars(
                select(_ids.c.stripe_id).where(
                    _ids.c.account == self._account, _ids.c.payment == payment
                )
            )
        )

    def owner_of(self, sighting: Sighting, networks: Sequence[int]) -> Owner | None:
        """Whose an object is that does not say so itself, among these networks.

        Found by what is known of its subscription, of its payment, or by the customer; in
        the mirror too. None where nobody or more than one fits.
        """
        ids = sorted(self._ids_of(sighting) | {sighting.id})
        fits: list[ColumnElement[bool]] = [_seen.c.id.in_(ids)]
        if sighting.subscription:
            fits.append(_seen.c.subscription == sighting.subscription)
        seen = select(_seen.c.network_id, _seen.c.membership_id).where(
            _seen.c.account == self._account,
            _seen.c.membership_id.is_not(None),
            _seen.c.network_id.in_(networks),
            or_(*fits),
        )
        return (
            self._only(seen)
            or self._only(_by_change(ids, networks))
            or (self._only(_by_subscription(sighting, networks)) if sighting.subscription else None)
            or (self._only(_by_customer(sighting, networks)) if sighting.customer else None)
        )

    def give(self, sighting: Sighting, owner: Owner) -> None:
        """Note whose an object is; what belongs to it and to nobody yet is theirs, too."""
        self._connection.execute(
            update(_seen)
            .where(*self._of(sighting.id))
            .values(network_id=owner[0], membership_id=owner[1])
        )
        ids = self._ids_of(sighting)
        subscription = sighting.subscription
        while True:
            fits: list[ColumnElement[bool]] = []
            if ids:
                fits.append(_seen.c.id.in_(sorted(ids)))
            if subscription:
                fits.append(_seen.c.subscription == subscription)
            if not fits:
                return
            taken = self._connection.execute(
                update(_seen)
                .where(
                    _seen.c.account == self._account, _seen.c.membership_id.is_(None), or_(*fits)
                )
                .values(network_id=owner[0], membership_id=owner[1])
                .returning(_seen.c.id)
            ).scalars()
            before = len(ids)
            for one in taken:
                ids |= self.same_payment(one)
            if len(ids) == before:
                return
            subscription = ""

    def _ids_of(self, sighting: Sighting) -> set[str]:
        return self.same_payment(sighting.payment[0]) if sighting.payment else set()

    def _flags(self, ids: Sequence[str]) -> tuple[set[str], set[str]]:
        """Which of these ids are only assumed to be of their payment, and which are surely."""
        rows = self._connection.execute(
            select(_ids.c.stripe_id, _ids.c.assumed).where(
                _ids.c.account == self._account, _ids.c.stripe_id.in_(ids)
            )
        ).all()
        return (
            {row.stripe_id for row in rows if row.assumed},
            {row.stripe_id for row in rows if not row.assumed},
        )

    def _join(self, ids: Sequence[str], *, assumed: bool = False) -> str:
        """Make one payment of what these ids are of; its key."""
        known = self._payments(ids)
        payment = min(known.values(), default=ids[0])
        for merged in set(known.values()) - {payment}:
            self._connection.execute(
                update(_ids)
                .where(_ids.c.account == self._account, _ids.c.payment == merged)
                .values(payment=payment)
            )
        fresh = [one for one in dict.fromkeys(ids) if one not in known]
        if fresh:
            common = {"account": self._account, "payment": payment, "assumed": assumed}
            self._connection.execute(_ids.insert(), [{"stripe_id": one, **common} for one in fresh])
        return payment

    def _part(self, payment: str) -> list[str]:
        rows = self._connection.execute(
            select(_ids.c.stripe_id, _ids.c.assumed).where(
                _ids.c.account == self._account, _ids.c.payment == payment
            )
        ).all()
        sure = {_prefix(row.stripe_id) for row in rows if not row.assumed}
        assumed = [row.stripe_id for row in rows if row.assumed]
        if not any(_prefix(one) in sure for one in assumed):
            return []
        self._connection.execute(
            update(_ids)
            .where(_ids.c.account == self._account, _ids.c.stripe_id.in_(assumed))
            .values(payment=f"apart:{min(assumed)}", assumed=False)
        )
        return sorted(assumed)

    def _payments(self, ids: Iterable[str]) -> dict[str, str]:
        rows = self._connection.execute(
            select(_ids.c.stripe_id, _ids.c.payment).where(
                _ids.c.account == self._account, _ids.c.stripe_id.in_(list(ids))
            )
        )
        return {row.stripe_id: row.payment for row in rows}

    def _only(self, statement: Any) -> Owner | None:
        rows = self._connection.execute(statement.distinct().limit(2)).all()
        return (rows[0][0], rows[0][1]) if len(rows) == 1 else None

    def _of(self, object_id: str) -> tuple[ColumnElement[bool], ...]:
        return _seen.c.account == self._account, _seen.c.id == object_id


def alike(one: Iterable[str], other: Iterable[str]) -> bool:
    """Whether both name an id of the same kind, such as two invoices."""
    return bool({_prefix(each) for each in one} & {_prefix(each) for each in other})


def forget_strangers(connection: Connection, *, seen_before: datetime, limit: int = 1000) -> int:
    """Delete what was seen long ago and belongs to no membership; how many."""
    old = (
        select(_seen.c.account, _seen.c.id)
        .where(_seen.c.membership_id.is_(None), _seen.c.updated_at < seen_before)
        .order_by(_seen.c.updated_at)
        .limit(limit)
    )
    rows = connection.execute(old).all()
    for row in rows:
        key = and_(_seen.c.account == row.account, _seen.c.id == row.id)
        connection.execute(delete(_seen).where(key))
        connection.execute(
            delete(_ids).where(_ids.c.account == row.account, _ids.c.stripe_id == row.id)
        )
    return len(rows)


def _prefix(stripe_id: str) -> str:
    return stripe_id.split("_", 1)[0]


def _by_change(ids: Sequence[str], networks: Sequence[int]) -> Any:
    changes = table_of(Change).c
    return select(changes.network_id, changes.membership_id).where(
        changes.network_id.in_(networks), changes.payment_key.in_(ids)
    )


def _by_subscription(sighting: Sighting, networks: Sequence[int]) -> Any:
    members = table_of(MembershipRecord).c
    return select(members.network_id, members.id).where(
        members.network_id.in_(networks),
        members.gateway_subscription_id == sighting.subscription,
    )


def _by_customer(sighting: Sighting, networks: Sequence[int]) -> Any:
    members, customers = table_of(MembershipRecord).c, table_of(StripeCustomer).c
    made = and_(
        customers.network_id == members.network_id,
        customers.customer_id == members.customer_id,
        customers.stripe_id == sighting.customer,
    )
    return select(members.network_id, members.id).where(
        members.network_id.in_(networks),
        or_(
            members.gateway_customer_id == sighting.customer,
            select(customers.stripe_id).where(made).exists(),
        ),
    )
