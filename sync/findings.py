"""What was found on a site, as it is kept."""

from __future__ import annotations

from datetime import datetime

from sqlmodel import Session

from bridge.store import drift as store
from bridge.store.tables import DriftFinding, DriftState
from sync.judged import Judged, Verdict


def keep_finding(
    session: Session,
    network_id: int,
    judged: Judged,
    *,
    now: datetime,
    state: DriftState | None = None,
) -> DriftFinding:
    """Keep a site that is gone or differs, in ``state`` after a repair; the caller commits."""
    found = DriftState.GONE if judged.verdict is Verdict.GONE else DriftState.OPEN
    finding = DriftFinding(
        network_id=network_id,
        site_id=judged.site_id,
        membership_id=judged.membership_id,
        state=state or found,
        differences=list(judged.differences),
        overrides=list(judged.overrides),
        expected=dict(judged.expected),
        shown=dict(judged.shown),
        note=judged.note,
        found_at=now,
        seen_at=now,
        repaired_at=now if state is DriftState.REPAIRED else None,
    )
    store.keep(session, finding)
    return finding
