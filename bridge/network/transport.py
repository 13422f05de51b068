"""HTTP to one network: pooled, bounded in time and size, never leaking credentials."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from http.cookiejar import DefaultCookiePolicy
from typing import TypeAlias
from urllib.parse import urljoin, urlsplit

import requests
import stamina
from requests.auth import AuthBase, HTTPBasicAuth
from urllib3.exceptions import HTTPError, MaxRetryError, NewConnectionError, ReadTimeoutError
from urllib3.util import Retry

from bridge.network.answers import Answer, Json, decode, fault_of
from bridge.network.endpoint import Endpoint
from bridge.network.faults import (
    ConnectionLost,
    Fault,
    LoginPage,
    Redirected,
    TimedOut,
    TlsFailed,
    TooLarge,
    Unreachable,
)
from bridge.network.watchdog import watched_adapter

Params: TypeAlias = Mapping[str, str | int | Sequence[str | int]]

_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_KEEPS_METHOD = frozenset({307, 308})
_MOST_REDIRECTS = 3
_CHUNK = 64 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeouts:
    """Seconds: to connect, between two bytes of a read or a write, and for a whole answer."""

    connect: float = 5.0
    read: float = 30.0
    write: float = 60.0
    whole: float = 120.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Retries:
    """Short retries of reads: how often in all, the first wait and the longest, in seconds.

    A network that asks for more patience than ``longest`` gets it from the caller.
    """

    attempts: int = 3
    first: float = 0.2
    longest: float = 3.0


PATIENCE = Timeouts()
PERSISTENCE = Retries()


@dataclass(frozen=True, slots=True, kw_only=True)
class Body:
    """What a write sends: JSON bytes, and the content type that goes with them."""

    data: bytes
    content_type: str = "application/json"


class _NoAuth(AuthBase):
    """Keeps requests from taking a password for the host out of ``.netrc``."""

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
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


class Transport:
    """One pooled session to one network; safe to share between threads.

    ``clock`` gives aware UTC and is used for ``Retry-After`` dates only.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        *,
        network: str,
        clock: Callable[[], datetime],
        timeouts: Timeouts = PATIENCE,
        retries: Retries = PERSISTENCE,
        most_bytes: int = 64 * 1024 * 1024,
        pool: int = 8,
    ) -> None:
        self.network = network
        self._endpoint = endpoint
        self._clock = clock
        self._timeouts = timeouts
        self._retries = retries
        self._most_bytes = most_bytes
        self._longest = max(timeouts.whole, timeouts.read, timeouts.write)
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
            seconds=self._longest,
        )
        session = _Session()
        session.mount("https://", adapter)
        session.mount("http://", adapter)
        session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=()))
        session.headers["Accept"] = "application/json"
        session.headers["User-Agent"] = "planbridge"
        if self._endpoint.in_query:
            session.auth = _NoAuth()
            session.params = {
                "api_key": self._endpoint.api_key,
                "api_secret": self._endpoint.api_secret,
            }
        else:
            session.auth = HTTPBasicAuth(
                self._endpoint.api_key.encode(), self._endpoint.api_secret.encode()
            )
        return session

    def close(self) -> None:
        """Give the pooled connections back."""
        self._session.close()

    def read(
        self, path: str, params: Params | None = None, *, method: str = "GET"
    ) -> tuple[Answer, Json]:
        """A read of ``path`` below ``wu/v2`` and the JSON in its answer (salvaged from
        warnings around it), tried again shortly while that may help.

        Raises:
            Fault: of the last attempt.
        """
        attempts = stamina.retry_context(
            on=self._wait,
            attempts=self._retries.attempts,
            timeout=None,
            wait_initial=self._retries.first,
            wait_max=self._retries.longest,
            wait_jitter=self._retries.first,
        )
        for attempt in attempts:
            with attempt:
                answer = self.send(method, path, params=params)
                content = decode(answer, network=self.network, salvage=True)
        return answer, content

    def _wait(self, error: Exception) -> bool | float:
        if not isinstance(error, Fault) or not error.transient:
            return False
        if error.retry_after is None:
            return True
        return error.retry_after if error.retry_after <= self._retries.longest else False

    def send(
        self, method: str, path: str, *, params: Params | None = None, body: Body | None = None
    ) -> Answer:
        """One request, sent once, and its successful answer.

        Redirects are followed only within the host and only where the method survives.

        Raises:
            Fault: whatever else the network did.
        """
        url = self._endpoint.api + path
        request = f"{method} {path}"
        for _ in range(_MOST_REDIRECTS + 1):
            answer = self._exchange(method, url, request=request, params=params, body=body)
            if answer.status not in _REDIRECTS or "Location" not in answer.headers:
                break
            url, params = self._next_hop(method, url, answer=answer), None
        else:
            raise Redirected(network=self.network, request=request, target="itself, in a loop")
        if answer.status < 200:
            self._drop_connections()
        fault = fault_of(answer, network=self.network, now=self._clock())
        if fault is not None:
            raise fault
        return answer

    def _next_hop(self, method: str, url: str, *, answer: Answer) -> str:
        here, target = urlsplit(url), urlsplit(urljoin(answer.url, answer.headers["Location"]))
        if target.path.endswith("/wp-login.php"):
            raise LoginPage(network=self.network, request=answer.request)
        same_place = target.hostname == here.hostname and (
            (target.scheme, target.port) == (here.scheme, here.port)
            or (here.scheme, target.scheme) == ("http", "https")
        )
        # A 301 turns a POST into a GET in every client: a write would be lost in silence.
        survives = method in ("GET", "OPTIONS") or answer.status in _KEEPS_METHOD
        if not (same_place and survives):
            base = f"{target.scheme}://{target.netloc.rpartition('@')[2]}{target.path}"
            raise Redirected(network=self.network, request=answer.request, target=base)
        return target.geturl()

    def _drop_connections(self) -> None:
        # After an interim answer the real one is still on its way down the same connection
        # and would be taken for the answer to the next request.
        with self._lock:
            self._session.close()
            self._session = self._new_session()

    def _exchange(
        self, method: str, url: str, *, request: str, params: Params | None, body: Body | None
    ) -> Answer:
        between = self._timeouts.read if body is None else self._timeouts.write
        deadline = time.monotonic() + self._longest
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
            raise TlsFailed(network=self.network, url=shown, reason=_reason(error)) from None
        except requests.exceptions.ConnectTimeout:
            reason = f"no connection within {self._timeouts.connect:g} seconds"
            raise Unreachable(network=self.network, url=shown, reason=reason) from None
        except (requests.exceptions.ReadTimeout, ReadTimeoutError):
            raise self._timed_out(request, between) from None
        except requests.exceptions.ConnectionError as error:
            if _never_connected(error):
                reason = _reason(error)
                raise Unreachable(network=self.network, url=shown, reason=reason) from None
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
                raise self._timed_out(request, self._longest)
            if not chunk:
                break
            content += chunk
            if len(content) > self._most_bytes:
                raise TooLarge(network=self.network, request=request, limit=self._most_bytes)
        return bytes(content)

    def _timed_out(self, request: str, seconds: float) -> TimedOut:
        return TimedOut(network=self.network, request=request, seconds=f"{seconds:g}")

    def _broken_off(self, request: str, error: Exception, *, deadline: float) -> Fault:
        if time.monotonic() >= deadline:
            return self._timed_out(request, self._longest)  # cut by the watchdog
        return ConnectionLost(network=self.network, request=request, reason=_reason(error))


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
