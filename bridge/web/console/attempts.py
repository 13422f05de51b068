"""How often somebody may try to sign in, by address of the caller and by account."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from bridge.errors import InvalidInput
from bridge.store.tries import Allowed, take
from bridge.web.service import Service

_MINUTE: Final = timedelta(minutes=1)
_EACH: Final = Allowed(5, _MINUTE)
_CALLER: Final = Allowed(30, _MINUTE)
_ACCOUNT: Final = Allowed(40, timedelta(hours=1))


class TooManyAttempts(InvalidInput):
    """There were too many tries to sign in."""

    hint = "Wait a minute, then try again."
    status = 429


def take_attempt(service: Service, *, caller: str, account: str) -> None:
    """Count one try, before anything is looked up: 5 a minute for one account from one address,
    30 a minute from one address, 40 an hour for one account.

    Raises:
        TooManyAttempts: it is one too many; it was not counted.
    """
    wanted = {
        ("sign-in", "each", caller, account): _EACH,
        ("sign-in", "caller", caller): _CALLER,
        ("sign-in", "account", account): _ACCOUNT,
    }
    if not take(service.store, wanted, now=service.clock()):
        raise TooManyAttempts
