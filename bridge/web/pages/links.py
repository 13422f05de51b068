"""Sign-in links: a signed, short-lived token that opens one customer's account once.

The token is a JSON Web Token (RFC 7519), HS256, with the network's link key, which is shown
by `planbridge account key NETWORK` so that the network itself can make links:

    {"aud": "planbridge:main", "sub": "12", "iat": …, "exp": …, "jti": "…", "lang": "fr",
     "to": "memberships/7/change"}

``aud`` is ``planbridge:`` and the network's name, ``sub`` the customer's id, ``exp`` at most
15 minutes after ``iat``, ``jti`` 16 random characters or more (each is taken once). ``lang``
and ``to`` (a path below the account) may be left out. How a network makes them, with an
example in PHP: ``bridge/web/ACCOUNT-LINKS.md``.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import OctKey

from bridge.errors import InvalidInput

LIFETIME = timedelta(minutes=15)
_SKEW = timedelta(minutes=2)
_ID = re.compile(r"[A-Za-z0-9_.-]{16,64}")
_PATH = re.compile(r"[A-Za-z0-9_./-]{0,200}")


class Refusal(StrEnum):
    """Why a link opens nothing, for the page that says so."""

    FOREIGN = "foreign"
    EXPIRED = "expired"
    USED = "used"


class LinkRefused(InvalidInput):
    """This link cannot be used: {why}."""

    hint = "Ask for a new one."
    status = 403

    def __init__(self, *, why: str, code: Refusal = Refusal.FOREIGN) -> None:
        super().__init__(why=why)
        self.code = code


@dataclass(frozen=True, slots=True)
class Link:
    """What a link says: whose account, in which language, and where to go in it."""

    id: str
    customer_id: int
    expires_at: datetime
    language: str = ""
    to: str = ""


class LinkKeys:
    """Makes and reads the links of each network; ``keys`` newest first."""

    def __init__(self, keys: Sequence[bytes]) -> None:
        self._keys = tuple(keys)

    def __repr__(self) -> str:
        return "LinkKeys(<hidden>)"

    def of(self, network: str) -> str:
        """The key that a network signs its links with, as text."""
        return _key(self._keys[0], network)

    def issue(
        self,
        network: str,
        customer_id: int,
        *,
        now: datetime,
        language: str = "",
        to: str = "",
        lifetime: timedelta = LIFETIME,
    ) -> str:
        """A token for a customer of a network."""
        claims = {
            "aud": _audience(network),
            "sub": str(customer_id),
            "iat": int(now.timestamp()),
            "exp": int((now + lifetime).timestamp()),
            "jti": secrets.token_urlsafe(18),
            **({"lang": language} if language else {}),
            **({"to": to} if to else {}),
        }
        key = OctKey.import_key(self.of(network))
        return str(jwt.encode({"alg": "HS256"}, claims, key, algorithms=["HS256"]))

    def read(self, network: str, token: str, *, now: datetime) -> Link:
        """What a token says, if it is the network's and of now.

        Raises:
            LinkRefused: forged, of another network, expired, too long-lived, or unreadable.
        """
        for key in self._keys:
            try:
                claims = jwt.decode(
                    token, OctKey.import_key(_key(key, network)), algorithms=["HS256"]
                ).claims
            except (JoseError, ValueError, TypeError):
                continue
            return _link(claims, network, now=now)
        raise LinkRefused(why="it was not made for this account")


def _link(claims: dict[str, object], network: str, *, now: datetime) -> Link:
    if claims.get("aud") != _audience(network):
        raise LinkRefused(why="it was made for another network")
    made, ends = _time(claims.get("iat")), _time(claims.get("exp"))
    if made is None or ends is None or ends - made > LIFETIME or made > now + _SKEW:
        raise LinkRefused(why=f"it has to end within {LIFETIME.seconds // 60} minutes")
    if ends <= now:
        raise LinkRefused(why="it has expired", code=Refusal.EXPIRED)
    customer, link_id = claims.get("sub"), claims.get("jti")
    if not isinstance(customer, str) or not re.fullmatch(r"[0-9]{1,18}", customer):
        raise LinkRefused(why="it names no customer")
    if not isinstance(link_id, str) or not _ID.fullmatch(link_id):
        raise LinkRefused(why="it has no id")
    to = str(claims.get("to") or "")
    return Link(
        id=link_id,
        customer_id=int(customer),
        expires_at=ends,
        language=str(claims.get("lang") or "")[:16],
        to=to if _PATH.fullmatch(to) and ".." not in to and not to.startswith("/") else "",
    )


def _time(value: object) -> datetime | None:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < 2**35:
        return None
    return datetime.fromtimestamp(value, UTC)


def _audience(network: str) -> str:
    return f"planbridge:{network}"


def _key(key: bytes, network: str) -> str:
    message = b"planbridge account links\0" + network.encode()
    return hmac.new(key, message, hashlib.sha256).hexdigest()
