"""The languages of the pages: which one somebody gets, its sentences, its money and dates.

Each section of the pages has its own file of sentences in ``locale/<language>/``; all of a
language's files together are its catalogue. They are read as they are written (``.po``), so
that there is nothing to compile.
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Sequence
from datetime import date, datetime
from functools import cache
from gettext import GNUTranslations, NullTranslations
from importlib.resources import files
from typing import TYPE_CHECKING

from babel import Locale
from babel.dates import format_date, format_datetime
from babel.lists import format_list
from babel.messages.catalog import Catalog
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.numbers import format_currency, format_decimal

from bridge.domain.money import exponent, to_major

if TYPE_CHECKING:
    from fastapi import Request

COOKIE = "planbridge_language"
"""Keeps the language that somebody chose before he was signed in."""

LANGUAGES = ("en", "fr", "de", "es", "pt_BR", "it", "nl")
"""English first: it is what stands in the code, and what the others fall back to."""

DEFAULT = "en"


class Language:
    """One language: its sentences and the way it writes amounts and dates."""

    def __init__(self, code: str) -> None:
        self.code = code
        self.locale = Locale.parse(code)
        self.translations = _translations(code)

    @property
    def tag(self) -> str:
        """As HTML's ``lang`` has it: ``pt-BR``."""
        return self.code.replace("_", "-")

    @property
    def name(self) -> str:
        """The language's name in itself."""
        name = self.locale.get_display_name(self.code) or self.code
        return name[0].upper() + name[1:]

    def gettext(self, message: str, /, **values: object) -> str:
        """The sentence in this language, with ``%(name)s`` filled in."""
        return _filled(self.translations.gettext(message), values)

    def ngettext(self, one: str, many: str, count: int, /, **values: object) -> str:
        """The sentence for a count; ``%(num)s`` is the count."""
        return _filled(self.translations.ngettext(one, many, count), {"num": count, **values})

    def pgettext(self, context: str, message: str, /, **values: object) -> str:
        """The sentence where the same English words mean two things."""
        return _filled(self.translations.pgettext(context, message), values)

    def money(self, minor: int, currency: str) -> str:
        """An amount in minor units, written as this language does: ``45,22 $US``."""
        digits = exponent(currency)
        text = format_currency(
            to_major(minor, currency),
            currency.upper(),
            locale=self.locale,
            currency_digits=False,
            decimal_quantization=True,
            format=None if digits == 2 else _pattern(self.locale, digits),
        )
        return str(text)

    def number(self, value: float | int) -> str:
        """A number with this language's separators."""
        return str(format_decimal(value, locale=self.locale))

    def date(self, when: date | datetime | None) -> str:
        """A day, written out: ``31 décembre 2026``. "" for None. UTC."""
        return "" if when is None else str(format_date(when, format="long", locale=self.locale))

    def moment(self, when: datetime | None) -> str:
        """A day and a time in UTC, short. "" for None."""
        if when is None:
            return ""
        return f"{format_datetime(when, format='medium', locale=self.locale)} UTC"

    def listed(self, items: Iterable[str]) -> str:
        """Items as a sentence lists them: ``a, b et c``."""
        return str(format_list([str(item) for item in items], locale=self.locale))


def _pattern(locale: Locale, digits: int) -> str:
    pattern = str(locale.currency_formats["standard"].pattern)
    whole = "0." + "0" * digits if digits else "0"
    return pattern.replace("0.00", whole)


def _filled(text: str, values: dict[str, object]) -> str:
    return text % values if values else text


@cache
def language(code: str) -> Language:
    """The language of one of `LANGUAGES`' codes; English for any other."""
    return Language(code if code in LANGUAGES else DEFAULT)


def chosen(*wishes: str | None) -> Language:
    """The first wish that can be met: codes such as ``fr``, ``fr_CA``, ``pt-BR``, or "".

    A wish may also be the value of an ``Accept-Language`` header.
    """
    for wish in wishes:
        found = _known(wish or "")
        if found:
            return language(found)
    return language(DEFAULT)


def asked_for(request: Request, *known: str) -> Language:
    """The language for who asks: the address' ``lang``, what is known of him, his browser."""
    return chosen(
        request.query_params.get("lang"),
        *known,
        request.cookies.get(COOKIE),
        request.headers.get("accept-language"),
    )


def _known(wish: str) -> str | None:
    """The language that comes nearest: ``pt_PT`` is better served in ``pt_BR`` than in none."""
    tongues = (code.replace("-", "_").partition("_")[0] for code in _by_preference(wish[:200]))
    return next((_BY_TONGUE[each.lower()] for each in tongues if each.lower() in _BY_TONGUE), None)


_BY_TONGUE = {code.partition("_")[0]: code for code in LANGUAGES}


def _by_preference(header: str) -> list[str]:
    """Codes of an ``Accept-Language`` header, the most wanted first."""
    weighted: list[tuple[float, int, str]] = []
    for place, part in enumerate(header.split(",")):
        code, _, weight = part.strip().partition(";q=")
        try:
            value = float(weight) if weight else 1.0
        except ValueError:
            continue
        if code and value > 0:
            weighted.append((-value, place, code.strip()))
    return [code for _, _, code in sorted(weighted)]


@cache
def _translations(code: str) -> NullTranslations:
    folder = files("bridge.web.pages") / "locale" / code
    merged: GNUTranslations | None = None
    if folder.is_dir():
        for file in sorted(folder.iterdir(), key=lambda one: one.name):
            if file.name.endswith(".po"):
                with file.open("rb") as stream:
                    one = _compiled(read_po(stream, locale=code))
                if merged is None:
                    merged = one
                else:
                    merged._catalog.update(one._catalog)  # type: ignore[attr-defined]
    return merged or NullTranslations()


def _compiled(catalogue: Catalog) -> GNUTranslations:
    buffer = io.BytesIO()
    write_mo(buffer, catalogue)
    buffer.seek(0)
    return GNUTranslations(buffer)


def menu(current: Language) -> Sequence[tuple[str, str, bool]]:
    """Every language as (code, name in itself, is it the current one)."""
    return [(code, language(code).name, code == current.code) for code in LANGUAGES]
