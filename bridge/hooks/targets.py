"""Where an event may be sent: a public address, looked up once and connected to as looked up.

A name is resolved here and the connection made to that very address, so that it cannot
become another one in between. Redirects are not followed.
"""

from __future__ import annotations

import ipaddress
import socket
import ssl
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

import urllib3
from urllib3.exceptions import HTTPError

from bridge.errors import InvalidInput, PlanbridgeError

_SNIPPET: Final = 1024
_PORTS: Final = {"https": 443, "http": 80}

Resolve = Callable[[str, int], Sequence[str]]
"""The addresses of a host."""


class InvalidEndpoint(InvalidInput):
    """Events cannot be sent to {url!r}: {why}."""

    hint = "Give the address of a receiver, such as https://example.com/hooks/planbridge."


class NotDelivered(PlanbridgeError):
    """No answer: {what}."""


class PrivateTarget(NotDelivered):
    """{host} is a private address ({address})."""

    hint = "PLANBRIDGE_HOOKS_PRIVATE=true lets events go into your own network."


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back: the status, the beginning of the body, and when to come again."""

    status: int
    text: str
    retry_after: float | None = None


def check_url(url: str, *, private: bool) -> str:
    """The address as it is kept.

    Raises:
        InvalidEndpoint: it is no address for events.
    """
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise InvalidEndpoint(url=url, why=str(error)) from None
    why = ""
    if parts.scheme not in _PORTS or not parts.hostname:
        why = "it does not begin with https://"
    elif parts.scheme == "http" and not private:
        why = "without TLS anybody could read them"
    elif parts.username or parts.password:
        why = "a password in it would be written everywhere"
    elif parts.fragment or port == 0 or not url.isascii() or not url.isprintable() or " " in url:
        why = "it is not a plain address"
    if why:
        raise InvalidEndpoint(url=_without_password(url), why=why)
    return url


class Courier:
    """Posts bodies to addresses.

    Args:
        private: Whether addresses inside one's own network are allowed.
        connect: Seconds to wait for a connection.
        read: Seconds to wait for the answer.
        resolve: Looks names up.
        tls: What certificates are checked with.
    """

    def __init__(
        self,
        *,
        private: bool = False,
        connect: float = 5.0,
        read: float = 15.0,
        resolve: Resolve | None = None,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self._private = private
        self._timeout = urllib3.Timeout(connect=connect, read=read)
        self._resolve = resolve or _resolved
        self._tls = tls or ssl.create_default_context()

    def post(self, url: str, body: bytes, headers: Mapping[str, str]) -> Answer:
        """Post a body and read the beginning of the answer.

        Raises:
            PrivateTarget: the address is inside one's own network.
            NotDelivered: nobody answered.
        """
        parts = urlsplit(url)
        host = parts.hostname or ""
        port = parts.port or _PORTS[parts.scheme]
        address = self._address(host, port)
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        pool: urllib3.HTTPConnectionPool
        if parts.scheme == "https":
            pool = urllib3.HTTPSConnectionPool(
                address, port, ssl_context=self._tls, server_hostname=host, assert_hostname=host
            )
        else:
            pool = urllib3.HTTPConnectionPool(address, port)
        try:
            with pool:
                response = pool.urlopen(
                    "POST",
                    path,
                    body=body,
                    headers={**headers, "host": _authority(host, parts.port)},
                    retries=False,
                    redirect=False,
                    timeout=self._timeout,
                    preload_content=False,
                    decode_content=False,
                )
                text = response.read1(_SNIPPET).decode("utf-8", "replace")
                return Answer(response.status, text, _seconds(response.headers.get("retry-after")))
        except (HTTPError, OSError, ssl.SSLError) as error:
            raise NotDelivered(what=_why(error)) from None

    def _address(self, host: str, port: int) -> str:
        try:
            addresses = list(self._resolve(host, port))
        except OSError as error:
            raise NotDelivered(what=f"{host} cannot be found ({error})") from None
        if not addresses:
            raise NotDelivered(what=f"{host} cannot be found")
        if not self._private:
            for address in addresses:
                if not _is_public(address):
                    raise PrivateTarget(host=host, address=address)
        return addresses[0]


def _resolved(host: str, port: int) -> Sequence[str]:
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


def _is_public(address: str) -> bool:
    found = ipaddress.ip_address(address.split("%", 1)[0])
    if isinstance(found, ipaddress.IPv6Address):
        inner = found.ipv4_mapped or found.sixtofour or (found.teredo and found.teredo[1])
        # The well-known prefix behind which a router may translate to IPv4.
        if found in ipaddress.ip_network("64:ff9b::/96"):
            inner = ipaddress.IPv4Address(int(found) & 0xFFFFFFFF)
        if inner and not (inner.is_global and not inner.is_multicast):
            return False
    return found.is_global and not found.is_multicast


def _authority(host: str, port: int | None) -> str:
    name = f"[{host}]" if ":" in host else host
    return name if port is None else f"{name}:{port}"


def _seconds(header: str | None) -> float | None:
    return float(header) if header and header.strip().isdecimal() else None


def _without_password(url: str) -> str:
    scheme, separator, rest = url.partition("://")
    return f"{scheme}{separator}…@{rest.rpartition('@')[2]}" if "@" in rest else url


def _why(error: Exception) -> str:
    said = " ".join(str(error).split())
    return f"{type(error).__name__}: {said}"[:300]
