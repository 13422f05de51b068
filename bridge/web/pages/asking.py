"""How often sign-in links may be asked for, by address of the caller and by e-mail address."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from bridge.errors import InvalidInput
from bridge.store.tries import Allowed, take
from bridge.web.service import Service

_WINDOW: Final = timedelta(minutes=15)
_CALLER: Final = Allowed(10, _WINDOW)
_EMAIL: Final = Allowed(3, _WINDOW)


class AskedTooOften(InvalidInput):
    """Too many sign-in links were asked for from here."""

    hint = "Wait some minutes, then try again."
    status = 429


def take_wish(service: Service, *, caller: str, network: str, email: str) -> bool:
    """Count one wish: 10 in 15 minutes from one address, 3 for one e-mail address of a network.

    False when this e-mail address has had enough links. Who asks must not learn of that: it
    would tell that somebody else asked.

    Raises:
        AskedTooOften: the caller has to wait.
    """
    now = service.clock()
    if not take(service.store, {("link", "caller", network, caller): _CALLER}, now=now):
        raise AskedTooOften
    return take(service.store, {("link", "email", network, email): _EMAIL}, now=now)
