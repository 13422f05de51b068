"""How often somebody may try to sign in, by address of the caller and by account."""

from __future__ import annotations

from limits import RateLimitItem, parse
from limits.storage import MemoryStorage
from limits.strategies import MovingWindowRateLimiter

from bridge.errors import InvalidInput

_EACH = parse("5 per minute")
_CALLER = parse("30 per minute")
_ACCOUNT = parse("40 per hour")


class TooManyAttempts(InvalidInput):
    """There were too many tries to sign in."""

    hint = "Wait a minute, then try again."
    status = 429


class Attempts:
    """Counts tries to sign in, in this process: 5 a minute for one account from one address,
    30 a minute from one address, 40 an hour for one account.
    """

    def __init__(self) -> None:
        self._limiter = MovingWindowRateLimiter(MemoryStorage())

    def take(self, *, caller: str, account: str) -> None:
        """Count one try, before anything is looked up.

        Raises:
            TooManyAttempts: it is one too many; it was not counted.
        """
        kept: list[tuple[RateLimitItem, tuple[str, ...]]] = [
            (_EACH, ("each", caller, account)),
            (_CALLER, ("caller", caller)),
            (_ACCOUNT, ("account", account)),
        ]
        if not all(self._limiter.test(item, *names) for item, names in kept):
            raise TooManyAttempts
        for item, names in kept:
            self._limiter.hit(item, *names)
