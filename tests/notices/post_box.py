"""A real mail server on this machine: STARTTLS, sign-in, and answers of one's choice."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Callable
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from bridge.notices.post import MailServer, PostOffice, Security

USER, PASSWORD = "planbridge", "pa55word-of-the-tests"


@dataclass
class Handler:
    """Keeps what comes; ``answer`` may say something else than yes."""

    mails: list[EmailMessage] = field(default_factory=list)
    envelopes: list[Envelope] = field(default_factory=list)
    signed_in: list[bool] = field(default_factory=list)
    encrypted: list[bool] = field(default_factory=list)
    answer: Callable[[Envelope], str] = lambda _envelope: "250 OK"
    rcpt: Callable[[str], str] = lambda _address: "250 OK"

    async def handle_RCPT(
        self,
        _server: SMTP,
        _session: Session,
        envelope: Envelope,
        address: str,
        _options: list[str],
    ) -> str:
        said = self.rcpt(address)
        if said.startswith("2"):
            envelope.rcpt_tos.append(address)
        return said

    async def handle_DATA(self, _server: SMTP, session: Session, envelope: Envelope) -> str:
        said = self.answer(envelope)
        if said.startswith("2"):
            assert isinstance(envelope.content, bytes)
            mail = message_from_bytes(envelope.content, policy=default)
            assert isinstance(mail, EmailMessage)
            self.mails.append(mail)
            self.envelopes.append(envelope)
            self.signed_in.append(session.authenticated)
            self.encrypted.append(session.ssl is not None)
        return said


class PostBox:
    """A mail server that is running; ``plain`` for one without encryption."""

    def __init__(self, *, tls: tuple[ssl.SSLContext, ssl.SSLContext] | None = None) -> None:
        self.handler = Handler()
        self._tls = tls
        options: dict[str, Any] = {}
        if tls is not None:
            options = {
                "tls_context": tls[0],
                "require_starttls": True,
                "authenticator": self._sign_in,
                "auth_required": True,
            }
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port: int = free.getsockname()[1]
        self._controller = Controller(self.handler, hostname="127.0.0.1", port=self.port, **options)

    def __enter__(self) -> PostBox:
        self._controller.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._controller.stop()

    @property
    def mails(self) -> list[EmailMessage]:
        """What it took."""
        return self.handler.mails

    def office(self, *, password: str = PASSWORD, timeout: float = 5.0) -> PostOffice:
        """How planbridge reaches it."""
        if self._tls is None:
            server = MailServer("127.0.0.1", self.port, security=Security.NONE, timeout=timeout)
        else:
            server = MailServer(
                "localhost",
                self.port,
                username=USER,
                password=password,
                timeout=timeout,
                tls=self._tls[1],
            )
        return PostOffice(server)

    @staticmethod
    def _sign_in(
        _server: SMTP, _session: Session, _envelope: Envelope, _mechanism: str, data: LoginPassword
    ) -> AuthResult:
        good = (data.login, data.password) == (USER.encode(), PASSWORD.encode())
        return AuthResult(success=good, handled=False)
