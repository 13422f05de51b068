"""All queries on memberships that are to end with what is paid."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import update
from sqlmodel import Session, col, select

from bridge.store.billings import BillingRepository
from bridge.store.changes import ChangeRepository
from bridge.store.tables import (
    Cancellation,
    Change,
    ChangeState,
    MembershipRecord,
    StripeSeen,
)

_OVER = ("canceled", "incomplete", "incomplete_expired")


@dataclass(frozen=True, slots=True)
class Ending:
    """When a membership ends by its customer's wish; ``settled`` once that is arranged.

    ``problem`` is why the last try to arrange it came to nothing.
    """

    at: datetime | None
    settled: bool
    problem: str = ""


class CancellationRepository:
    """All queries on cancellations. The caller commits."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def find(self, network_id: int, membership_id: int) -> Cancellation | None:
        """The cancellation of a membership as it is now, or None."""
        return self._session.get(Cancellation, (network_id, membership_id), populate_existing=True)

    def ask(
        self,
        member: MembershipRecord,
        *,
        wanted: bool,
        now: datetime,
        reason: str = "",
        comment: str = "",
    ) -> bool:
        """Note what the customer wants now; False when that is what happens anyway.

        The membership's row is locked until the commit, so that of two clicks one is second.
        """
        ChangeRepository(self._session).hold(member.network_id, member.id)
        if (self.ending(member) is not None) is wanted:
            return False
        row = self.find(member.network_id, member.id) or Cancellation(
            network_id=member.network_id,
            membership_id=member.id,
            turn=0,
            asked_at=now,
            updated_at=now,
        )
        row.wanted, row.turn = wanted, row.turn + 1
        row.reason, row.comment = reason, comment
        row.ends_at = member.date_expiration
        row.asked_at = row.updated_at = row.due_at = now
        row.attempts, row.problem = 0, ""
        self._session.add(row)
        self._session.flush()
        return True

    def due(self, now: datetime, *, limit: int = 100) -> Sequence[tuple[int, int]]:
        """(network, membership) of what is to be worked at."""
        return self._session.exec(
            select(Cancellation.network_id, Cancellation.membership_id)
            .where(col(Cancellation.due_at) <= now)
            .order_by(col(Cancellation.due_at))
            .limit(limit)
        ).all()

    def note(self, row: Cancellation, *, now: datetime, **values: Any) -> bool:
        """Write down what came of a turn; False when the customer has changed his mind since."""
        statement = (
            update(Cancellation)
            .where(
                col(Cancellation.network_id) == row.network_id,
                col(Cancellation.membership_id) == row.membership_id,
                col(Cancellation.turn) == row.turn,
            )
            .values(updated_at=now, **values)
            .execution_options(synchronize_session=False)
        )
        return self._session.exec(statement).rowcount == 1

    def overtaken(self, row: Cancellation) -> bool:
        """Whether a change that was asked for later was paid: who pays wants to stay."""
        found = self._session.exec(
            select(Change.id)
            .where(
                Change.network_id == row.network_id,
                Change.membership_id == row.membership_id,
                col(Change.created_at) > row.asked_at,
                col(Change.paid_at).is_not(None),
            )
            .limit(1)
        )
        return found.first() is not None

    def ending(self, member: MembershipRecord) -> Ending | None:
        """How a membership ends by its customer's wish, made here or at Stripe; None: not.

        What Stripe showed last counts from then on, since the wish can be changed there. A
        scheduled change may end the subscription, too; that is no cancellation.
        """
        change = ChangeRepository(self._session).open_of(member.network_id, member.id)
        if change is not None and change.state is ChangeState.SCHEDULED:
            return None
        row = self.find(member.network_id, member.id)
        live = self._live(member)
        if row is not None and not (live is not None and _is_newer(live, row)):
            if not row.wanted or self.overtaken(row):
                return None
            waits = row.due_at is None or row.due_at > row.updated_at
            settled = waits and not row.problem
            return Ending(row.ends_at or member.date_expiration, settled, row.problem)
        if live is None or not live.facts.get("ends_at_period_end"):
            return None
        return Ending(member.date_expiration, True)

    def _live(self, member: MembershipRecord) -> StripeSeen | None:
        rows = BillingRepository(self._session).objects(member.network_id, member.id)
        live = [
            row
            for row in rows
            if row.kind == "subscription"
            and row.facts.get("ours")
            and row.facts.get("status") not in _OVER
        ]
        return max(live, key=lambda row: row.seen_at, default=None)


def _is_newer(seen: StripeSeen, row: Cancellation) -> bool:
    """Whether Stripe showed it after the row was written. Stripe tells its time in seconds."""
    second = row.updated_at.replace(microsecond=0)
    return seen.updated_at > row.updated_at and seen.seen_at >= second
