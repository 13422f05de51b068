"""How often sign-in links may be asked for, by address of the caller and by e-mail address."""

from __future__ import annotations

from limits import parse
from limits.storage import MemoryStorage
from limits.strategies import MovingWindowRateLimiter

from bridge.errors import InvalidInput

_CALLER = parse("10 per 15 minutes")
_EMAIL = parse("3 per 15 minutes")


class AskedTooOften(InvalidInput):
    """Too many sign-in links were asked for from here."""

    hint = "Wait some minutes, then try again."
    status = 429


class Asking:
    """Counts what is asked for, in this process: 10 in 15 minutes from one address, 3 for one
    e-mail address of a network.
    """

    def __init__(self) -> None:
        self._limiter = MovingWindowRateLimiter(MemoryStorage())

    def take(self, *, caller: str, network: str, email: str) -> bool:
        """Count one wish; False when this e-mail address has had enough links.

        Who asks must not learn of that: it would tell that somebody else asked.

        Raises:
            AskedTooOften: the caller has to wait.
        """
        if not self._limiter.hit(_CALLER, network, caller):
            raise AskedTooOften
        return self._limiter.hit(_EMAIL, network, email)
