"""Times as people type them, on the command line and in forms."""

from __future__ import annotations

from datetime import UTC, datetime

from bridge.errors import InvalidInput


def parse_moment(text: str) -> datetime:
    """An ISO time; without a zone it is UTC.

    Raises:
        InvalidInput: not a time.
    """
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise InvalidInput(
            what=repr(text), why="expected a time such as 2026-03-01 or 2026-03-01T12:00Z"
        ) from None
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
