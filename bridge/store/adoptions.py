"""All queries on take-overs: begin one, write down what was done, end it."""

from __future__ import annotations

import secrets
from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any

from sqlmodel import Session, col, select

from bridge.errors import NotFound
from bridge.store.tables import (
    AdoptionRecord,
    AdoptionState,
    AdoptionStep,
    MembershipRecord,
    PluginEndpoint,
)


class NotAdopted(NotFound):
    """Membership {membership} of network {network} was never taken over."""

    hint = "`planbridge adopt status {network}` shows what was."


class AdoptionRepository:
    """All queries on take-overs of one network. The caller commits."""

    def __init__(self, session: Session, network_id: int) -> None:
        self._session = session
        self._network_id = network_id

    def find(self, membership_id: int) -> AdoptionRecord | None:
        """The take-over of a membership as it is now, or None."""
        key = (self._network_id, membership_id)
        return self._session.get(AdoptionRecord, key, populate_existing=True)

    def every(self, states: Collection[AdoptionState] = ()) -> list[AdoptionRecord]:
        """Take-overs by membership; of these states, or all."""
        query = select(AdoptionRecord).where(AdoptionRecord.network_id == self._network_id)
        if states:
            query = query.where(col(AdoptionRecord.state).in_(states))
        return [*self._session.exec(query.order_by(col(AdoptionRecord.membership_id)))]

    def begin(
        self,
        membership_id: int,
        *,
        gateway: str,
        subscription_id: str,
        before: Mapping[str, Any],
        writes: Mapping[str, Any],
        marks: Mapping[str, str],
        now: datetime,
    ) -> AdoptionRecord:
        """Begin a take-over anew; one that was reverted leaves its steps behind."""
        record = self._session.merge(
            AdoptionRecord(
                network_id=self._network_id,
                membership_id=membership_id,
                token=f"adp_{secrets.token_hex(12)}",
                state=AdoptionState.TAKING,
                gateway=gateway,
                subscription_id=subscription_id,
                before=dict(before),
                writes=dict(writes),
                marks=dict(marks),
                begun_at=now,
                adopted_at=None,
                reverted_at=None,
            )
        )
        self._session.flush()
        return record

    def move(self, record: AdoptionRecord, to: AdoptionState, **values: object) -> None:
        """Let a take-over stand somewhere else; ``values`` are further columns."""
        record.state = to
        for name, value in values.items():
            setattr(record, name, value)
        self._session.merge(record)
        self._session.flush()

    def note(
        self, record: AdoptionRecord, name: str, detail: Mapping[str, Any], *, now: datetime
    ) -> None:
        """Write down something that was done or seen."""
        self._session.add(
            AdoptionStep(
                network_id=self._network_id,
                membership_id=record.membership_id,
                token=record.token,
                name=name,
                detail=dict(detail),
                at=now,
            )
        )
        self._session.flush()

    def steps(self, membership_id: int) -> list[AdoptionStep]:
        """Everything that was written down about a membership, oldest first."""
        query = select(AdoptionStep).where(
            AdoptionStep.network_id == self._network_id,
            AdoptionStep.membership_id == membership_id,
        )
        return [*self._session.exec(query.order_by(col(AdoptionStep.id)))]

    def candidates(self, without: Collection[str]) -> dict[int, str]:
        """Memberships in the mirror whose gateway is none of these, and the subscription each
        names.
        """
        query = select(MembershipRecord.id, MembershipRecord.gateway_subscription_id).where(
            MembershipRecord.network_id == self._network_id,
            col(MembershipRecord.gateway).not_in(without),
        )
        return dict(self._session.exec(query.order_by(col(MembershipRecord.id))).all())

    def disabled_endpoints(self) -> list[PluginEndpoint]:
        """Endpoints of the plugin that planbridge disabled and has not enabled again."""
        query = select(PluginEndpoint).where(
            PluginEndpoint.network_id == self._network_id,
            col(PluginEndpoint.enabled_at).is_(None),
        )
        return [*self._session.exec(query.order_by(col(PluginEndpoint.endpoint_id)))]

    def note_endpoint(
        self, endpoint_id: str, url: str, *, disabled_at: datetime, enabled_at: datetime | None
    ) -> None:
        """Keep that an endpoint is about to be disabled, or was enabled again."""
        self._session.merge(
            PluginEndpoint(
                network_id=self._network_id,
                endpoint_id=endpoint_id,
                url=url,
                disabled_at=disabled_at,
                enabled_at=enabled_at,
            )
        )
        self._session.flush()
