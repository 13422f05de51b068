"""A change that waits for the operator, closed by his word instead of by proof."""

from __future__ import annotations

from datetime import datetime

from sqlmodel import Session

from bridge.errors import Conflict, InvalidInput
from bridge.store.changes import ChangeRepository
from bridge.store.tables import Change, ChangeState


class ChangeNotClosed(Conflict):
    """Change {change} cannot be closed by hand: it is {state}."""

    hint = "Only what waits for the operator can be."


def close_change(
    session: Session, change_id: str, *, done: bool, why: str, now: datetime
) -> Change:
    """Close a change that waits for the operator: ``done`` elsewhere, or given up as failed.

    Nothing is written to the network. ``applied`` is all it can become: what planbridge has
    not read back, it does not call proven. A workflow that still tries it ends by itself.

    Raises:
        InvalidInput: no reason was given.
        UnknownChange: there is none of that id.
        ChangeNotClosed: it does not wait for the operator.
    """
    if not why.strip():
        raise InvalidInput(what="closing a change", why="the reason is missing")
    changes = ChangeRepository(session)
    change = changes.get(change_id)
    to = ChangeState.APPLIED if done else ChangeState.FAILED
    reason = f"closed by hand: {why.strip()[:500]}"
    moved = changes.move(
        change_id, to=to, came_from=(ChangeState.ATTENTION,), now=now, reason=reason
    )
    if not moved:
        raise ChangeNotClosed(change=change_id, state=change.state.value)
    return changes.get(change_id)
