"""What a notice tells, as plain values: read from the store, put into words elsewhere."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from bridge.domain.limit_modules import Allowance
from bridge.domain.periods import Period


@dataclass(frozen=True, slots=True)
class LimitBeside:
    """A limit before and after a change; ``before`` None where nobody knows it."""

    module: str
    item: str
    before: Allowance | None
    after: Allowance


@dataclass(frozen=True, slots=True)
class SiteBeside:
    """A site as it was read back."""

    title: str
    address: str
    limits: tuple[LimitBeside, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeDone:
    """A change that was carried out. ``proven`` when every site was read back.

    ``amount`` in minor units; ``next_billing`` None when nothing is billed again.
    """

    plan: str
    addons: tuple[str, ...]
    amount: int
    currency: str
    period: Period
    recurring: bool
    next_billing: datetime | None
    proven: bool
    sites: tuple[SiteBeside, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentFailed:
    """A renewal that could not be collected, and what follows from it when.

    ``amount`` None where it is not known; ``held_at`` and ``expires_at`` are the rungs of the
    ladder.
    """

    plan: str
    amount: int | None
    currency: str
    due_since: datetime
    held_at: datetime
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class FullLimit:
    """A limit that is nearly or entirely used up, on a site or of the whole membership."""

    site: str
    module: str
    item: str
    used: float
    allowed: float


@dataclass(frozen=True, slots=True)
class LimitsFull:
    """Limits that crossed a line."""

    limits: tuple[FullLimit, ...]

    @property
    def reached(self) -> bool:
        """True when one of them leaves nothing."""
        return any(one.used >= one.allowed for one in self.limits)


@dataclass(frozen=True, slots=True, kw_only=True)
class RenewalAhead:
    """A renewal to come; ``automatic`` when it is collected without the customer.

    ``new_plan`` is the plan that a waiting change makes of it, "" without one.
    """

    plan: str
    amount: int
    currency: str
    due_at: datetime
    automatic: bool
    new_plan: str = ""


@dataclass(frozen=True, slots=True)
class SignIn:
    """A link that opens the account once, for so many minutes."""

    url: str
    minutes: int


Story = ChangeDone | PaymentFailed | LimitsFull | RenewalAhead | SignIn
