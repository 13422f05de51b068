"""How an XML-RPC call travels: bounded in time and size, to one address and nowhere else."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime
from typing import Any
from xmlrpc.client import Transport

from bridge.network.answers import Answer, fault_of, web_page
from bridge.network.exchange import Body, Exchange, NoAuth, Timeouts
from bridge.network.faults import BrokenAnswer, Fault
from bridge.network.manners import NO_LIMITS, Manners
from bridge.network.transport import REDIRECTS, Retries, redirected
from bridge.network.xmlrpc_answers import DocumentTypeFound, NotXmlRpc, is_xmlrpc, read_values
from bridge.network.xmlrpc_faults import SiteSilent, UnsafeXml, XmlRpcOff

SITE_PATIENCE = Timeouts(connect=5, read=15, write=15, whole=30)
"""A call takes 0.1 to 0.25 s on a working site (domain/live-findings.md §5)."""

SITE_PERSISTENCE = Retries(attempts=2)

_METHOD = re.compile(rb"<methodName>([\w.]+)</methodName>")
_TOO_MANY_REQUESTS = 429


class SiteTransport(Transport):
    """The calls to one site's ``xmlrpc.php``, for `xmlrpc.client.ServerProxy`.

    ``url`` is the site's, without a trailing slash. Nothing is kept in cookies, no redirect
    is followed, no entity resolved. Every call is taken for a read: one that failed is made
    again shortly where that may help. Safe to share between threads.
    """

    def __init__(
        self,
        url: str,
        *,
        network: str,
        clock: Callable[[], datetime],
        timeouts: Timeouts = SITE_PATIENCE,
        retries: Retries = SITE_PERSISTENCE,
        most_bytes: int = 8 * 1024 * 1024,
        manners: Manners = NO_LIMITS,
    ) -> None:
        super().__init__()
        self._manners = manners
        self.url = url
        self._network = network
        self._clock = clock
        self._retries = retries
        self._exchange = Exchange(
            network=network,
            auth=NoAuth(),
            accept="text/xml",
            timeouts=timeouts,
            most_bytes=most_bytes,
            pool=1,
        )

    def request(
        self,
        host: Any,  # the library's signature; the address is ours
        handler: str,
        request_body: Any,
        verbose: bool = False,
    ) -> tuple[Any, ...]:
        """The values that the call in ``request_body`` is answered with.

        Raises:
            Fault: what the site, or something in front of it, did instead.
            xmlrpc.client.Fault: the site's own error.
        """
        named = _METHOD.search(request_body)
        called = named[1].decode() if named else "a call"
        for attempt in self._retries:
            with attempt, self._manners.turn():
                answer = self._exchange.send(
                    "POST",
                    f"{self.url}/xmlrpc.php",
                    request=f"{called} on {self.url}",
                    body=Body(data=request_body, content_type="text/xml"),
                )
                values = self._values(answer)
        return values

    def close(self) -> None:
        """Give the pooled connection back."""
        self._exchange.close()

    def _values(self, answer: Answer) -> tuple[Any, ...]:
        if answer.status < 200:
            self._exchange.drop_connections()
        # WordPress sends its errors with 200, and some plugins with the status they stand for.
        if not is_xmlrpc(answer.body):
            raise self._fault(answer)
        try:
            return read_values(answer.body)
        except DocumentTypeFound:
            raise UnsafeXml(network=self._network, request=answer.request) from None
        except NotXmlRpc as error:
            raise self._broken(answer, str(error)) from None

    def _fault(self, answer: Answer) -> Fault:
        """What an answer means that is not XML-RPC."""
        if answer.status in REDIRECTS and "Location" in answer.headers:
            return redirected(answer, network=self._network)
        if 300 <= answer.status < 400:
            return self._broken(answer, f"HTTP {answer.status}")
        if 400 <= answer.status < 500 and answer.status != _TOO_MANY_REQUESTS:
            what = f"HTTP {answer.status}"
            return XmlRpcOff(network=self._network, url=self.url, what=what)
        fault = fault_of(answer, network=self._network, now=self._clock())
        if fault is not None:
            return fault
        if not answer.body.strip():
            return SiteSilent(network=self._network, url=self.url)
        return web_page(answer, network=self._network) or self._broken(answer, "no XML")

    def _broken(self, answer: Answer, what: str) -> BrokenAnswer:
        return BrokenAnswer(network=self._network, request=answer.request, what=what)
