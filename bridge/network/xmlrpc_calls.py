"""One call to one site through python-wordpress-xmlrpc, and what its errors mean."""

from __future__ import annotations

from functools import cached_property
from typing import Any
from xmlrpc.client import Fault as SiteError

from bridge.network.faults import BrokenAnswer, Fault, Refused, ServerFault
from bridge.network.xmlrpc_faults import XmlRpcForbidden, XmlRpcOff, XmlRpcSignInRefused
from bridge.network.xmlrpc_library import (
    Client,
    InvalidCredentialsError,
    Options,
    UnexpectedShape,
    UnsupportedXmlrpcMethodError,
    XmlrpcDisabledError,
)
from bridge.network.xmlrpc_transport import SiteTransport

# Error codes: methods taken away by a filter, a call that PHP could not read, all switched off.
_OFF = frozenset({-32601, -32700, 405})
_UNAUTHORIZED, _CRASHED = 401, 500


class SiteCalls:
    """Calls one site as one user."""

    def __init__(
        self, transport: SiteTransport, *, network: str, username: str, password: str
    ) -> None:
        self._transport = transport
        self._network = network
        self._username = username
        self._password = password

    def call(self, method: Any) -> Any:
        """The result of one of the library's methods.

        Raises:
            XmlRpcOff: switched off, as a whole or this method.
            XmlRpcSignInRefused: `Options` was refused, which every user may read.
            XmlRpcForbidden: the user may not call the method.
            Fault: what else the site did.
        """
        try:
            return self._client.call(method)
        except SiteError as error:
            raise self._fault(method, error) from None
        except InvalidCredentialsError as error:
            raise self._refused(method, str(error)) from None
        except XmlrpcDisabledError as error:
            raise self._off(str(error)) from None
        except UnsupportedXmlrpcMethodError as error:
            raise self._off(f"it has no {error}") from None
        except UnexpectedShape:
            raise self.broken(method, "something of another shape") from None

    def broken(self, method: Any, what: str) -> BrokenAnswer:
        """The fault of an answer that cannot be what was asked for."""
        return BrokenAnswer(network=self._network, request=self._request(method), what=what)

    def refusal(self, method_name: str, message: str) -> XmlRpcForbidden:
        """The fault of a user who may not do something."""
        return XmlRpcForbidden(
            network=self._network,
            url=self._transport.url,
            user=self._username,
            request=method_name,
            message=message,
        )

    @cached_property
    def _client(self) -> Any:
        # Asks the site for the methods it has, without signing in.
        client = Client(
            f"{self._transport.url}/xmlrpc.php",
            self._username,
            self._password,
            transport=self._transport,
        )
        methods = client.supported_methods
        if not isinstance(methods, list) or not all(isinstance(name, str) for name in methods):
            raise UnexpectedShape
        return client

    def _fault(self, method: Any, error: SiteError) -> Fault:
        code, message = _number(error.faultCode), _sentence(error.faultString)
        if code in _OFF:
            return self._off(message)
        if code == _UNAUTHORIZED:
            return self._refused(method, message)
        if code == _CRASHED:
            return ServerFault(
                network=self._network, request=self._request(method), status=code, what=message
            )
        return Refused(
            network=self._network,
            request=self._request(method),
            message=message,
            code=code,
            status=200,
        )

    def _refused(self, method: Any, message: str) -> Fault:
        message = _sentence(message)
        if not isinstance(method, Options):
            return self.refusal(method.method_name, message)
        return XmlRpcSignInRefused(
            network=self._network,
            url=self._transport.url,
            user=self._username,
            message=message,
        )

    def _off(self, what: str) -> XmlRpcOff:
        what = _sentence(what).rstrip(".")
        return XmlRpcOff(network=self._network, url=self._transport.url, what=what)

    def _request(self, method: Any) -> str:
        return f"{method.method_name} on {self._transport.url}"


def _number(code: object) -> int:
    try:
        return int(str(code))
    except ValueError:
        return 0


def _sentence(message: object) -> str:
    text = " ".join(str(message).split())
    return text if len(text) <= 300 else text[:299] + "…"
