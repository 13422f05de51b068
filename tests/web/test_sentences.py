"""Every sentence of the pages, and of what they show, is there in French; none is left over."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog
from babel.messages.extract import DEFAULT_KEYWORDS, extract
from babel.messages.pofile import read_po

from bridge.web.pages.languages import LANGUAGES
from bridge.web.pages.wording.limits import _COUNTED
from tests.web.written_sentences import constants, pattern, written

ROOT = Path(__file__).parents[2] / "bridge" / "web"
LOCALE = ROOT / "pages" / "locale"
RECORDS = ROOT / "pages" / "records"
COMPOSED = {
    *(f"{kind} to {{}}" for kind in ("upgrade", "downgrade", "addon", "removal", "new")),
    "hides the products' {}",
    "seems to hide the products' {}",
    "seems to hide the computed {}",
}
"""What is put together from words alone: a simulation's changes, what an override does."""
COMPLETE = ("fr",)
OTHERS = tuple(code for code in LANGUAGES if code not in ("en", *COMPLETE))

Key = tuple[str, str]
"""(context, English); of a plural its singular."""

_CONTEXT = ((1, "c"), 2)
_KEYWORDS = {
    **DEFAULT_KEYWORDS,
    "pgettext": _CONTEXT,
    "said": _CONTEXT,
    "many": (1, 2),
}
_GAP = re.compile(r"\{\d\}")
_PLACEHOLDER = re.compile(r"%\((\w+)\)s")


@cache
def wanted(*, console: bool = True) -> dict[Key, str]:
    """Every sentence in code and templates, with its plural or "", as gettext would find it.

    Without those of the ``console``, and of the page that only a demonstration has.
    """
    # What is chosen from a table stands in no call that could be read.
    found: dict[Key, str] = {("", one): many for one, many in _COUNTED.values()}
    for path in sorted((*ROOT.rglob("*.py"), *ROOT.rglob("*.html"))):
        if not console and ("console" in path.parts or path.stem == "demo"):
            continue
        for message, context in _extracted(path):
            one, many = message if isinstance(message, tuple) else (message, "")
            if one:
                found[context, one] = many
    return found


def _extracted(path: Path) -> Iterator[tuple[str | tuple[str, str], str]]:
    content = path.read_bytes()
    if path.suffix == ".py":
        method, options = "python", {}
        if not re.search(rb"gettext", content):
            return
    elif "templates" in path.parts:
        method = "jinja2.ext:babel_extract"
        options = {"newstyle_gettext": "true", "extensions": "jinja2.ext.do"}
    else:
        return
    for _, message, _, context in extract(
        method, io.BytesIO(content), keywords=_KEYWORDS, options=options
    ):
        yield message, context or ""


@cache
def catalogues(code: str) -> dict[str, Catalog]:
    """The catalogues of a language by the name of their file."""
    found = {}
    for path in sorted((LOCALE / code).glob("*.po")):
        with path.open("rb") as stream:
            found[path.name] = read_po(stream, locale=code)
    return found


def translated(code: str) -> dict[Key, tuple[str, ...]]:
    """What a language says, each with all its plurals."""
    found: dict[Key, tuple[str, ...]] = {}
    for catalogue in catalogues(code).values():
        for message in catalogue:
            if message.id:
                one = message.id[0] if isinstance(message.id, tuple) else message.id
                texts = message.string if isinstance(message.string, tuple) else (message.string,)
                found[message.context or "", one] = texts
    return found


@cache
def records(code: str) -> list[tuple[str, str]]:
    """What the program writes down, and what a language says instead."""
    with (RECORDS / f"{code}.po").open("rb") as stream:
        return [(str(one.id), str(one.string)) for one in read_po(stream, locale=code) if one.id]


@pytest.mark.parametrize("code", COMPLETE)
def test_the_language_is_complete(code: str) -> None:
    """Every sentence has its translation, every plural all its forms."""
    said = translated(code)
    missing = [key for key in wanted() if not all(said.get(key, ("",)))]
    assert missing == []
    for key, many in wanted().items():
        assert (len(said[key]) > 1) is bool(many), key


