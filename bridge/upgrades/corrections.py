"""What the operator may do to a change: take it back, or let it be tried again."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlmodel import Session

from bridge.errors import Conflict
from bridge.store.changes import ChangeRepository
from bridge.store.tables import Change, ChangeState
from bridge.upgrades.opening import REPLACEABLE, money_words
from bridge.upgrades.outcomes import CHECK, OTHER_PRODUCTS


class ChangeNotRetried(Conflict):
    """Change {change} cannot be tried again: {why}"""


class ChangeNotRevoked(Conflict):
    """Change {change} cannot be revoked: it is {state}."""

    hint = "Only what is scheduled, waits for its payment, or was never begun can be revoked."


def revoke_change(session: Session, change_id: str, now: datetime) -> Change:
    """Take back a change of which nothing was written yet.

    Raises:
        UnknownChange: there is none of that id.
        ChangeNotRevoked: it has begun, or is over.
    """
    changes = ChangeRepository(session)
    change = changes.get(change_id)
    came_from = (ChangeState.ATTENTION,) if _held(change) else REPLACEABLE
    reason = "revoked"
    if change.amount_paid:
        reason += f"; {money_words(change.amount_paid, change.currency)} was paid: give it back"
    if not changes.move(
        change_id, to=ChangeState.REVOKED, came_from=came_from, now=now, reason=reason
    ):
        raise ChangeNotRevoked(change=change_id, state=changes.get(change_id).state.value)
    return changes.get(change_id)


def retry_change(session: Session, change_id: str, now: datetime) -> Change:
    """Let the operator's word open a change again that the engine has put aside.

    A change that a workflow still works at keeps its state: waking that is enough.

    Raises:
        UnknownChange: there is none of that id.
        ChangeNotRetried: there is nothing to try.
        ChangeStandsInTheWay: another change of the membership is under way.
    """
    changes = ChangeRepository(session)
    change = changes.get(change_id)
    changes.hold(change.network_id, change.membership_id)
    if change.is_open and change.state not in REPLACEABLE:
        check = changes.step(change_id, CHECK)
        if check is not None and check.detail.get(OTHER_PRODUCTS):
            _move(changes, change, change.state, now=now, target=_without_basis(change))
        return changes.get(change_id)
    fence = changes.generation(change.network_id, change.membership_id)
    _refuse_what_cannot_be_retried(change, fence)
    if _held(change):
        fence = changes.next_generation(change.network_id, change.membership_id)
    _move(
        changes,
        change,
        ChangeState.ACCEPTED,
        now=now,
        reason="",
        generation=change.generation if fence is None else fence,
        attempts=change.attempts + 1,
        target=_without_basis(change),
    )
    return changes.get(change_id)


def _refuse_what_cannot_be_retried(change: Change, fence: int | None) -> None:
    why = ""
    if _held(change):
        if not change.target:
            why = f"{change.reason}."
        elif change.amount_paid != change.amount_due:
            why = f"{change.reason}. Give the money back or collect the rest, then revoke it."
    elif change.state not in (ChangeState.APPLIED, ChangeState.FAILED):
        why = f"it is {change.state.value}."
    elif fence is not None and fence != change.generation:
        why = "a newer change was made since."
    if why:
        raise ChangeNotRetried(change=change.id, why=why)


def _held(change: Change) -> bool:
    """A payment that was put aside: the engine has never begun with it."""
    return change.state is ChangeState.ATTENTION and not change.is_open


def _without_basis(change: Change) -> dict[str, Any]:
    """The operator has seen how the membership stands and wants the change all the same."""
    return {name: value for name, value in change.target.items() if name != "basis"}


def _move(
    changes: ChangeRepository, change: Change, to: ChangeState, *, now: datetime, **values: Any
) -> None:
    changes.move(change.id, to=to, came_from=(change.state,), now=now, **values)
