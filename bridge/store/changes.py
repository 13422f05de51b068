"""All queries on changes and their steps: open one, move it on, write down what was done."""

from __future__ import annotations

import secrets
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import and_, or_, update
from sqlalchemy.exc import IntegrityError
from sqlmodel import Session, col, select

from bridge.errors import Conflict, UnknownChange
from bridge.store.change_news import tell_change
from bridge.store.tables import Change, ChangeState, ChangeStep, MembershipRecord


class ChangeStandsInTheWay(Conflict):
    """Membership {membership} has another change under way."""

    hint = "`planbridge changes list --membership {membership}` shows it."


def new_change_id() -> str:
    """An id for a change: also the id of its workflow."""
    return f"chg_{secrets.token_hex(12)}"


class ChangeRepository:
    """All queries on changes. The caller commits."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def add(self, change: Change) -> Change:
        """Keep a new change.

        Raises:
            ChangeStandsInTheWay: the membership has an open change, or the payment has one;
                the session was rolled back.
        """
        self._session.add(change)
        try:
            self._session.flush()
        except IntegrityError:
            self._session.rollback()
            raise ChangeStandsInTheWay(membership=change.membership_id) from None
        tell_change(self._session, change, now=change.updated_at)
        return change

    def find(self, change_id: str) -> Change | None:
        """The change of that id as it is now, or None."""
        return self._session.get(Change, change_id, populate_existing=True)

    def get(self, change_id: str) -> Change:
        """The change of that id as it is now.

        Raises:
            UnknownChange: there is none.
        """
        change = self.find(change_id)
        if change is None:
            raise UnknownChange(change=change_id)
        return change

    def open_of(self, network_id: int, membership_id: int) -> Change | None:
        """The one change of a membership that can still write, or None."""
        return self._session.exec(
            select(Change).where(
                Change.network_id == network_id,
                Change.membership_id == membership_id,
                col(Change.is_open).is_(True),
            )
        ).one_or_none()

    def of_quote(self, quote_id: str) -> list[Change]:
        """All changes that came of a quote, newest first."""
        return list(
            self._session.exec(
                select(Change)
                .where(Change.quote_id == quote_id)
                .order_by(col(Change.created_at).desc(), col(Change.id).desc())
            )
        )

    def of_payment(self, network_id: int, payment_key: str) -> Change | None:
        """The change that a payment went to, or None."""
        return self._session.exec(
            select(Change).where(Change.network_id == network_id, Change.payment_key == payment_key)
        ).one_or_none()

    def list(
        self,
        *,
        network_id: int | None = None,
        states: Collection[ChangeState] | None = None,
        membership_id: int | None = None,
        limit: int = 100,
    ) -> list[Change]:
        """Changes, newest first."""
        query = select(Change).order_by(col(Change.created_at).desc(), col(Change.id).desc())
        if network_id is not None:
            query = query.where(Change.network_id == network_id)
        if states is not None:
            query = query.where(col(Change.state).in_(states))
        if membership_id is not None:
            query = query.where(Change.membership_id == membership_id)
        return [*self._session.exec(query.limit(limit))]

    def ready(self, now: datetime, *, limit: int = 500) -> Sequence[Change]:
        """Changes that the engine is to take up: accepted ones, scheduled ones that are due."""
        return self._session.exec(
            select(Change)
            .where(
                or_(
                    col(Change.state) == ChangeState.ACCEPTED,
                    and_(
                        col(Change.state) == ChangeState.SCHEDULED,
                        col(Change.effective_at) <= now,
                    ),
                )
            )
            .order_by(col(Change.created_at))
            .limit(limit)
        ).all()

    def at_work(self) -> Sequence[Change]:
        """Open changes that a workflow has begun with."""
        begun = (ChangeState.APPLYING, ChangeState.PROVING, ChangeState.ATTENTION)
        return self._session.exec(
            select(Change)
            .where(col(Change.is_open).is_(True), col(Change.state).in_(begun))
            .order_by(col(Change.created_at))
        ).all()

    def move(
        self,
        change_id: str,
        *,
        to: ChangeState,
        came_from: Collection[ChangeState],
        now: datetime,
        is_open: bool | None = None,
        **values: Any,
    ) -> bool:
        """Move a change on if it still stands where the caller believes; False if not.

        Every state is written here or in `add`, so whoever is to know of it is told here.
        ``is_open`` follows the state unless given. ``values`` are further columns.

        Raises:
            ChangeStandsInTheWay: it would be open beside another open change; the session
                was rolled back.
        """
        statement = (
            update(Change)
            .where(col(Change.id) == change_id, col(Change.state).in_(came_from))
            .values(
                state=to,
                is_open=to.is_open if is_open is None else is_open,
                updated_at=now,
                **values,
            )
            .execution_options(synchronize_session="fetch")
        )
        try:
            moved = self._session.exec(statement).rowcount == 1
        except IntegrityError:
            self._session.rollback()
            raise ChangeStandsInTheWay(membership=self.get(change_id).membership_id) from None
        if moved:
            written = values.get("applied_at") is not None
            tell_change(self._session, self.get(change_id), now=now, written=written)
        return moved

    def next_generation(self, network_id: int, membership_id: int) -> int | None:
        """Raise the fence of a membership and return it; None when the mirror has no such row.

        A write, so that from here to the commit nobody else decides about this membership.
        """
        statement = (
            update(MembershipRecord)
            .where(
                col(MembershipRecord.network_id) == network_id,
                col(MembershipRecord.id) == membership_id,
            )
            .values(generation=MembershipRecord.generation + 1)
            .returning(col(MembershipRecord.generation))
            .execution_options(synchronize_session="fetch")
        )
        return self._session.exec(statement).scalar_one_or_none()

    def hold(self, network_id: int, membership_id: int) -> bool:
        """Lock a membership until the commit; False when the mirror has no such row."""
        statement = (
            update(MembershipRecord)
            .where(
                col(MembershipRecord.network_id) == network_id,
                col(MembershipRecord.id) == membership_id,
            )
            .values(generation=MembershipRecord.generation)
            .execution_options(synchronize_session=False)
        )
        return self._session.exec(statement).rowcount == 1

    def generation(self, network_id: int, membership_id: int) -> int | None:
        """The fence of a membership now; None when the mirror has no such row."""
        return self._session.exec(
            select(MembershipRecord.generation).where(
                MembershipRecord.network_id == network_id, MembershipRecord.id == membership_id
            )
        ).one_or_none()

    def steps(self, change_id: str) -> Sequence[ChangeStep]:
        """What was done for a change, in order."""
        return self._session.exec(
            select(ChangeStep).where(ChangeStep.change_id == change_id).order_by(col(ChangeStep.id))
        ).all()

    def step(self, change_id: str, name: str, subject: str = "") -> ChangeStep | None:
        """One step as it was last written down, or None."""
        return self._session.exec(
            select(ChangeStep).where(
                ChangeStep.change_id == change_id,
                ChangeStep.name == name,
                ChangeStep.subject == subject,
            )
        ).one_or_none()

    def begin_step(
        self, change_id: str, name: str, *, subject: str = "", now: datetime
    ) -> ChangeStep:
        """Write down that a step is tried (once more)."""
        step = self.step(change_id, name, subject)
        if step is None:
            step = ChangeStep(change_id=change_id, name=name, subject=subject, started_at=now)
        step.attempts += 1
        step.state = "running"
        step.finished_at = None
        self._session.add(step)
        self._session.flush()
        return step

    def note(self, step: ChangeStep, detail: Mapping[str, Any]) -> None:
        """Lay ``detail`` over what is noted of a step that is still tried."""
        step.detail = {**step.detail, **detail}
        self._session.add(step)
        self._session.flush()

    def end_step(
        self, step: ChangeStep, *, state: str, detail: Mapping[str, Any], now: datetime
    ) -> None:
        """Write down how the try ended; ``detail`` is laid over what is there."""
        step.state = state
        step.finished_at = now
        self.note(step, detail)
