"""What is told of a change when it comes to another state, in the transaction that moves it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Final

from sqlmodel import Session

from bridge.domain.notices import NoticeKind
from bridge.domain.outgoing import EventType
from bridge.store.notices import NoticeRepository
from bridge.store.outgoing import Fact, tell
from bridge.store.tables import Change, ChangeState

_EVENTS: Final[Mapping[ChangeState, EventType]] = {
    ChangeState.SCHEDULED: EventType.CHANGE_SCHEDULED,
    ChangeState.ACCEPTED: EventType.CHANGE_ACCEPTED,
    ChangeState.APPLIED: EventType.CHANGE_UNPROVEN,
    ChangeState.PROVEN: EventType.CHANGE_PROVEN,
    ChangeState.ATTENTION: EventType.CHANGE_ATTENTION,
    ChangeState.REVOKED: EventType.CHANGE_REVOKED,
    ChangeState.SUPERSEDED: EventType.CHANGE_SUPERSEDED,
    ChangeState.FAILED: EventType.CHANGE_FAILED,
}
_DONE: Final = (ChangeState.APPLIED, ChangeState.PROVEN)


def tell_change(session: Session, change: Change, *, now: datetime, written: bool = False) -> None:
    """Tell the operator's systems where a change stands, and the customer when it is done.

    Once for every state and every time the operator began it anew; ``written`` when its
    membership was written just now. The customer is told once of each change.
    """
    events = [_EVENTS[change.state]] if change.state in _EVENTS else []
    if written:
        events.insert(0, EventType.CHANGE_APPLIED)
    facts = [_fact(event, change) for event in events]
    tell(session.connection(), change.network_id, facts, now=now)
    if change.state in _DONE:
        NoticeRepository(session).note(
            change.network_id,
            NoticeKind.CHANGE_DONE,
            change.id,
            now=now,
            membership_id=change.membership_id,
        )


def _fact(event: EventType, change: Change) -> Fact:
    return Fact(
        event,
        f"{change.id}:{change.attempts}",
        change.membership_id,
        {
            "change": change.id,
            "state": change.state.value,
            "kind": change.kind,
            "quote": change.quote_id,
            "currency": change.currency,
            "amount_due": change.amount_due,
            "amount_paid": change.amount_paid,
            "payment": change.payment_key,
            "reason": change.reason,
            "effective_at": change.effective_at,
            "paid_at": change.paid_at,
            "applied_at": change.applied_at,
            "proven_at": change.proven_at,
        },
    )
