"""What goes out by itself: mails to customers, events to the operator's systems."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bridge.domain.ladder import Ladder
from bridge.hooks.sender import HookSender
from bridge.hooks.targets import Courier
from bridge.notices.desk import Desk
from bridge.notices.links import LinkMail
from bridge.notices.post import MailServer, PostOffice, Security
from bridge.notices.sender import NoticeSender
from bridge.notices.speech import Wording
from bridge.store.people import customer_contact
from bridge.upgrades.rounds import Rounds
from bridge.web.pages.languages import Language, chosen
from bridge.web.pages.wording import allowed_words, item_label, price_words

if TYPE_CHECKING:
    from bridge.settings import Settings
    from bridge.wiring import App

WORDING: Wording[Language] = Wording(
    choose=chosen, limit=item_label, allowed=allowed_words, price=price_words
)
"""Mails say limits and prices as the pages do."""


def mail_server(settings: Settings) -> MailServer | None:
    """The mail server that is set, or None."""
    if not settings.smtp_host:
        return None
    password = settings.smtp_password
    return MailServer(
        settings.smtp_host,
        settings.smtp_port,
        security=Security(settings.smtp_security),
        username=settings.smtp_username,
        password=password.get_secret_value() if password else "",
        timeout=settings.smtp_timeout,
    )


class Messaging:
    """The two senders and their rounds, not yet started."""

    def __init__(self, planbridge: App) -> None:
        settings = planbridge.settings
        server = mail_server(settings)
        self._public_url = settings.public_url.rstrip("/")
        self.has_mail = server is not None
        self.desk = Desk(
            wording=WORDING,
            contacts=customer_contact,
            seal=planbridge.seal,
            address=settings.smtp_from,
            account_url=self._account_url,
            ladder=Ladder(settings.grace_days, settings.hold_days),
        )
        self.notices = NoticeSender(
            planbridge.engine,
            office=PostOffice(server) if server else None,
            desk=self.desk,
            clock=planbridge.clock,
        )
        self.hooks = HookSender(
            planbridge.engine,
            seal=planbridge.seal,
            courier=Courier(private=settings.hooks_private),
            clock=planbridge.clock,
        )
        self._posting = Rounds(self.notices.sweep, name="notices", seconds=2.0)
        self._delivering = Rounds(self.hooks.sweep, name="hooks", seconds=1.0)
        self.links = LinkMail(
            seal=planbridge.seal,
            clock=planbridge.clock,
            ready=self.has_mail,
            wake=self._posting.wake,
        )

    def start(self) -> None:
        """Begin to send, what a dead process left first."""
        self._posting.start()
        self._delivering.start()

    def stop(self) -> None:
        """Finish what is under way."""
        self._posting.stop()
        self._delivering.stop()

    def _account_url(self, network: str) -> str:
        return f"{self._public_url}/account/{network}/" if self._public_url else ""
