"""Sending what is due: one mail at a time, held while it is sent, tried again later.

The row of a notice is the message. A sender that dies leaves it held until its lease is
over; then it is sent with the same Message-ID. Only a mail that the server took in the very
moment before can come twice.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from email.message import EmailMessage
from typing import Any, Final, Protocol

import structlog
from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError
from sqlmodel import Session

from bridge.domain.ladder import DEFAULT_LADDER, Ladder
from bridge.domain.notices import NoticeKind
from bridge.errors import PlanbridgeError
from bridge.notices.facts import NoUse, story_of
from bridge.notices.mail import Sender, draw, message_id
from bridge.notices.post import Line, MailFault, MailRefused, MailServerAway, PostOffice
from bridge.notices.speech import Speech, Wording
from bridge.notices.writing import Frame, write
from bridge.store.brands import brand_of
from bridge.store.notices import NoticeRepository
from bridge.store.readers import membership_record
from bridge.store.seals import Seal
from bridge.store.tables import Network, Notice, NoticeState

_log = structlog.get_logger(__name__)

WAITS: Final = (30, 120, 600, 1800, 3600, 3 * 3600, 6 * 3600, 12 * 3600)
"""Seconds after each failed try; after the last the operator is told (about a day)."""

_TOO_OLD = "it was of no use any more"


class Contact(Protocol):
    """How a customer is reached; see `bridge.store.people.Contact`."""

    @property
    def address(self) -> str:
        """An e-mail address, "" where none is known."""

    @property
    def locale(self) -> str:
        """Such as ``fr_FR``, "" where it is not known."""

    @property
    def display_name(self) -> str:
        """What he is called."""


Contacts = Callable[[Session, int, int], Contact]
"""The contact of a customer, by network and customer."""


@dataclass(frozen=True, slots=True)
class Desk:
    """What mails are made with.

    Attributes:
        wording: How languages say amounts, dates and limits.
        contacts: How customers are reached.
        address: Where mails come from unless the network has an address of its own.
        account_url: Where the customers of a network find their account; "" for nowhere.
        ladder: What follows an unpaid renewal.
    """

    wording: Wording[Any]
    contacts: Contacts
    seal: Seal
    address: str
    account_url: Callable[[str], str] = lambda _network: ""
    ladder: Ladder = DEFAULT_LADDER


@dataclass(frozen=True, slots=True)
class _Ready:
    """A mail that can be sent, and what is noted of it before."""

    mail: EmailMessage
    noted: dict[str, Any]


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

    def _work_at(self, notice: Notice, line: Line) -> bool:
        """One try; False when the mail server cannot be used at all."""
        try:
            with self._session() as session:
                ready = self._written(session, notice)
                if not NoticeRepository(session).save(notice, now=self._clock(), **ready.noted):
                    return True
            line.send(ready.mail)
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

    def _written(self, session: Session, notice: Notice) -> _Ready:
        if self._clock() > notice.useless_after:
            raise NoUse(_TOO_OLD)
        story = story_of(session, notice, ladder=self._desk.ladder, seal=self._desk.seal)
        network = session.get_one(Network, notice.network_id)
        contact = self._desk.contacts(session, notice.network_id, _customer(session, notice))
        to = notice.facts.get("email") or contact.address
        if not to:
            raise NoUse("no e-mail address of the customer is known")
        repository = NoticeRepository(session)
        profile = repository.profile(notice.network_id)
        locale = self._desk.wording.choose(
            notice.facts.get("language"), contact.locale, profile.language
        )
        sender = sender_of(session, network, address=self._desk.address)
        frame = Frame(
            name=contact.display_name,
            operator=sender.operator,
            support=sender.reply_to,
            account_url=self._desk.account_url(network.name),
        )
        identity = notice.message_id or message_id(
            sender.address, network.name, notice.kind.value, notice.subject
        )
        letter = write(story, Speech(locale, self._desk.wording), frame)
        mail = draw(
            letter,
            sender,
            to=to,
            name=contact.display_name,
            tag=locale.tag,
            identity=identity,
            now=self._clock(),
        )
        return _Ready(mail, {"email": to, "language": locale.code, "message_id": identity})

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


def sender_of(session: Session, network: Network, *, address: str) -> Sender:
    """Who a network's mails come from; ``address`` unless it has one of its own."""
    brand = brand_of(session, network)
    profile = NoticeRepository(session).profile(network.key)
    return Sender(
        operator=brand.name or network.name,
        address=profile.from_address or address,
        name=profile.from_name,
        reply_to=brand.support_email,
        colour=brand.colour,
        logo=brand.logo,
        logo_type=brand.logo_type,
    )


def _customer(session: Session, notice: Notice) -> int:
    if notice.customer_id is not None:
        return notice.customer_id
    return membership_record(session, notice.network_id, notice.membership_id or 0).customer_id
