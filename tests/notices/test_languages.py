"""The sentences of the mails: French is complete, and no translation loses a value."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po

from bridge.domain.notices import NoticeKind
from bridge.messaging import WORDING
from bridge.notices.letters import Letter
from bridge.notices.samples import sample
from bridge.notices.speech import Speech
from bridge.notices.writing import Frame, write
from bridge.web.pages.languages import LANGUAGES
from tests.conftest import NOW

ROOM = Path(__file__).parents[2] / "bridge" / "notices"
OTHERS = [code for code in LANGUAGES if code != "en"]
Message = str | tuple[str, ...]


def catalogue(code: str) -> Catalog:
    with (ROOM / "locale" / code / "LC_MESSAGES" / "notices.po").open("rb") as file:
        return read_po(file, locale=code)


def in_the_code() -> set[Message]:
    keywords = {"_": None, "gettext": None, "ngettext": (1, 2)}
    found = extract_from_dir(ROOM, method_map=[("**.py", "python")], keywords=keywords)
    return {message for _, _, message, _, _ in found}


def written(code: str) -> dict[Message, list[str]]:
    """Each message with its translations."""
    rows: dict[Message, list[str]] = {}
    for message in catalogue(code):
        if message.id:
            key = tuple(message.id) if isinstance(message.id, list | tuple) else message.id
            given = message.string
            rows[key] = list(given) if isinstance(given, list | tuple) else [given]
    return rows


def placeholders(text: str) -> set[str]:
    return set(re.findall(r"%\((\w+)\)[sd]", text))


def test_the_code_has_sentences() -> None:
    """Else the tests below would pass without looking at anything."""
    assert len(in_the_code()) > 35
    assert any(isinstance(message, tuple) for message in in_the_code())


def test_french_is_complete() -> None:
    """Every sentence, every plural, nothing that is not said any more."""
    rows = written("fr")
    assert set(rows) == in_the_code()
    assert all(all(given) for given in rows.values())


@pytest.mark.parametrize("code", OTHERS)
def test_no_translation_loses_or_invents_a_value(code: str) -> None:
    """``%(date)s`` stays ``%(date)s``; a stray per cent sign would break the mail."""
    known = in_the_code()
    for message, given in written(code).items():
        assert message in known, message
        forms = (message,) if isinstance(message, str) else message
        for number, text in enumerate(given):
            # The form for one thing need not say how many.
            allowed = forms if number == 0 else forms[-1:]
            assert not text or placeholders(text) in map(placeholders, allowed), text
            assert text.count("%") == len(re.findall(r"%\(\w+\)s", text)), text


def _all_words(letter: Letter) -> Iterator[str]:
    yield from (letter.subject, letter.greeting, letter.heading, *letter.footer)
    for block in letter.blocks:
        yield str(block)


@pytest.mark.parametrize("code", LANGUAGES)
@pytest.mark.parametrize("kind", list(NoticeKind))
def test_every_letter_can_be_written_in_every_language(code: str, kind: NoticeKind) -> None:
    """No value is left unfilled."""
    language = WORDING.choose(code)
    story = sample(kind, currency="EUR", account_url="https://a.example/", now=NOW)
    frame = Frame("Zoé", "Atelier", "help@a.example", "https://a.example/account/main/")
    letter = write(story, Speech(language, WORDING), frame)
    for words in _all_words(letter):
        assert "%(" not in words
    english = write(story, Speech(WORDING.choose("en"), WORDING), frame)
    assert (letter.subject != english.subject) == (code != "en")


def test_an_unknown_language_is_english() -> None:
    """Whatever WordPress says."""
    assert WORDING.choose("eo", "", None).code == "en"
    assert WORDING.choose("", "de_DE_formal").code == "de"
    assert WORDING.choose("pt-BR").code == "pt_BR"
