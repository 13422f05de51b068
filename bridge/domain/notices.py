"""What customers are told by e-mail, and from when on a limit is worth a word."""

from __future__ import annotations

from enum import StrEnum
from typing import Final

from bridge.domain.limit_use import LimitUse


class NoticeKind(StrEnum):
    """Why somebody gets an e-mail."""

    CHANGE_DONE = "change_done"
    PAYMENT_FAILED = "payment_failed"
    LIMIT = "limit"
    RENEWAL_AHEAD = "renewal_ahead"
    SIGN_IN = "sign_in"

    @property
    def switchable(self) -> bool:
        """False for what somebody asked for just now."""
        return self is not NoticeKind.SIGN_IN


NEAR: Final = 80
REACHED: Final = 100

_TRIVIAL = 1


def limit_level(use: LimitUse) -> int:
    """How much of a limit is used, as far as it is worth a word: 0, 80 or 100 per cent.

    Always 0 where nobody knows, where nothing is allowed or everything, and where one is
    allowed: whoever has one site of one knows it.
    """
    allowed = use.allowed
    if use.used is None or not isinstance(allowed, int | float) or allowed <= _TRIVIAL:
        return 0
    share = use.used * 100 / allowed
    return REACHED if share >= REACHED else NEAR if share >= NEAR else 0
