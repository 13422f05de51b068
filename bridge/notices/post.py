"""The mail server: one connection for as many mails as are due."""

from __future__ import annotations

import contextlib
import smtplib
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.message import EmailMessage
from enum import StrEnum

from bridge.errors import PlanbridgeError


class MailFault(PlanbridgeError):
    """The mail was not taken: {what}."""


class MailRefused(MailFault):
    """The mail server refuses this mail for good: {what}."""


class MailServerAway(MailFault):
    """The mail server cannot be used: {what}."""

    hint = "Check PLANBRIDGE_SMTP_HOST and the settings beside it; `planbridge notices test` tries."


class Security(StrEnum):
    """How the connection is encrypted: on demand, from its first byte, or not at all."""

    STARTTLS = "starttls"
    TLS = "tls"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class MailServer:
    """Where mails are handed in; without a ``username`` nobody signs in."""

    host: str
    port: int = 587
    security: Security = Security.STARTTLS
    username: str = ""
    password: str = field(default="", repr=False)
    timeout: float = 20.0
    tls: ssl.SSLContext | None = field(default=None, repr=False)


class Line:
    """An open connection. A mail is taken when `send` returns."""

    def __init__(self, server: MailServer) -> None:
        self._server = server
        self._smtp: smtplib.SMTP | None = None

    def send(self, mail: EmailMessage) -> None:
        """Hand a mail in.

        Raises:
            MailRefused: this mail will never be taken.
            MailServerAway: the server does not answer, or does not let us in.
            MailFault: not now.
        """
        smtp = self._open()
        try:
            smtp.send_message(mail)
        except smtplib.SMTPRecipientsRefused as error:
            code, text = next(iter(error.recipients.values()))
            raise _fault(code, text) from None
        except smtplib.SMTPServerDisconnected:
            self.close()
            raise MailFault(what="the connection was lost") from None
        except smtplib.SMTPResponseException as error:
            # Also when the sender is refused; the connection can be used again.
            with contextlib.suppress(smtplib.SMTPException, OSError):
                smtp.rset()
            raise _fault(error.smtp_code, error.smtp_error) from None
        except smtplib.SMTPNotSupportedError as error:
            raise MailRefused(what=str(error)) from None
        except (OSError, smtplib.SMTPException) as error:
            self.close()
            raise MailFault(what=f"{type(error).__name__} while it was sent") from None

    def close(self) -> None:
        """Say goodbye."""
        if self._smtp is not None:
            with contextlib.suppress(smtplib.SMTPException, OSError):
                self._smtp.quit()
            self._smtp = None

    def _open(self) -> smtplib.SMTP:
        if self._smtp is None:
            try:
                self._smtp = _connected(self._server)
            except smtplib.SMTPAuthenticationError as error:
                what = f"{self._server.host} does not let us in ({error.smtp_code})"
                raise MailServerAway(what=what) from None
            except (OSError, smtplib.SMTPException) as error:
                what = f"{self._server.host}:{self._server.port}: {_said(error)}"
                raise MailServerAway(what=what) from None
        return self._smtp


class PostOffice:
    """Opens connections to a mail server."""

    def __init__(self, server: MailServer) -> None:
        self._server = server

    @contextmanager
    def line(self) -> Iterator[Line]:
        """A connection that is made with the first mail and closed at the end."""
        line = Line(self._server)
        try:
            yield line
        finally:
            line.close()


def _connected(server: MailServer) -> smtplib.SMTP:
    context = server.tls or ssl.create_default_context()
    smtp: smtplib.SMTP
    if server.security is Security.TLS:
        smtp = smtplib.SMTP_SSL(server.host, server.port, timeout=server.timeout, context=context)
    else:
        smtp = smtplib.SMTP(server.host, server.port, timeout=server.timeout)
    try:
        if server.security is Security.STARTTLS:
            smtp.starttls(context=context)
        if server.username:
            smtp.login(server.username, server.password)
    except BaseException:
        smtp.close()
        raise
    return smtp


def _fault(code: int, text: bytes | str) -> MailFault:
    said = text.decode("utf-8", "replace") if isinstance(text, bytes) else text
    what = f"{code} {' '.join(said.split())}"[:300]
    return MailRefused(what=what) if 500 <= code < 600 else MailFault(what=what)


def _said(error: Exception) -> str:
    return " ".join(str(error).split())[:200] or type(error).__name__
