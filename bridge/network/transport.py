"""REST requests to one network: short retries, and redirects that leak no credentials."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from copy import copy
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import SplitResult, urljoin, urlsplit

import stamina
from requests.auth import HTTPBasicAuth

from bridge.network.answers import Answer, Json, decode, fault_of
from bridge.network.endpoint import Endpoint
from bridge.network.exchange import Body, Exchange, NoAuth, Params, Timeouts
from bridge.network.faults import BrokenAnswer, Fault, LoginPage, Redirected
from bridge.network.manners import NO_LIMITS, Manners

__all__ = ["PATIENCE", "PERSISTENCE", "Body", "Params", "Retries", "Timeouts", "Transport"]

REDIRECTS = frozenset({301, 302, 303, 307, 308})
_KEEPS_METHOD = frozenset({307, 308})
_MOST_REDIRECTS = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Retries:
    """Short retries of reads: how often in all, the first wait and the longest, in seconds.

    A network that asks for more patience than ``longest`` gets it from the caller.
    """

    attempts: int = 3
    first: float = 0.2
    longest: float = 3.0

    def __iter__(self) -> Iterator[stamina.Attempt]:
        """The attempts of one read, as long as its fault may pass."""
        return iter(
            stamina.retry_context(
                on=self._wait,
                attempts=self.attempts,
                timeout=None,
                wait_initial=self.first,
                wait_max=self.longest,
                wait_jitter=self.first,
            )
        )

    def _wait(self, error: Exception) -> bool | float:
        if not isinstance(error, Fault) or not error.transient:
            return False
        if error.retry_after is None:
            return True
        return error.retry_after if error.retry_after <= self.longest else False


PATIENCE = Timeouts()
PERSISTENCE = Retries()


class Transport:
    """One pooled session to one network; safe to share between threads.

    ``clock`` gives aware UTC and is used for ``Retry-After`` dates only. ``manners``
    let each request wait for its turn. ``base`` is what paths are below: the plugin's
    interface at the endpoint unless given.
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
        manners: Manners = NO_LIMITS,
        base: str | None = None,
    ) -> None:
        self.network = network
        self._manners = manners
        self._base = base or endpoint.api
        self._clock = clock
        self._retries = retries
        key, secret = endpoint.api_key, endpoint.api_secret
        in_query = endpoint.in_query
        self._exchange = Exchange(
            network=network,
            auth=NoAuth() if in_query else HTTPBasicAuth(key.encode(), secret.encode()),
            accept="application/json",
            params={"api_key": key, "api_secret": secret} if in_query else None,
            timeouts=timeouts,
            most_bytes=most_bytes,
            pool=pool,
        )

    def close(self) -> None:
        """Give the pooled connections back."""
        self._exchange.close()

    def at(self, base: str) -> Transport:
        """The same below another address of the network: connections and pace are shared."""
        elsewhere = copy(self)
        elsewhere._base = base
        return elsewhere

    def read(
        self, path: str, params: Params | None = None, *, method: str = "GET"
    ) -> tuple[Answer, Json]:
        """A read of ``path`` below the base and the JSON in its answer (salvaged from
        warnings around it), tried again shortly while that may help.

        Raises:
            Fault: of the last attempt.
        """
        for attempt in self._retries:
            with attempt:
                answer = self.send(method, path, params=params)
                content = decode(answer, network=self.network, salvage=True)
        return answer, content

    def send(
        self, method: str, path: str, *, params: Params | None = None, body: Body | None = None
    ) -> Answer:
        """One request, sent once, and its successful answer.

        Redirects are followed only within the host and only where the method survives.

        Raises:
            Fault: whatever else the network did.
        """
        url = self._base + path
        request = f"{method} {path}"
        for _ in range(_MOST_REDIRECTS + 1):
            with self._manners.turn():
                answer = self._exchange.send(method, url, request=request, params=params, body=body)
            if answer.status not in REDIRECTS or "Location" not in answer.headers:
                break
            url, params = self._next_hop(method, url, answer=answer), None
        else:
            raise Redirected(network=self.network, request=request, target="itself, in a loop")
        if answer.status < 200:
            # After an interim answer the real one is still on its way down the same
            # connection and would be taken for the answer to the next request.
            self._exchange.drop_connections()
        fault = fault_of(answer, network=self.network, now=self._clock())
        if fault is not None:
            raise fault
        return answer

    def _next_hop(self, method: str, url: str, *, answer: Answer) -> str:
        here, target = urlsplit(url), target_of(answer, network=self.network)
        if target.path.endswith("/wp-login.php"):
            raise LoginPage(network=self.network, request=answer.request)
        same_place = target.hostname == here.hostname and (
            (target.scheme, target.port) == (here.scheme, here.port)
            or (here.scheme, target.scheme) == ("http", "https")
        )
        # A 301 turns a POST into a GET in every client: a write would be lost in silence.
        survives = method in ("GET", "OPTIONS") or answer.status in _KEEPS_METHOD
        if not (same_place and survives):
            raise redirected(answer, network=self.network)
        return target.geturl()


def target_of(answer: Answer, *, network: str) -> SplitResult:
    """Where a redirect leads.

    Raises:
        BrokenAnswer: to what is no address.
    """
    try:
        target = urlsplit(urljoin(answer.url, answer.headers["Location"]))
        _ = target.port  # only looked at, and refused, when asked for
    except ValueError:
        what = f"a redirect (HTTP {answer.status}) to what is no address"
        raise BrokenAnswer(network=network, request=answer.request, what=what) from None
    return target


def redirected(answer: Answer, *, network: str) -> Redirected:
    """The fault of a redirect that is not followed; its target without password or query."""
    target = target_of(answer, network=network)
    base = f"{target.scheme}://{target.netloc.rpartition('@')[2]}{target.path}"
    return Redirected(network=network, request=answer.request, target=base)
