"""How each network's pages look: its name, logo, colour and address for questions."""

from __future__ import annotations

import re

from sqlmodel import Session

from bridge.errors import InvalidInput
from bridge.store.tables import Network, NetworkBrand

MAX_LOGO = 256 * 1024
_COLOUR = re.compile(r"#[0-9a-fA-F]{6}")
_LOGOS = {
    b"\x89PNG\r\n\x1a\n": "image/png",
    b"\xff\xd8\xff": "image/jpeg",
    b"<svg": "image/svg+xml",
    b"<?xml": "image/svg+xml",
}


class InvalidBrand(InvalidInput):
    """The {what} cannot be used: {why}."""


def brand_of(session: Session, network: Network) -> NetworkBrand:
    """The network's brand; one that shows its name where nothing was set. Not to be stored."""
    found = session.get(NetworkBrand, network.key)
    return found or NetworkBrand(network_id=network.key, name=network.name)


def set_brand(
    session: Session,
    network: Network,
    *,
    name: str | None = None,
    colour: str | None = None,
    logo: bytes | None = None,
    support_email: str | None = None,
) -> NetworkBrand:
    """Change what is given; an empty logo removes it. The caller commits.

    Raises:
        InvalidBrand: a colour that is not ``#rrggbb``, a logo that is no PNG, JPEG or SVG or
            is larger than 256 KiB, an address without an ``@``.
    """
    brand = session.get(NetworkBrand, network.key)
    if brand is None:
        brand = NetworkBrand(network_id=network.key, name=network.name)
    if name is not None:
        brand.name = name.strip() or network.name
    if colour is not None:
        if colour and not _COLOUR.fullmatch(colour):
            raise InvalidBrand(what="colour", why=f"expected #rrggbb, not {colour!r}")
        brand.colour = colour.lower()
    if logo is not None:
        brand.logo_type = _logo_type(logo) if logo else ""
        brand.logo = logo
    if support_email is not None:
        if support_email and "@" not in support_email:
            raise InvalidBrand(what="support address", why="there is no @ in it")
        brand.support_email = support_email
    session.add(brand)
    session.flush()
    return brand


def _logo_type(logo: bytes) -> str:
    if len(logo) > MAX_LOGO:
        raise InvalidBrand(what="logo", why=f"it is larger than {MAX_LOGO // 1024} KiB")
    for start, media_type in _LOGOS.items():
        if logo.lstrip().startswith(start):
            return media_type
    raise InvalidBrand(what="logo", why="expected a PNG, JPEG or SVG image")
