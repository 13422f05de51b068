"""All queries on what was asked of Stripe."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import and_, or_, update
from sqlmodel import Session, col, select

from bridge.store.tables import (
    Change,
    ChangeState,
    CollectionRecord,
    CollectionState,
    Network,
    StripeCustomer,
)
from bridge.store.upserts import upsert

OPEN = (CollectionState.PLANNED, CollectionState.WAITING)
"""States in which there may be something at Stripe to finish or to take back."""

_TEXTS = ("stripe_customer", "stripe_id", "url", "success_url", "cancel_url", "reason")

_OVER = (ChangeState.REVOKED, ChangeState.SUPERSEDED, ChangeState.FAILED)
_WAITING = (ChangeState.AWAITING_PAYMENT, ChangeState.SCHEDULED)


class CollectionRepository:
    """All queries on collections and the customers they are for. The caller commits."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def expect(self, change: Change, *, now: datetime) -> CollectionRecord | None:
        """Note in the caller's transaction that a change is to be collected.

        None where the network has no Stripe key. Asking twice returns the same.
        """
        network = self._session.get(Network, change.network_id)
        if network is None or not network.sealed_stripe_key:
            return None
        known = self.find(change.id)
        if known is not None:
            return known
        row = {
            "change_id": change.id,
            "network_id": change.network_id,
            "membership_id": change.membership_id,
            "state": CollectionState.PLANNED,
            "plan": {},
            **dict.fromkeys(_TEXTS, ""),
            "attempts": 0,
            "due_at": now,
            "created_at": now,
            "updated_at": now,
        }
        # Whoever comes second leaves what the first one has written.
        upsert(
            self._session.connection(),
            CollectionRecord,
            [row],
            keep=frozenset(row) - {"updated_at"},
        )
        return self.find(change.id)

    def find(self, change_id: str) -> CollectionRecord | None:
        """What is collected for a change, as it is now, or None."""
        return self._session.get(CollectionRecord, change_id, populate_existing=True)

    def others(self, change: Change) -> list[CollectionRecord]:
        """What may still be at Stripe for other changes of the same membership."""
        return list(
            self._session.exec(
                select(CollectionRecord).where(
                    CollectionRecord.network_id == change.network_id,
                    CollectionRecord.membership_id == change.membership_id,
                    CollectionRecord.change_id != change.id,
                    col(CollectionRecord.state).in_(OPEN),
                )
            )
        )

    def with_work(
        self, now: datetime, *, limit: int = 200
    ) -> Sequence[tuple[CollectionRecord, Change]]:
        """What can be gone on with now without the customer, with its change, oldest first.

        Its change came to nothing, or needs no payment and was not asked for yet, or is
        paid or due and carried out.
        """
        state, due = col(Change.state), col(Change.amount_due)
        nothing_due = due == 0
        return self._session.exec(
            select(CollectionRecord, Change)
            .where(
                Change.id == CollectionRecord.change_id,
                col(CollectionRecord.state).in_(OPEN),
                col(CollectionRecord.due_at) <= now,
                or_(
                    state.in_(_OVER),
                    and_(col(CollectionRecord.state) == CollectionState.PLANNED, nothing_due),
                    and_(
                        state.not_in(_WAITING),
                        or_(nothing_due, col(Change.payment_key).is_not(None)),
                    ),
                ),
            )
            .order_by(col(CollectionRecord.created_at))
            .limit(limit)
        ).all()

    def claim(self, change_id: str, *, now: datetime, until: datetime) -> bool:
        """Take it until then; False when another worker has it or it is over."""
        statement = (
            update(CollectionRecord)
            .where(
                col(CollectionRecord.change_id) == change_id,
                col(CollectionRecord.state).in_(OPEN),
                col(CollectionRecord.due_at) <= now,
            )
            .values(due_at=until, attempts=CollectionRecord.attempts + 1)
            .execution_options(synchronize_session=False)
        )
        return self._session.exec(statement).rowcount == 1

    def save(self, change_id: str, *, now: datetime, **values: Any) -> None:
        """Set columns of what is collected for a change."""
        self._session.exec(
            update(CollectionRecord)
            .where(col(CollectionRecord.change_id) == change_id)
            .values(updated_at=now, **values)
            .execution_options(synchronize_session=False)
        )

    def plan(self, change_id: str, plan: dict[str, Any], *, now: datetime) -> dict[str, Any]:
        """Keep the decision, unless one was kept before, and return the one that counts."""
        statement = (
            update(CollectionRecord)
            .where(col(CollectionRecord.change_id) == change_id)
            .values(updated_at=now)
            .execution_options(synchronize_session=False)
        )
        # A write first, so that of two at the same moment one comes second.
        self._session.exec(statement)
        record = self._session.get_one(CollectionRecord, change_id, populate_existing=True)
        if not record.plan:
            record.plan = plan
            self._session.add(record)
            self._session.flush()
        return record.plan

    def customer(self, network_id: int, customer_id: int) -> StripeCustomer | None:
        """The customer at Stripe whom planbridge made, or None."""
        key = (network_id, customer_id)
        return self._session.get(StripeCustomer, key, populate_existing=True)

    def keep_customer(
        self, network_id: int, customer_id: int, stripe_id: str, *, now: datetime
    ) -> None:
        """Keep the customer at Stripe of a customer of the network."""
        row = {
            "network_id": network_id,
            "customer_id": customer_id,
            "stripe_id": stripe_id,
            "created_at": now,
        }
        upsert(self._session.connection(), StripeCustomer, [row])
