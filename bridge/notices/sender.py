"""Sending what is due: one mail at a time, held while it is sent, tried again later.

The row of a notice is the message. A sender that dies leaves it held until its lease is
over; then it is sent with the same Message-ID. Only a mail that the server took in the very
moment before can come twice.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any, Final

import structlog
from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError
from sqlmodel import Session

from bridge.domain.notices import NoticeKind
from bridge.errors import ConfigurationError, PlanbridgeError
from bridge.notices.desk import Desk, Draft
from bridge.notices.facts import NoUse
from bridge.notices.post import Line, MailFault, MailRefused, MailServerAway, PostOffice
from bridge.notices.stories import Story
from bridge.store.notices import NoticeRepository
from bridge.store.tables import Network, Notice, NoticeState

_log = structlog.get_logger(__name__)

WAITS: Final = (30, 120, 600, 1800, 3600, 3 * 3600, 6 * 3600, 12 * 3600)
"""Seconds after each failed try; after the last the operator is told (about a day)."""


class NoMailServer(ConfigurationError):
    """No mail server is set."""

    hint = "Set PLANBRIDGE_SMTP_HOST and what stands beside it in `planbridge settings`."


class NoticeSender:
    """Sends the notices that are due; any number of processes may.

    Args:
        store: The database.
        office: The mail server; None where none is set, then notices wait.
        desk: What mails are made with.
        clock: Aware UTC time.
        lease: How long a notice is held: longer than sending it may take.
    """

    def __init__(
        self,
        store: Engine,
        *,
        office: PostOffice | None,
        desk: Desk,
        clock: Callable[[], datetime],
        lease: timedelta = timedelta(minutes=5),
    ) -> None:
        self._store = store
        self._office = office
        self._desk = desk
        self._clock = clock
        self._lease = lease

    def sweep(self) -> int:
        """Send what is due, and return how many notices were worked at."""
        if self._office is None:
            return 0
        with self._session() as session:
            due = NoticeRepository(session).due(self._clock())
        worked = 0
        with self._office.line() as line:
            for notice_id in due:
                now = self._clock()
                with self._session() as session:
                    notice = NoticeRepository(session).claim(
                        notice_id, now=now, until=now + self._lease
                    )
                if notice is None:
                    continue
                worked += 1
                if not self._work_at(notice, line):
                    break
        return worked

    def draft(self, notice_id: int) -> Draft:
        """The mail of a notice as it would be sent now.

        Raises:
            UnknownNotice: there is none.
            NoUse: there is nothing to send.
        """
        with Session(self._store, expire_on_commit=False) as session:
            notice = NoticeRepository(session).get(notice_id)
            return self._desk.draft(session, notice, now=self._clock())

    def try_out(self, network: Network, story: Story, *, to: str, language: str) -> Draft:
        """Send a story to somebody here and now, past the notices on record.

        Raises:
            NoMailServer: none is set.
            MailFault: it was not taken.
        """
        if self._office is None:
            raise NoMailServer
        now = self._clock()
        with Session(self._store, expire_on_commit=False) as session:
            draft = self._desk.compose(
                session,
                network,
                story,
                to=to,
                name="",
                languages=(language,),
                key=("test", now.isoformat(), to),
                now=now,
            )
        with self._office.line() as line:
            line.send(draft.mail)
        return draft

    def _work_at(self, notice: Notice, line: Line) -> bool:
        """One try; False when the mail server cannot be used at all."""
        try:
            with self._session() as session:
                draft = self._desk.draft(session, notice, now=self._clock())
                held = NoticeRepository(session).save(
                    notice,
                    now=self._clock(),
                    email=draft.to,
                    language=draft.language,
                    message_id=draft.message_id,
                )
            if not held:
                return True  # another sender has it since
            line.send(draft.mail)
        except NoUse as nothing:
            self._end(notice, NoticeState.DROPPED, reason=nothing.why)
        except MailRefused as refused:
            self._end(notice, NoticeState.ATTENTION, reason=str(refused))
        except MailFault as fault:
            self._again(notice, str(fault))
            return not isinstance(fault, MailServerAway)
        except PlanbridgeError as error:
            self._end(notice, NoticeState.ATTENTION, reason=str(error))
        except SQLAlchemyError:
            raise  # nothing can be written down: it is free again when the lease is over
        except Exception as error:
            _log.exception("notice failed", notice=notice.id, kind=notice.kind.value)
            reason = f"unexpected {type(error).__name__}"
            self._end(notice, NoticeState.ATTENTION, reason=reason)
        else:
            self._end(notice, NoticeState.SENT, reason="", sent_at=self._clock(), sealed="")
        return True

    def _again(self, notice: Notice, reason: str) -> None:
        if notice.attempts > len(WAITS):
            self._end(notice, NoticeState.ATTENTION, reason=reason)
            return
        _log.info("notice waits", notice=notice.id, reason=reason)
        wait = timedelta(seconds=WAITS[notice.attempts - 1])
        self._save(notice, due_at=self._clock() + wait, reason=reason)

    def _end(self, notice: Notice, state: NoticeState, *, reason: str, **values: Any) -> None:
        level = _log.warning if state is NoticeState.ATTENTION else _log.info
        level("notice ends", notice=notice.id, kind=notice.kind.value, state=state, reason=reason)
        if state is NoticeState.DROPPED and notice.kind is NoticeKind.SIGN_IN:
            values["sealed"] = ""
        self._save(notice, state=state, reason=reason, **values)

    def _save(self, notice: Notice, **values: Any) -> None:
        with self._session() as session:
            NoticeRepository(session).save(notice, now=self._clock(), **values)

    @contextmanager
    def _session(self) -> Iterator[Session]:
        """A session that commits; never held open while a mail is sent."""
        with Session(self._store, expire_on_commit=False) as session:
            yield session
            session.commit()
