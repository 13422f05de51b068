"""What the program wrote down in English, read back in another language.

Reasons of changes and events, results of jobs, findings and errors are written as English
sentences where they arise: into the database, the log, the command line and the API. The rooms
that write them know no languages. ``records/<language>.po`` has a pattern for each of them, such
as ``waits for change {0}``; a sentence is recognised by its pattern and said again in the
reader's language, with what it names left as it is. What Stripe, a mail server or somebody else
said is no sentence of ours: it stays in its own words.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib.resources import files
from typing import Final

from babel.messages.pofile import read_po

from bridge.web.pages.languages import Language

_GAP: Final = re.compile(r"(?:\{\w+\})+")
_BETWEEN: Final = re.compile(r"(?<=[.?!;:,)]) (?=\S)|(?<=\S) (?=\(|and )")
_COUNTED: Final = re.compile(r"([\d   ]*\d) (\D+)")
_BEFORE: Final = " ;:,"
_MARKS: Final = {";": " ;", ":": " :"}
"""As French has them; the only language with records so far."""
_LONG: Final = 1200
_MANY: Final = 40
"""A longer text, or one of more parts, is no sentence of ours: reading it would take long."""


@dataclass(frozen=True, slots=True)
class _Pattern:
    """An English sentence with gaps; ``key`` is its longest part, which is looked for first."""

    key: str
    shapes: tuple[re.Pattern[str], ...]
    gaps: tuple[str, ...]
    said: str
    letters: int

    def read(self, text: str) -> Iterator[dict[str, str]]:
        """What may fill the gaps of a text of this pattern: the least, or the most, into each."""
        if self.key in text:
            for shape in self.shapes:
                if found := shape.fullmatch(text):
                    yield dict(zip(self.gaps, found.groups(), strict=True))


def recorded(language: Language, text: object) -> str:
    """A sentence of the program in a language; what is not one of its sentences, as it is."""
    sentence = " ".join(str(text or "").split())
    return _read(language.code, sentence).said if _patterns(language.code) else sentence


@dataclass(frozen=True, slots=True)
class _Reading:
    """One way to read a text: how it is said, and how many letters of it are ours."""

    said: str
    known: int


@lru_cache(maxsize=16384)
def _read(code: str, text: str) -> _Reading:
    """The reading that knows most of a text: as one sentence, or as several in a row."""
    if len(text) > _LONG:
        return _Reading(text, 0)
    best = max(_as_one(code, text), key=_known, default=_Reading(text, 0))
    cuts = [*_BETWEEN.finditer(text)]
    for between in cuts if len(cuts) <= _MANY else ():
        left, mark = _without_mark(text[: between.start()])
        ours, more = _read(code, left), _read(code, text[between.end() :])
        closed = _read(code, left + mark) if mark else ours
        if closed.known > ours.known:
            ours, mark = closed, ""
        known = ours.known + more.known
        if known > best.known:
            best = _Reading(f"{ours.said}{_MARKS.get(mark, mark)} {more.said}", known)
    return best


def _known(reading: _Reading) -> int:
    return reading.known


def _without_mark(text: str) -> tuple[str, str]:
    return (text[:-1], text[-1]) if text[-1:] in (*_MARKS, ",", ".") else (text, "")


def _as_one(code: str, text: str) -> Iterator[_Reading]:
    """The readings of a text as one sentence of ours, whatever marks stand before it."""
    begins = len(text) - len(text.lstrip(_BEFORE))
    before, bare = text[:begins], text[begins:]
    before = _MARKS.get(before.strip(), before.strip()) + (" " if before.strip() else before)
    counted = _COUNTED.fullmatch(bare)
    if counted is not None and (word := _read(code, counted[2])).known:
        yield _Reading(f"{before}{counted[1]} {word.said}", word.known)
    for wording in dict.fromkeys((bare, bare[:1].lower() + bare[1:])):
        for pattern in _patterns(code):
            for gaps in pattern.read(wording):
                found = {gap: _read(code, filling) for gap, filling in gaps.items()}
                said = _GAP.sub(lambda gap: found[gap[0]].said, pattern.said)  # noqa: B023
                if wording != bare:
                    said = said[:1].upper() + said[1:]
                known = pattern.letters + sum(each.known for each in found.values())
                yield _Reading(before + said, known)


@cache
def _patterns(code: str) -> tuple[_Pattern, ...]:
    """Those of a language; none where it has no translations of records."""
    file = files("bridge.web.pages") / "records" / f"{code}.po"
    if not file.is_file():
        return ()
    with file.open("rb") as stream:
        catalogue = read_po(stream, locale=code)
    return tuple(
        _pattern(str(message.id), str(message.string))
        for message in catalogue
        if message.id and message.string
    )


def _pattern(english: str, said: str) -> _Pattern:
    parts = [re.escape(part) for part in _GAP.split(english)]
    gaps = ("(.*?)", "(.*)") if len(parts) > 2 else ("(.*)",)
    return _Pattern(
        key=max(_GAP.split(english), key=len),
        shapes=tuple(re.compile(gap.join(parts)) for gap in gaps),
        gaps=(*_GAP.findall(english),),
        said=said,
        letters=len(_GAP.sub("", english)),
    )
