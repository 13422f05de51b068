"""Prices, periods and statuses in words."""

from __future__ import annotations

from bridge.domain.memberships import MembershipStatus
from bridge.domain.periods import Period
from bridge.web.pages.languages import Language


def period_words(language: Language, period: Period) -> str:
    """How often: "every month", "every 3 months", "every year"."""
    many, count = language.ngettext, period.count
    match period.unit:
        case "day":
            return many("every day", "every %(num)s days", count)
        case "week":
            return many("every week", "every %(num)s weeks", count)
        case "year":
            return many("every year", "every %(num)s years", count)
        case _:
            return many("every month", "every %(num)s months", count)


def price_words(
    language: Language, amount: int, currency: str, period: Period, recurring: bool
) -> str:
    """A price as customers read it: "$30.00 / month", "$80.00 every 3 months", "Free".

    ``amount`` is in minor units; a price that does not recur is paid once.
    """
    _ = language.gettext
    if amount == 0:
        return _("Free")
    money = language.money(amount, currency)
    if not recurring:
        return _("%(amount)s, paid once", amount=money)
    if period.count != 1:
        return f"{money} {period_words(language, period)}"
    each = {
        "day": _("%(amount)s / day", amount=money),
        "week": _("%(amount)s / week", amount=money),
        "month": _("%(amount)s / month", amount=money),
        "year": _("%(amount)s / year", amount=money),
    }
    return each[period.unit]


def status_words(language: Language, status: MembershipStatus | str) -> str:
    """A membership's status: "Active", "On hold"; an unknown one as it is written."""
    _ = language.gettext
    known = {
        "pending": _("Pending"),
        "active": _("Active"),
        "trialing": _("In trial"),
        "on-hold": _("On hold"),
        "expired": _("Expired"),
        "cancelled": _("Cancelled"),
    }
    return known.get(str(status), str(status))
