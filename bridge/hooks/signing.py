"""Signatures of the Standard Webhooks specification, version 1 (HMAC-SHA256).

The library of that name was not taken: it brings an HTTP client and a date library for what
is ten lines here.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import secrets
from collections.abc import Mapping
from datetime import datetime

from bridge.errors import InvalidInput

PREFIX = "whsec_"
_LEAST, _MOST = 24, 64  # bytes, as the specification asks


class InvalidSecret(InvalidInput):
    """The secret cannot be used: {why}."""

    hint = "Leave it out to have one made, or give `whsec_` and 24 to 64 bytes in base64."


def new_secret() -> str:
    """A fresh secret, as both sides keep it."""
    return PREFIX + base64.b64encode(secrets.token_bytes(32)).decode()


def key_of(secret: str) -> bytes:
    """The bytes of a secret.

    Raises:
        InvalidSecret: it is not base64, too short or too long.
    """
    try:
        key = base64.b64decode(secret.removeprefix(PREFIX), validate=True)
    except (binascii.Error, ValueError):
        raise InvalidSecret(why="it is not base64") from None
    if not _LEAST <= len(key) <= _MOST:
        raise InvalidSecret(why=f"it has {len(key)} bytes")
    return key


def signed_headers(secret: str, event_id: str, body: bytes, *, now: datetime) -> Mapping[str, str]:
    """The three headers of a delivery; the signature covers id, time and body."""
    timestamp = str(int(now.timestamp()))
    content = b".".join((event_id.encode(), timestamp.encode(), body))
    digest = hmac.new(key_of(secret), content, hashlib.sha256).digest()
    return {
        "webhook-id": event_id,
        "webhook-timestamp": timestamp,
        "webhook-signature": f"v1,{base64.b64encode(digest).decode()}",
    }
