"""Limits of a site as bars: how much is used of what is allowed, and in words."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from bridge.domain.limit_modules import Special
from bridge.domain.limit_use import LimitUse
from bridge.web.pages.languages import Language
from bridge.web.pages.wording import allowed_words, limit_label, use_words

FULL = 1000
"""The end of a bar: values are thousandths of what is allowed."""

ALMOST = 800
"""From here on a bar is amber; at its end it is red."""


@dataclass(frozen=True, slots=True)
class Bar:
    """One limit. ``value`` None: there is nothing to draw, ``words`` say it all.

    ``level`` is good, warn or bad; "" without a bar. ``note`` says it in words, too, as a
    colour alone would not do. ``unknown`` where something is limited and nobody knows how
    much of it is used.
    """

    label: str
    words: str
    value: int | None = None
    level: str = ""
    note: str = ""
    unknown: bool = False


def bars(language: Language, uses: Iterable[LimitUse], *, now: datetime) -> tuple[Bar, ...]:
    """Every limit that counts something, in the order of the site's limits."""
    return tuple(_bars(language, uses, now=now))


def next_month(now: datetime) -> datetime:
    """When visits are counted anew: the first day of the next calendar month (UTC)."""
    return (now.replace(day=1) + timedelta(days=32)).replace(day=1)


def _bars(language: Language, uses: Iterable[LimitUse], *, now: datetime) -> Iterator[Bar]:
    for use in uses:
        if use.allowed is not None:
            yield _bar(language, use, now)


def _bar(language: Language, use: LimitUse, now: datetime) -> Bar:
    _ = language.gettext
    label, words = limit_label(language, use), use_words(language, use)
    if use.allowed == 0 and not use.used:
        words = allowed_words(language, use.module, 0)
    notes: list[str] = []
    value, level = None, ""
    limited = not isinstance(use.allowed, Special)
    if limited and use.used is not None and (use.allowed or use.used):
        value = _thousandths(use)
        level = "bad" if value >= FULL else "warn" if value >= ALMOST else "good"
        if use.over:
            notes.append(_("more than allowed"))
        elif level == "bad":
            notes.append(_("limit reached"))
        elif level == "warn":
            notes.append(_("almost reached"))
    if use.module == "visits":
        notes.append(_("counted anew from %(date)s", date=language.date(next_month(now))))
    unknown = limited and bool(use.allowed) and use.used is None
    return Bar(label, words, value, level, ", ".join(notes), unknown)


def _thousandths(use: LimitUse) -> int:
    allowed, used = float(use.allowed or 0), float(use.used or 0)
    return FULL if allowed <= 0 else min(FULL, int(used * FULL / allowed))
