"""Where mails are made: from a notice on record to what can be handed in."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from email.message import EmailMessage
from typing import Any, Protocol

from sqlmodel import Session

from bridge.domain.ladder import DEFAULT_LADDER, Ladder
from bridge.notices.facts import NoUse, story_of
from bridge.notices.mail import Sender, draw, message_id
from bridge.notices.speech import Speech, Wording
from bridge.notices.stories import Story
from bridge.notices.writing import Frame, write
from bridge.store.brands import brand_of
from bridge.store.notices import NoticeRepository
from bridge.store.options import ladder_of
from bridge.store.readers import membership_record
from bridge.store.seals import Seal
from bridge.store.tables import Network, Notice


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
class Draft:
    """A mail that can be sent: to whom, in which language, under which Message-ID."""

    mail: EmailMessage
    to: str
    language: str
    message_id: str


@dataclass(frozen=True, slots=True)
class Desk:
    """What mails are made with.

    Attributes:
        wording: How languages say amounts, dates and limits.
        contacts: How customers are reached.
        address: Where mails come from unless the network has an address of its own.
        account_url: Where the customers of a network find their account; "" for nowhere.
        ladder: What follows an unpaid renewal, where the network has nothing else set.
    """

    wording: Wording[Any]
    contacts: Contacts
    seal: Seal
    address: str
    account_url: Callable[[str], str] = lambda _network: ""
    ladder: Ladder = DEFAULT_LADDER

    def draft(self, session: Session, notice: Notice, *, now: datetime) -> Draft:
        """The mail of a notice.

        Raises:
            NoUse: there is nothing to tell (any more), or nobody to tell it to.
            PlanbridgeError: what it is about cannot be read.
        """
        if now > notice.useless_after:
            raise NoUse(why="it was of no use any more")
        ladder = ladder_of(session, notice.network_id, default=self.ladder)
        story = story_of(session, notice, ladder=ladder, seal=self.seal)
        contact = self.contacts(session, notice.network_id, _customer(session, notice))
        to = notice.facts.get("email") or contact.address
        if not to:
            raise NoUse(why="no e-mail address of the customer is known")
        network = session.get_one(Network, notice.network_id)
        return self.compose(
            session,
            network,
            story,
            to=to,
            name=contact.display_name,
            languages=(notice.facts.get("language"), contact.locale),
            identity=notice.message_id,
            key=(notice.kind.value, notice.subject),
            now=now,
        )

    def compose(
        self,
        session: Session,
        network: Network,
        story: Story,
        *,
        to: str,
        name: str,
        languages: tuple[str | None, ...],
        key: tuple[object, ...],
        now: datetime,
        identity: str = "",
    ) -> Draft:
        """The mail that tells a story in the first of these languages that there is.

        ``identity`` is its Message-ID; without one it is made of ``key``, always the same.
        """
        profile = NoticeRepository(session).profile(network.key)
        locale = self.wording.choose(*languages, profile.language)
        sender = self._sender(session, network)
        frame = Frame(
            name=name,
            operator=sender.operator,
            support=sender.reply_to,
            account_url=self.account_url(network.name),
        )
        identity = identity or message_id(sender.address, network.name, *key)
        mail = draw(
            write(story, Speech(locale, self.wording), frame),
            sender,
            to=to,
            name=name,
            tag=locale.tag,
            identity=identity,
            now=now,
        )
        return Draft(mail, to, locale.code, identity)

    def _sender(self, session: Session, network: Network) -> Sender:
        brand = brand_of(session, network)
        profile = NoticeRepository(session).profile(network.key)
        return Sender(
            operator=brand.name or network.name,
            address=profile.from_address or self.address,
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
