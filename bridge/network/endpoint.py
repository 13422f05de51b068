"""Where a network is and how we sign in."""

from __future__ import annotations

from dataclasses import dataclass, field
from urllib.parse import SplitResult, urlsplit

from bridge.errors import InvalidInput

_NAMESPACE = "/wp-json/wu/v2"
# What people paste along with the address: everything from there on is cut.
_BEHIND_THE_BASE = ("/wp-json", "/wp-admin", "/wp-login.php")


class InvalidEndpoint(InvalidInput):
    """{url!r} is not the address of a network: {why}."""

    hint = "Expected the address of the main site, such as https://network.example.com."


@dataclass(frozen=True, slots=True)
class Endpoint:
    """The main site of a network and the network-wide API key and secret.

    ``url`` may be the bare host, have a trailing slash, carry ``/wp-json`` or an admin
    path, or be a sub-directory install; it is normalised to the main site's address
    without a trailing slash. A missing scheme means https. ``in_query`` sends key and
    secret as parameters, for hosts whose web server drops the ``Authorization`` header;
    they then appear in the network's own access log.

    Raises:
        InvalidEndpoint: no host, another scheme, or credentials, query or fragment in the URL.
    """

    url: str
    api_key: str = field(repr=False)
    api_secret: str = field(repr=False)
    in_query: bool = field(default=False, kw_only=True)

    def __post_init__(self) -> None:
        object.__setattr__(self, "url", _normalised(self.url))

    @property
    def api(self) -> str:
        """The base of all ``wu/v2`` routes, without a trailing slash."""
        return self.url + _NAMESPACE

    @property
    def host(self) -> str:
        """Host name in lower case, without port."""
        return urlsplit(self.url).hostname or ""


def _normalised(given: str) -> str:
    text = given.strip()
    if "://" not in text:
        text = f"https://{text}"
    parts = _split(text)
    path = parts.path
    for tail in _BEHIND_THE_BASE:
        before, found, after = path.partition(tail)
        if found and (not after or after.startswith("/")):
            path = before
            break
    return f"{parts.scheme.lower()}://{parts.netloc.lower()}{path.rstrip('/')}"


def _split(text: str) -> SplitResult:
    shown = text.rpartition("@")[2]  # whatever stands before an @ may be a password
    try:
        parts = urlsplit(text)
        valid_port = parts.port is None or parts.port > 0
    except ValueError:
        raise InvalidEndpoint(url=shown, why="it cannot be read as a URL") from None
    if parts.scheme.lower() not in ("http", "https"):
        raise InvalidEndpoint(url=shown, why="only https and http are possible")
    if not parts.hostname or not valid_port or any(c.isspace() for c in text):
        raise InvalidEndpoint(url=shown, why="it names no host")
    if parts.username is not None or parts.password is not None:
        raise InvalidEndpoint(url=shown, why="key and secret do not belong into it")
    if parts.query or parts.fragment:
        raise InvalidEndpoint(url=shown.partition("?")[0], why="it carries a query or a fragment")
    return parts
