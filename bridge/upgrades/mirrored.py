"""The mirror's row of a membership, after what the network has just shown."""

from __future__ import annotations

from datetime import datetime

from sqlmodel import Session

from bridge.network.rows import MembershipRow
from bridge.store.mirror import Shown, membership_columns, write_rows


def mirror_membership(
    session: Session, network_id: int, row: MembershipRow, *, asked_at: datetime
) -> None:
    """Write it in the caller's transaction; ``asked_at`` is when the network was asked."""
    columns = membership_columns(
        row.to_domain(),
        date_cancellation=row.date_cancellation,
        date_modified=row.date_modified,
    )
    write_rows(
        session.connection(),
        network_id,
        "membership",
        [Shown(row.id, row.raw, columns)],
        asked_at=asked_at,
    )
