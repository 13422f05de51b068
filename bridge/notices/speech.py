"""The sentences of the mails in each language, and what the pages' languages do for them.

The catalogues are ``locale/<language>/LC_MESSAGES/notices.po``, read as they are written.
How a language writes amounts, dates and limits is handed in: mails and pages say it alike.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from gettext import GNUTranslations, NullTranslations
from importlib.resources import files
from typing import Generic, Protocol, TypeVar

from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po

from bridge.domain.limit_modules import Allowance
from bridge.domain.periods import Period


class Locale(Protocol):
    """A language, as far as mails need it; amounts in minor units, times aware UTC."""

    code: str

    @property
    def tag(self) -> str:
        """As HTML's ``lang`` has it."""

    def money(self, minor: int, currency: str) -> str:
        """An amount."""

    def number(self, value: float | int) -> str:
        """A number."""

    def date(self, when: datetime | None) -> str:
        """A day."""

    def listed(self, items: Iterable[str]) -> str:
        """Items as a sentence lists them."""


L = TypeVar("L", bound=Locale)


@dataclass(frozen=True, slots=True)
class Wording(Generic[L]):
    """How every language says what mails and pages have in common.

    Attributes:
        choose: The language of the first of these wishes that can be met, else English.
        limit: What a module counts, or one item of it, as a heading.
        allowed: How much of a module is allowed.
        price: Amount, currency, period and whether it recurs, as customers read it.
    """

    choose: Callable[..., L]
    limit: Callable[[L, str, str], str]
    allowed: Callable[[L, str, Allowance], str]
    price: Callable[[L, int, str, Period, bool], str]


class Speech(Generic[L]):
    """One language for one mail."""

    def __init__(self, locale: L, wording: Wording[L]) -> None:
        self.locale = locale
        self._wording = wording
        self._sentences = sentences(locale.code)

    def gettext(self, message: str, /, **values: object) -> str:
        """The sentence in this language, with ``%(name)s`` filled in."""
        return self._sentences.gettext(message) % values

    def ngettext(self, one: str, many: str, count: int, /, **values: object) -> str:
        """The sentence for a count; ``%(num)s`` is the count."""
        return self._sentences.ngettext(one, many, count) % {"num": count, **values}

    def limit(self, module: str, item: str) -> str:
        """What is counted, as a heading."""
        return self._wording.limit(self.locale, module, item)

    def allowed(self, module: str, allowance: Allowance) -> str:
        """How much is allowed."""
        return self._wording.allowed(self.locale, module, allowance)

    def price(self, amount: int, currency: str, period: Period, *, recurring: bool) -> str:
        """A price, such as "$30.00 / month"."""
        return self._wording.price(self.locale, amount, currency, period, recurring)


@cache
def sentences(code: str) -> NullTranslations:
    """The catalogue of a language; one that leaves English as it is where there is none."""
    file = files("bridge.notices") / "locale" / code / "LC_MESSAGES" / "notices.po"
    if not file.is_file():
        return NullTranslations()
    compiled = io.BytesIO()
    with file.open("rb") as stream:
        write_mo(compiled, read_po(stream, locale=code))
    compiled.seek(0)
    return GNUTranslations(compiled)
