"""What the operator has to look at, one sentence for each concern; "" when all is well."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from functools import partial

from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError
from sqlmodel import Session

from bridge.jobs import drift_alarms, schedule_alarms
from bridge.store.billings import BillingRepository
from bridge.store.event_passes import EventPassRepository
from bridge.store.hooks import HookRepository
from bridge.store.notices import NoticeRepository


def alarms(
    engine: Engine, clock: Callable[[], datetime], *, has_mail: bool
) -> Mapping[str, Callable[[], str]]:
    """Every alarm by its name; ``has_mail`` whether a mail server is set."""
    concerns: Mapping[str, Callable[[Session], str]] = {
        "stripe events": _event_alarms,
        "billing": _billing_alarms,
        "drift": drift_alarms,
        "schedules": partial(schedule_alarms, clock=clock),
        "notices": partial(_notice_alarms, has_mail=has_mail),
        "hooks": _hook_alarms,
    }
    return {name: partial(_ask, engine, concern) for name, concern in concerns.items()}


def _ask(engine: Engine, concern: Callable[[Session], str]) -> str:
    try:
        with Session(engine) as session:
            return concern(session)
    except SQLAlchemyError:
        return "nobody knows: the database does not answer"


def _event_alarms(session: Session) -> str:
    found = EventPassRepository(session).alarms()
    return "; ".join(f"{network}: {alarm}" for network, alarm in found)


def _billing_alarms(session: Session) -> str:
    waiting = len(BillingRepository(session).list(needs_operator=True))
    return f"{waiting} wait for you: planbridge billing list --attention" if waiting else ""


def _notice_alarms(session: Session, *, has_mail: bool) -> str:
    notices = NoticeRepository(session)
    stuck = [
        f"notices of {network} that could not be sent: {count} (planbridge notices list)"
        for network, count in notices.in_attention()
    ]
    if not has_mail and (waiting := notices.waiting()):
        stuck.append(f"{waiting} notices wait, but no mail server is set: PLANBRIDGE_SMTP_HOST")
    return "; ".join(stuck)


def _hook_alarms(session: Session) -> str:
    return "; ".join(
        f"{endpoint.id} of {network} was switched off, {endpoint.disabled_why} "
        f"(planbridge hooks show {endpoint.id})"
        for network, endpoint in HookRepository(session).troubled()
    )
