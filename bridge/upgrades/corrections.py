"""What the operator may do to a change: take it back, or let it be tried again."""

from __future__ import annotations

from datetime import datetime

from sqlmodel import Session

from bridge.errors import Conflict
from bridge.store.changes import ChangeRepository
from bridge.store.tables import Change, ChangeState
from bridge.upgrades.opening import REPLACEABLE, money_words


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
    held = change.state is ChangeState.ATTENTION and not change.is_open
    came_from = (ChangeState.ATTENTION,) if held else REPLACEABLE
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

    A change that the engine still works at is returned as it is: waking it is enough.

    Raises:
        UnknownChange: there is none of that id.
        ChangeNotRetried: there is nothing to try.
        ChangeStandsInTheWay: another change of the membership is under way.
    """
    changes = ChangeRepository(session)
    change = changes.get(change_id)
    if change.is_open and change.state not in REPLACEABLE:
        return change
    held = change.state is ChangeState.ATTENTION
    if not held and change.state not in (ChangeState.APPLIED, ChangeState.FAILED):
        raise ChangeNotRetried(change=change_id, why=f"it is {change.state.value}.")
    if held and not change.target:
        raise ChangeNotRetried(change=change_id, why=f"{change.reason}.")
    if held and change.amount_paid != change.amount_due:
        raise ChangeNotRetried(
            change=change_id,
            why=f"{change.reason}. Give the money back or collect the rest, then revoke it.",
        )
    changes.hold(change.network_id, change.membership_id)
    generation = changes.generation(change.network_id, change.membership_id)
    if not held and generation != change.generation:
        raise ChangeNotRetried(change=change_id, why="a newer change was made since.")
    if held:
        generation = changes.next_generation(change.network_id, change.membership_id)
    changes.move(
        change_id,
        to=ChangeState.ACCEPTED,
        came_from=(change.state,),
        now=now,
        reason="",
        generation=generation or 0,
        attempts=change.attempts + 1,
        # The operator has seen how the membership stands and wants it all the same.
        target={key: value for key, value in change.target.items() if key != "basis"},
    )
    return changes.get(change_id)