@pytest.mark.parametrize("code", OTHERS)
def test_the_customers_pages_are_complete(code: str) -> None:
    """The console speaks English and French; what customers see, all languages."""
    said = translated(code)
    assert [key for key in wanted(console=False) if not all(said.get(key, ("",)))] == []


@pytest.mark.parametrize("code", [*COMPLETE, *OTHERS])
def test_no_sentence_is_left_over(code: str) -> None:
    """What nothing says any more stands in no catalogue."""
    assert [key for key in translated(code) if key not in wanted()] == []


@pytest.mark.parametrize("code", [*COMPLETE, *OTHERS])
def test_placeholders_are_those_of_the_english(code: str) -> None:
    """A translation fills in what the English does: nothing less, nothing else."""
    for (context, one), texts in translated(code).items():
        many = wanted().get((context, one), "")
        meant = set(_PLACEHOLDER.findall(one)) | set(_PLACEHOLDER.findall(many))
        for text in filter(None, texts):
            assert set(_PLACEHOLDER.findall(text)) <= meant, (one, text)
            left_out = set(_PLACEHOLDER.findall(many or one)) - set(_PLACEHOLDER.findall(text))
            assert left_out <= ({"num", "n"} if many else set()), (one, text)
            bare = re.search(r"%(?!\(\w+\)s)", text.replace("%%", ""))
            assert bare is None or not meant, (one, text)


@pytest.mark.parametrize("code", [*COMPLETE, *OTHERS])
def test_a_sentence_is_translated_the_same_in_every_section(code: str) -> None:
    """A sentence that stands in two sections says the same in both: one would win unseen."""
    said: dict[Key, tuple[str, object]] = {}
    for name, catalogue in catalogues(code).items():
        for message in catalogue:
            if not message.id:
                continue
            one = message.id[0] if isinstance(message.id, tuple) else message.id
            key = (message.context or "", one)
            other, text = said.setdefault(key, (name, message.string))
            assert text == message.string, f"{key}: {other} and {name} differ"


@pytest.mark.parametrize("code", [*COMPLETE, *OTHERS])
def test_translations_are_no_drafts(code: str) -> None:
    """No fuzzy entries, no obsolete ones."""
    for name, catalogue in catalogues(code).items():
        assert not [message.id for message in catalogue if message.fuzzy and message.id], name
        assert not catalogue.obsolete, name


class TestWhatTheProgramWritesDown:
    """Reasons, results and errors are sentences of the code; French has a pattern for each."""

    @pytest.mark.parametrize("code", COMPLETE)
    def test_each_sentence_has_its_translation(self, code: str) -> None:
        known = {pattern(english) for english, said in records(code) if said}
        missing = {text: module for text, module in written().items() if text not in known}
        assert missing == {}

    @pytest.mark.parametrize("code", COMPLETE)
    def test_no_translation_is_left_over(self, code: str) -> None:
        texts = constants()
        texts |= {text.replace("_", " ") for text in texts} | COMPOSED
        assert [one for one, _ in records(code) if pattern(one) not in texts] == []

    @pytest.mark.parametrize("code", COMPLETE)
    def test_gaps_are_those_of_the_english(self, code: str) -> None:
        for english, said in records(code):
            assert sorted(_GAP.findall(english)) == sorted(_GAP.findall(said)), english


def test_plurals_are_those_of_french() -> None:
    """0 and 1 are singular in French, 0 is plural in English."""
    from bridge.web.pages.languages import language

    one, many = "%(price)s, %(num)s time", "%(price)s, %(num)s times"
    assert language("fr").ngettext(one, many, 0, price="1 €") == "1 €, 0 fois"
    assert language("en").ngettext(one, many, 0, price="€1") == "€1, 0 times"
    assert language("en").ngettext(one, many, 1, price="€1") == "€1, 1 time"
