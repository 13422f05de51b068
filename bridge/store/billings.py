"""All queries on the billing of memberships: what is due, what was seen, what was settled."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, delete, func, or_, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlmodel import Session, col, select

from bridge.store.tables import (
    Billing,
    Change,
    ChangeState,
    StripeCustomer,
    StripePaymentId,
    StripeSeen,
)
from bridge.store.upserts import table_of

DISPUTES_OVER = ("lost", "won", "warning_closed", "prevented")
"""States in which a dispute is decided."""

_AT_WORK = (ChangeState.ACCEPTED, ChangeState.APPLYING, ChangeState.PROVING)


@dataclass(frozen=True, slots=True)
class Settled:
    """What was carried out for an object, to be kept beside it."""

    account: str
    id: str
    detail: dict[str, Any]


class BillingRepository:
    """All queries on `Billing` and the objects it is made of. The caller commits."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def touch(self, network_id: int, membership_id: int, *, now: datetime) -> None:
        """Something was seen of a membership: its billing is due."""
        table = table_of(Billing)
        dialect = postgresql if self._session.get_bind().dialect.name == "postgresql" else sqlite
        statement = dialect.insert(table).values(
            network_id=network_id,
            membership_id=membership_id,
            seen=1,
            due_at=now,
            attempts=0,
            standing="",
            reason="",
            needs_operator=False,
            noted={},
            updated_at=now,
        )
        self._session.connection().execute(
            statement.on_conflict_do_update(
                index_elements=["network_id", "membership_id"],
                set_={
                    "seen": table.c.seen + 1,
                    "due_at": now,
                    "updated_at": now,
                },
            )
        )

    def find(self, network_id: int, membership_id: int) -> Billing | None:
        """The billing of a membership as it is now, or None."""
        return self._session.get(Billing, (network_id, membership_id), populate_existing=True)

    def list(
        self, *, network_id: int | None = None, needs_operator: bool | None = None
    ) -> Sequence[Billing]:
        """Billings by network and membership."""
        query = select(Billing).order_by(col(Billing.network_id), col(Billing.membership_id))
        if network_id is not None:
            query = query.where(Billing.network_id == network_id)
        if needs_operator is not None:
            query = query.where(Billing.needs_operator == needs_operator)
        return self._session.exec(query).all()

    def networks_due(self, now: datetime, *, without: Collection[int] = ()) -> Sequence[int]:
        """Networks of which something is due, but none of those ``without``."""
        query = select(Billing.network_id).where(*_free(now)).distinct()
        if without:
            query = query.where(col(Billing.network_id).not_in(without))
        return self._session.exec(query.order_by(col(Billing.network_id))).all()

    def due(self, now: datetime, *, network_id: int, limit: int = 200) -> Sequence[tuple[int, int]]:
        """(network, membership) of what is due of a network, longest first."""
        query = select(Billing.network_id, Billing.membership_id).where(
            *_free(now), Billing.network_id == network_id
        )
        return self._session.exec(query.order_by(col(Billing.due_at)).limit(limit)).all()

    def waiting(self, network_id: int, now: datetime) -> tuple[int, int]:
        """How many memberships of a network are due still, and how many need the operator."""
        of_network = Billing.network_id == network_id
        counted = select(func.count()).select_from(Billing)
        return (
            self._session.exec(counted.where(of_network, *_free(now))).one(),
            self._session.exec(counted.where(of_network, col(Billing.needs_operator))).one(),
        )

    def claim(
        self, network_id: int, membership_id: int, *, now: datetime, until: datetime
    ) -> Billing | None:
        """Hold a billing until then; None when another worker has it."""
        statement = (
            update(Billing)
            .where(*_of(network_id, membership_id), *_free(now))
            .values(held_until=until, attempts=Billing.attempts + 1)
            .execution_options(synchronize_session=False)
        )
        if self._session.exec(statement).rowcount != 1:
            return None
        return self.find(network_id, membership_id)

    def note(self, billing: Billing, noted: dict[str, Any]) -> None:
        """Keep what must be known again after a crash."""
        self._session.exec(
            update(Billing)
            .where(*_of(billing.network_id, billing.membership_id))
            .values(noted=noted)
            .execution_options(synchronize_session=False)
        )

    def release(
        self, billing: Billing, *, due_at: datetime | None, now: datetime, **values: Any
    ) -> None:
        """Let go of a billing that was held; due at once if more was seen meanwhile."""
        statement = (
            update(Billing)
            .where(*_of(billing.network_id, billing.membership_id))
            .execution_options(synchronize_session=False)
        )
        unseen = col(Billing.seen) == billing.seen  # else it is due since then
        self._session.exec(statement.values(held_until=None, updated_at=now, **values))
        self._session.exec(statement.where(unseen).values(due_at=due_at))

    def objects(self, network_id: int, membership_id: int) -> Sequence[StripeSeen]:
        """Everything that was seen of a membership, by kind and id."""
        return self._session.exec(
            select(StripeSeen)
            .where(StripeSeen.network_id == network_id, StripeSeen.membership_id == membership_id)
            .order_by(col(StripeSeen.kind), col(StripeSeen.id))
        ).all()

    def payment_of(self, account: str | None, stripe_id: str) -> Sequence[str]:
        """All ids of the payment that an id is of, itself first.

        ``account`` None: of whichever account has the id.
        """
        of_account = [] if account is None else [col(StripePaymentId.account) == account]
        mine = select(StripePaymentId.account, StripePaymentId.payment).where(
            StripePaymentId.stripe_id == stripe_id, *of_account
        )
        found = self._session.exec(mine).first()
        if found is None:
            return [stripe_id]
        others = self._session.exec(
            select(StripePaymentId.stripe_id)
            .where(
                StripePaymentId.account == found[0],
                StripePaymentId.payment == found[1],
                StripePaymentId.stripe_id != stripe_id,
            )
            .order_by(col(StripePaymentId.stripe_id))
        ).all()
        return [stripe_id, *others]

    def settle(self, settled: Sequence[Settled]) -> None:
        """Keep what was carried out for objects."""
        for one in settled:
            self._session.exec(
                update(StripeSeen)
                .where(col(StripeSeen.account) == one.account, col(StripeSeen.id) == one.id)
                .values(settled=one.detail)
                .execution_options(synchronize_session=False)
            )

    def change_at_work(self, network_id: int, membership_id: int) -> Change | None:
        """A change of the membership that is being written, or None."""
        return self._session.exec(
            select(Change).where(
                Change.network_id == network_id,
                Change.membership_id == membership_id,
                col(Change.is_open).is_(True),
                col(Change.state).in_(_AT_WORK),
            )
        ).first()

    def term_set_since(self, network_id: int, membership_id: int) -> datetime | None:
        """When the last change was accepted that set the term anew; None without one."""
        changes = self._session.exec(
            select(Change)
            .where(
                Change.network_id == network_id,
                Change.membership_id == membership_id,
                col(Change.applied_at).is_not(None),
            )
            .order_by(col(Change.applied_at).desc())
        )
        for change in changes:
            if "date_expiration" in change.target:
                return change.paid_at or change.created_at
        return None

    def open_disputes(self, network_id: int, membership_id: int) -> tuple[str, ...]:
        """Ids of the disputes that freeze a membership."""
        rows = self._session.exec(
            select(StripeSeen)
            .where(
                StripeSeen.network_id == network_id,
                StripeSeen.membership_id == membership_id,
                StripeSeen.kind == "dispute",
            )
            .order_by(col(StripeSeen.id))
        )
        return tuple(row.id for row in rows if row.facts.get("status") not in DISPUTES_OVER)

    def forget_customer(self, network_id: int, stripe_id: str) -> None:
        """A customer was deleted at Stripe: the next collection makes a new one."""
        self._session.exec(
            delete(StripeCustomer)
            .where(
                col(StripeCustomer.network_id) == network_id,
                col(StripeCustomer.stripe_id) == stripe_id,
            )
            .execution_options(synchronize_session=False)
        )


def _free(now: datetime) -> tuple[ColumnElement[bool], ...]:
    return (
        col(Billing.due_at) <= now,
        or_(col(Billing.held_until).is_(None), col(Billing.held_until) <= now),
    )


def _of(network_id: int, membership_id: int) -> tuple[ColumnElement[bool], ...]:
    return (
        col(Billing.network_id) == network_id,
        col(Billing.membership_id) == membership_id,
    )
