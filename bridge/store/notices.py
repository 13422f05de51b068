"""All queries on notices to customers: what is switched on, what is told, what waits."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import ColumnElement, delete, func, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlmodel import Session, col, select

from bridge.domain.notices import NoticeKind
from bridge.errors import Conflict, InvalidInput, NotFound
from bridge.store.tables import Network, Notice, NoticeProfile, NoticeState, NoticeSwitch
from bridge.store.upserts import table_of

USEFUL_FOR: Final = timedelta(days=7)
"""How long after its fact a notice is still worth sending, unless told otherwise."""

_REMEMBERED = timedelta(days=180)
_ADDRESS = re.compile(r"[^@\s<>,;\"]+@[^@\s<>,;\"]+")
_OF_A_DAY = (NoticeKind.SIGN_IN, NoticeKind.RENEWAL_AHEAD)  # no use when their day is over
_ENDED = (NoticeState.SENT, NoticeState.DROPPED)


class UnknownNotice(NotFound):
    """There is no notice {notice}."""

    hint = "`planbridge notices list` shows the known ones."


class NoticeNotRetried(Conflict):
    """Notice {notice} cannot be tried again: it is {state}."""


class InvalidSender(InvalidInput):
    """The notices cannot come from {address!r}: an address has one @ and nothing else."""


class NoticeRepository:
    """All queries on notices. The caller commits."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def note(
        self,
        network_id: int,
        kind: NoticeKind,
        subject: str,
        *,
        now: datetime,
        membership_id: int | None = None,
        customer_id: int | None = None,
        facts: dict[str, Any] | None = None,
        sealed: str = "",
        useless_after: datetime | None = None,
        happened_at: datetime | None = None,
    ) -> bool:
        """Have a fact told, in the transaction that makes it one; False when it is not.

        A fact that has a notice gets no second one, and a kind that is switched off none; nor
        does what happened (``happened_at``, now unless given) before it was switched on.
        """
        if kind.switchable:
            switch = self.switch_of(network_id, kind)
            if switch is None or not switch.is_on or (happened_at or now) < switch.since:
                return False
        table = table_of(Notice)
        dialect = postgresql if self._session.get_bind().dialect.name == "postgresql" else sqlite
        statement = dialect.insert(table).values(
            network_id=network_id,
            kind=kind,
            subject=subject,
            membership_id=membership_id,
            customer_id=customer_id,
            facts=facts or {},
            sealed=sealed,
            state=NoticeState.WAITING,
            email="",
            language="",
            message_id="",
            attempts=0,
            due_at=now,
            useless_after=useless_after or now + USEFUL_FOR,
            reason="",
            created_at=now,
            updated_at=now,
        )
        done = self._session.connection().execute(
            statement.on_conflict_do_nothing(
                index_elements=["network_id", "kind", "subject"]
            ).returning(table.c.id)
        )
        return done.first() is not None

    def find(self, notice_id: int) -> Notice | None:
        """The notice as it is now, or None."""
        return self._session.get(Notice, notice_id, populate_existing=True)

    def get(self, notice_id: int) -> Notice:
        """The notice as it is now.

        Raises:
            UnknownNotice: there is none.
        """
        found = self.find(notice_id)
        if found is None:
            raise UnknownNotice(notice=notice_id)
        return found

    def list(
        self,
        *,
        network_id: int | None = None,
        states: Collection[NoticeState] | None = None,
        kind: NoticeKind | None = None,
        membership_id: int | None = None,
        limit: int = 100,
    ) -> Sequence[Notice]:
        """Notices, newest first."""
        query = select(Notice).order_by(col(Notice.id).desc()).limit(limit)
        if network_id is not None:
            query = query.where(Notice.network_id == network_id)
        if states is not None:
            query = query.where(col(Notice.state).in_(states))
        if kind is not None:
            query = query.where(Notice.kind == kind)
        if membership_id is not None:
            query = query.where(Notice.membership_id == membership_id)
        return self._session.exec(query).all()

    def due(self, now: datetime, *, limit: int = 200) -> Sequence[int]:
        """Ids of notices that are to be sent now, the longest due first."""
        return [
            key
            for key in self._session.exec(
                select(Notice.id).where(*_free(now)).order_by(col(Notice.due_at)).limit(limit)
            )
            if key is not None
        ]

    def claim(self, notice_id: int, *, now: datetime, until: datetime) -> Notice | None:
        """Hold a notice until then; None when another sender has it or it is over."""
        statement = (
            update(Notice)
            .where(col(Notice.id) == notice_id, *_free(now))
            .values(due_at=until, attempts=Notice.attempts + 1, updated_at=now)
            .execution_options(synchronize_session=False)
        )
        if self._session.exec(statement).rowcount != 1:
            return None
        return self.find(notice_id)

    def save(self, notice: Notice, *, now: datetime, **values: Any) -> bool:
        """Set columns of a notice that was claimed; False when somebody else claimed it since."""
        statement = (
            update(Notice)
            .where(
                col(Notice.id) == notice.id,
                col(Notice.attempts) == notice.attempts,
                col(Notice.state) == NoticeState.WAITING,
            )
            .values(updated_at=now, **values)
            .execution_options(synchronize_session=False)
        )
        return self._session.exec(statement).rowcount == 1

    def retry(self, notice_id: int, *, now: datetime) -> Notice:
        """Let a notice that was given up, dropped, or waits be tried now.

        Raises:
            UnknownNotice: there is none.
            NoticeNotRetried: it was sent, or what it said is gone.
        """
        notice = self.get(notice_id)
        gone = notice.kind is NoticeKind.SIGN_IN and not notice.sealed
        if notice.state is NoticeState.SENT or gone:
            state = "a link that is gone" if gone else notice.state.value
            raise NoticeNotRetried(notice=notice_id, state=state)
        notice.state = NoticeState.WAITING
        notice.attempts, notice.reason = 0, ""
        notice.due_at = notice.updated_at = now
        if notice.kind not in _OF_A_DAY:
            notice.useless_after = max(notice.useless_after, now + USEFUL_FOR)
        self._session.add(notice)
        self._session.flush()
        return notice

    def forget_old(self, now: datetime) -> None:
        """Forget what ended long ago."""
        self._session.connection().execute(
            delete(Notice).where(
                col(Notice.state).in_(_ENDED), col(Notice.updated_at) < now - _REMEMBERED
            )
        )

    def in_attention(self) -> Sequence[tuple[str, int]]:
        """How many notices of which networks could not be sent, by the network's name."""
        rows = self._session.exec(
            select(Network.name, func.count())
            .join(Notice, col(Notice.network_id) == Network.id)
            .where(col(Notice.state) == NoticeState.ATTENTION)
            .group_by(Network.name)
            .order_by(Network.name)
        )
        return [(name, count) for name, count in rows]

    def waiting(self) -> int:
        """How many wait to be sent."""
        counted = select(func.count()).select_from(Notice)
        return self._session.exec(counted.where(Notice.state == NoticeState.WAITING)).one()

    def switch_of(self, network_id: int, kind: NoticeKind) -> NoticeSwitch | None:
        """The switch of a kind where it was ever set."""
        return self._session.get(NoticeSwitch, (network_id, kind), populate_existing=True)

    def is_on(self, network_id: int, kind: NoticeKind) -> bool:
        """Whether a network's customers get this kind."""
        switch = self.switch_of(network_id, kind)
        return not kind.switchable or (switch is not None and switch.is_on)

    def switch(self, network_id: int, kind: NoticeKind, *, is_on: bool, now: datetime) -> None:
        """Switch a kind on or off. Switched on anew, only what happens from now on is told."""
        switch = self.switch_of(network_id, kind)
        if switch is not None and switch.is_on == is_on:
            return
        self._session.merge(
            NoticeSwitch(network_id=network_id, kind=kind, is_on=is_on, since=now, surveyed_at=None)
        )
        self._session.flush()

    def profile(self, network_id: int) -> NoticeProfile:
        """Who the network's notices come from; a blank one where nothing was set."""
        found = self._session.get(NoticeProfile, network_id, populate_existing=True)
        return found or NoticeProfile(network_id=network_id)

    def set_profile(
        self,
        network_id: int,
        *,
        from_name: str | None = None,
        from_address: str | None = None,
        language: str | None = None,
        renewal_days: int | None = None,
    ) -> NoticeProfile:
        """Change what is given.

        Raises:
            InvalidSender: an address that is none.
        """
        profile = self.profile(network_id)
        if from_address:
            name, _, host = from_address.partition("@")
            if (
                not name
                or not host
                or set(from_address) & set('@ \r\n<>,;"') - {"@"}
                or "@" in host
            ):
                raise InvalidSender(address=from_address)
        given = {
            "from_name": from_name,
            "from_address": from_address,
            "language": language,
            "renewal_days": renewal_days,
        }
        for name, value in given.items():
            if value is not None:
                setattr(profile, name, value)
        self._session.add(profile)
        self._session.flush()
        return profile


def _free(now: datetime) -> tuple[ColumnElement[bool], ...]:
    return (col(Notice.state) == NoticeState.WAITING, col(Notice.due_at) <= now)
