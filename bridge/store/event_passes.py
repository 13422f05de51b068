"""All queries on passes over Stripe's list of events."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlmodel import Session, col, select

from bridge.store.tables import EventPass, Network


class EventPassRepository:
    """All queries on `EventPass`. The caller commits."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def get(self, network_id: int) -> EventPass:
        """The pass of a network, made if there is none."""
        known = self._session.get(EventPass, network_id, populate_existing=True)
        if known is None:
            known = EventPass(network_id=network_id)
            self._session.add(known)
            self._session.flush()
        return known

    def begin(self, network_id: int, *, since: datetime, until: datetime) -> EventPass:
        """Begin a pass over this time."""
        return self.save(network_id, pass_from=since, pass_to=until, cursor="", listed=0, missing=0)

    def save(self, network_id: int, **values: Any) -> EventPass:
        """Set columns."""
        known = self.get(network_id)
        for name, value in values.items():
            setattr(known, name, value)
        self._session.add(known)
        self._session.flush()
        return known

    def alarms(self) -> Sequence[tuple[str, str]]:
        """(network name, alarm) of all that have one."""
        return self._session.exec(
            select(Network.name, EventPass.alarm)
            .where(Network.id == EventPass.network_id, EventPass.alarm != "")
            .order_by(col(Network.name))
        ).all()
