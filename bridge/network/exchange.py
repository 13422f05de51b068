"""One HTTP request and its answer: pooled, bounded in time and size, nothing followed.

What REST and XML-RPC have in common; neither retries nor reads a status here.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from http.cookiejar import DefaultCookiePolicy
from typing import TypeAlias

import requests
from requests.auth import AuthBase
from urllib3.exceptions import HTTPError, MaxRetryError, NewConnectionError, ReadTimeoutError
from urllib3.util import Retry

from bridge.network.answers import Answer
from bridge.network.faults import (
    ConnectionLost,
    Fault,
    TimedOut,
    TlsFailed,
    TooLarge,
    Unreachable,
)
from bridge.network.watchdog import watched_adapter

Params: TypeAlias = Mapping[str, str | int | Sequence[str | int]]

_CHUNK = 64 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeouts:
    """Seconds: to connect, between two bytes of a read or a write, and for a whole answer."""

    connect: float = 5.0
    read: float = 30.0
    write: float = 60.0
    whole: float = 120.0

    @property
    def longest(self) -> float:
        """No request takes longer, whatever the server does."""
        return max(self.whole, self.read, self.write)


@dataclass(frozen=True, slots=True, kw_only=True)
class Body:
    """What a request carries: the bytes, and the content type that goes with them."""

    data: bytes
    content_type: str = "application/json"


class NoAuth(AuthBase):
    """Keeps requests from taking a password for the host out of ``.netrc``."""

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        """Leave the request as it is."""
        return request


class _Session(requests.Session):
    """A session that leaves redirects alone; requests would read their whole body first."""

    def get_redirect_target(self, resp: requests.Response) -> None:
        return None


class _NoQueries(logging.Filter):
    """urllib3 logs queries, and there the secret may be."""

    def filter(self, record: logging.LogRecord) -> bool:
        return "api_secret" not in record.getMessage()


for _name in ("urllib3.connectionpool", "urllib3.connection"):
    logging.getLogger(_name).addFilter(_NoQueries())


class Exchange:
    """One pooled session to one host; safe to share between threads.

    ``auth`` signs each request, ``params`` go into the query of each, and an answer of more
    than ``most_bytes`` after decompression is broken off.
    """

    def __init__(
        self,
        *,
        network: str,
        auth: AuthBase,
        accept: str,
        params: Mapping[str, str] | None = None,
        timeouts: Timeouts,
        most_bytes: int,
        pool: int,
    ) -> None:
        self._network = network
        self._auth = auth
        self._accept = accept
        self._params = dict(params or {})
        self._timeouts = timeouts
        self._most_bytes = most_bytes
        self._pool = pool
        self._lock = threading.Lock()
        self._session = self._new_session()

    def _new_session(self) -> requests.Session:
        # Only a connection that never came up is tried again here: nothing was sent yet, so
        # it is safe for every verb. All else is decided above, where the verb is known.
        adapter = watched_adapter(
            pool=self._pool,
            retries=Retry(
                connect=1,
                read=False,
                redirect=0,
                status=0,
                other=0,
                backoff_factor=0.2,
                respect_retry_after_header=False,
            ),
            seconds=self._timeouts.longest,
        )
        session = _Session()
        session.mount("https://", adapter)
        session.mount("http://", adapter)
        session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=()))
        session.headers["Accept"] = self._accept
        session.headers["User-Agent"] = "planbridge"
        session.auth = self._auth
        session.params = dict(self._params)
        return session

    def close(self) -> None:
        """Give the pooled connections back."""
        self._session.close()

    def drop_connections(self) -> None:
        """Start over with new connections, where an old one may still carry an answer."""
        with self._lock:
            self._session.close()
            self._session = self._new_session()

    def send(
        self,
        method: str,
        url: str,
        *,
        request: str,
        params: Params | None = None,
        body: Body | None = None,
    ) -> Answer:
        """One request, sent once, and its answer, whatever its status.

        ``request`` is what errors call it.

        Raises:
            Unreachable, TlsFailed, TimedOut, ConnectionLost, TooLarge: no whole answer.
        """
        between = self._timeouts.read if body is None else self._timeouts.write
        deadline = time.monotonic() + self._timeouts.longest
        shown = url.partition("?")[0]
        try:
            with self._session.request(
                method,
                url,
                params=dict(params or {}),
                data=body.data if body else None,
                headers={"Content-Type": body.content_type} if body else None,
                timeout=(self._timeouts.connect, between),
                allow_redirects=False,
                stream=True,
            ) as response:
                content = self._content(response, request=request, deadline=deadline)
                return Answer(
                    request=request,
                    url=shown,
                    status=response.status_code,
                    headers=response.headers,
                    body=content,
                )
        except requests.exceptions.SSLError as error:
            raise TlsFailed(network=self._network, url=shown, reason=_reason(error)) from None
        except requests.exceptions.ConnectTimeout:
            reason = f"no connection within {self._timeouts.connect:g} seconds"
            raise Unreachable(network=self._network, url=shown, reason=reason) from None
        except (requests.exceptions.ReadTimeout, ReadTimeoutError):
            raise self._timed_out(request, between) from None
        except requests.exceptions.ConnectionError as error:
            if _never_connected(error):
                reason = _reason(error)
                raise Unreachable(network=self._network, url=shown, reason=reason) from None
            raise self._broken_off(request, error, deadline=deadline) from None
        except (requests.exceptions.RequestException, HTTPError, OSError) as error:
            raise self._broken_off(request, error, deadline=deadline) from None

    def _content(self, response: requests.Response, *, request: str, deadline: float) -> bytes:
        content = bytearray()
        while True:
            # read1 hands over what has arrived, so that a server that drips is noticed. The
            # watchdog's cut looks like the end of the answer.
            chunk = response.raw.read1(_CHUNK, decode_content=True)
            if time.monotonic() >= deadline:
                raise self._timed_out(request, self._timeouts.longest)
            if not chunk:
                break
            content += chunk
            if len(content) > self._most_bytes:
                raise TooLarge(network=self._network, request=request, limit=self._most_bytes)
        return bytes(content)

    def _timed_out(self, request: str, seconds: float) -> TimedOut:
        return TimedOut(network=self._network, request=request, seconds=f"{seconds:g}")

    def _broken_off(self, request: str, error: Exception, *, deadline: float) -> Fault:
        if time.monotonic() >= deadline:
            # Cut by the watchdog.
            return self._timed_out(request, self._timeouts.longest)
        return ConnectionLost(network=self._network, request=request, reason=_reason(error))


def _root(error: BaseException) -> BaseException:
    """The innermost error of a chain of wrappers (requests in urllib3 in the socket's)."""
    inner = getattr(error, "reason", None)
    if not isinstance(inner, BaseException):
        inner = next((a for a in error.args if isinstance(a, BaseException)), None)
    inner = inner or error.__cause__
    return _root(inner) if inner is not None and inner is not error else error


def _reason(error: BaseException) -> str:
    """Why, without the URL that the outer errors quote (it may hold the secret)."""
    root = _root(error)
    text = getattr(root, "strerror", None) or (str(root) if isinstance(root, OSError) else "")
    return text or type(root).__name__


def _never_connected(error: requests.exceptions.ConnectionError) -> bool:
    inner = error.args[0] if error.args else None
    return isinstance(inner, MaxRetryError) and isinstance(inner.reason, NewConnectionError)
