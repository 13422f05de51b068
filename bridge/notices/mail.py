"""A letter as an e-mail: text and HTML beside each other."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from functools import cache
from importlib.resources import files

from jinja2 import DictLoader, Environment, StrictUndefined, select_autoescape

from bridge.notices.letters import Letter

_USUAL = "#2456c8"
_LIGHT, _DARK = "#ffffff", "#14171f"
_READABLE = 0.179  # the luminance at which white and black text stand out alike
_IN_MAILS = ("image/png", "image/jpeg")  # what mail programs show


@dataclass(frozen=True, slots=True)
class Sender:
    """Who a mail comes from and how it looks.

    ``colour`` is ``#rrggbb`` or "", ``reply_to`` an address or "".
    """

    operator: str
    address: str
    name: str = ""
    reply_to: str = ""
    colour: str = ""
    logo: bytes = b""
    logo_type: str = ""


def message_id(address: str, *key: object) -> str:
    """The same for the same key: a mail that is sent twice is recognised as one."""
    digest = hashlib.sha256("\0".join(str(part) for part in key).encode()).hexdigest()[:40]
    return f"<{digest}@{address.rpartition('@')[2]}>"


def draw(
    letter: Letter, sender: Sender, *, to: str, name: str, tag: str, identity: str, now: datetime
) -> EmailMessage:
    """The e-mail: plain text and HTML, the logo inside.

    Raises:
        ValueError: an address that cannot be one.
    """
    colour = sender.colour or _USUAL
    logo = f"logo.{identity.strip('<>')}" if sender.logo_type in _IN_MAILS else ""
    values = {
        "letter": letter,
        "operator": sender.operator,
        "tag": tag,
        "colour": colour,
        "on_colour": _text_on(colour),
        "logo": logo,
    }
    mail = EmailMessage(policy=SMTP)
    mail["From"] = _address(sender.name or sender.operator, sender.address)
    mail["To"] = _address(name, to)
    if sender.reply_to:
        mail["Reply-To"] = _address("", sender.reply_to)
    mail["Subject"] = letter.subject
    mail["Date"] = format_datetime(now)
    mail["Message-ID"] = identity
    mail["Auto-Submitted"] = "auto-generated"
    mail["X-Auto-Response-Suppress"] = "All"
    mail.set_content(_rendered("letter.txt", values), cte="quoted-printable")
    mail.add_alternative(_rendered("letter.html", values), subtype="html", cte="quoted-printable")
    mail["Content-Language"] = tag  # what stands here before the content goes with it
    if logo:
        maintype, subtype = sender.logo_type.split("/")
        parts = mail.get_payload()
        assert isinstance(parts, list)
        html = parts[1]
        assert isinstance(html, EmailMessage)
        html.add_related(
            sender.logo, maintype, subtype, cid=f"<{logo}>", disposition="inline", filename=None
        )
    return mail


def _address(name: str, address: str) -> Address:
    user, _, host = address.rpartition("@")
    return Address(" ".join(name.split()), user, host)


def _rendered(name: str, values: Mapping[str, object]) -> str:
    return _templates().get_template(name).render(values)


@cache
def _templates() -> Environment:
    folder = files("bridge.notices") / "templates"
    return Environment(
        loader=DictLoader(
            {name: (folder / name).read_text("utf-8") for name in ("letter.html", "letter.txt")}
        ),
        autoescape=select_autoescape(["html"]),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def _text_on(colour: str) -> str:
    channels = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    luminance = sum(w * c for w, c in zip((0.2126, 0.7152, 0.0722), linear, strict=True))
    return _DARK if luminance > _READABLE else _LIGHT
