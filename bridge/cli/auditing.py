"""What commands write down of what they did."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from sqlmodel import Session

from bridge.store.audit import AuditLog
from bridge.wiring import App

ACTOR: Final = "command line"
"""Who did it: whoever may run commands needs no account."""


def write_down(
    planbridge: App,
    session: Session,
    action: str,
    *,
    network: str = "",
    membership_id: int | None = None,
    subject: str = "",
    detail: Mapping[str, Any] | None = None,
) -> None:
    """Write down what a command does, in the transaction of the deed."""
    AuditLog(session).write(
        action,
        actor=ACTOR,
        now=planbridge.clock(),
        network=network,
        membership_id=membership_id,
        subject=subject,
        detail=detail,
    )
