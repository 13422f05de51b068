"""What operators and customers did: written once, never changed."""

from __future__ import annotations

import builtins
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlmodel import Session, col, select

from bridge.store.tables import AuditEntry


class AuditLog:
    """All queries on the audit. The caller commits, in the same transaction as the deed."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def write(
        self,
        action: str,
        *,
        actor: str,
        now: datetime,
        network: str = "",
        membership_id: int | None = None,
        subject: str = "",
        detail: Mapping[str, Any] | None = None,
    ) -> None:
        """Write down who did what to what. ``detail`` holds no secrets."""
        self._session.add(
            AuditEntry(
                at=now,
                actor=actor,
                action=action,
                network=network,
                membership_id=membership_id,
                subject=subject,
                detail=dict(detail or {}),
            )
        )

    def list(
        self,
        *,
        network: str = "",
        membership_id: int | None = None,
        actor: str = "",
        action: str = "",
        before: int | None = None,
        limit: int = 100,
    ) -> builtins.list[AuditEntry]:
        """Entries, newest first; ``before`` is an id, ``action`` how its name begins."""
        query = select(AuditEntry).order_by(col(AuditEntry.id).desc())
        if network:
            query = query.where(AuditEntry.network == network)
        if membership_id is not None:
            query = query.where(AuditEntry.membership_id == membership_id)
        if actor:
            query = query.where(AuditEntry.actor == actor)
        if action:
            query = query.where(col(AuditEntry.action).startswith(action, autoescape=True))
        if before is not None:
            query = query.where(col(AuditEntry.id) < before)
        return [*self._session.exec(query.limit(limit))]
