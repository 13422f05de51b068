"""The ``Stripe-Signature`` header, as Stripe makes it and as somebody else would."""

from __future__ import annotations

import hashlib
import hmac

FORGER = "whsec_of_somebody_else"
"""Not the secret of any endpoint."""


def sign(payload: bytes, secret: str, *, timestamp: int) -> str:
    """The header of a delivery: ``t=<Unix time>,v1=<HMAC-SHA256 of "t.payload">``."""
    signed = b"%d.%s" % (timestamp, payload)
    digest = hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()
    return f"t={timestamp},v1={digest}"


def forge(payload: bytes, *, timestamp: int) -> str:
    """A well-formed header made without knowing the endpoint's secret."""
    return sign(payload, FORGER, timestamp=timestamp)
