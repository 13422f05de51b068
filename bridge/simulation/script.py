"""What happens from outside in a simulation."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from bridge.domain.dates import add_calendar
from bridge.domain.periods import Period
from bridge.errors import InvalidInput


@dataclass(frozen=True, slots=True)
class Wish:
    """A change that the customer asks for, and pays if something is due."""

    at: datetime
    products: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Script:
    """What happens from outside.

    In a month of ``fail_in`` the first attempt to collect fails and the card works again
    afterwards; from month ``unpaid_from`` on no attempt succeeds. The first month is 1.

    Raises:
        InvalidInput: a month or a time that is not simulated.
    """

    begins: datetime
    months: int
    wishes: tuple[Wish, ...] = ()
    fail_in: frozenset[int] = frozenset()
    unpaid_from: int | None = None

    def __post_init__(self) -> None:
        for month in (*self.fail_in, *([] if self.unpaid_from is None else [self.unpaid_from])):
            if not 1 <= month <= self.months:
                raise InvalidInput(what=f"month {month}", why=f"months 1 to {self.months} are run")
        for wish in self.wishes:
            if not self.begins <= wish.at <= self.ends:
                span = f"{self.begins:%Y-%m-%d %H:%M} to {self.ends:%Y-%m-%d %H:%M} UTC is run"
                raise InvalidInput(what=f"{wish.at:%Y-%m-%d %H:%M} UTC", why=span)

    @property
    def ends(self) -> datetime:
        """When it is over."""
        return self._after(self.months)

    def month_of(self, at: datetime) -> int:
        """The number of the month that a time lies in."""
        return next(
            (month for month in range(1, self.months) if at < self._after(month)), self.months
        )

    def _after(self, months: int) -> datetime:
        return add_calendar(self.begins, Period(months, "month"))
