"""Every sentence of the console is there in French."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from babel.messages.extract import extract

from bridge.web.console import routes
from bridge.web.console.words import thing_at_stripe_words
from bridge.web.pages.languages import language
from webhooks.stripe_objects import READERS

CONSOLE = Path(str(routes.__file__)).parent
TEMPLATES = CONSOLE.parent / "pages" / "templates" / "console"
_SAME = {
    "Console",
    "Messages",
    "Site",
    "Sites",
    "sites",
    "site %(id)s",
    "Actions",
    "Simulation",
    "test",
    "Type",
    "%(count)s s",
    "%(count)s min",
    "%(count)s h",
    "Description",
    "Date",
}


def sentences() -> Iterator[str | tuple[str, str]]:
    """What templates and modules give to gettext."""
    for path in sorted(TEMPLATES.glob("*.html")):
        with path.open("rb") as file:
            for _, message, *_ in extract(
                "jinja2.ext:babel_extract", file, options={"trimmed": "true"}
            ):
                yield _plain(message)
    for path in sorted(CONSOLE.glob("*.py")):
        with path.open("rb") as file:
            for _, message, *_ in extract(
                "python", file, keywords={"_": None, "ngettext": (1, 2), "many": (1, 2)}
            ):
                yield _plain(message)


def _plain(message: object) -> str | tuple[str, str]:
    if isinstance(message, str):
        return message
    one, many = [part for part in message if part][:2]  # type: ignore[attr-defined]
    return one, many


def test_there_are_sentences() -> None:
    assert len(set(sentences())) > 300


@pytest.mark.parametrize("sentence", sorted(set(sentences()), key=str))
def test_is_french(sentence: str | tuple[str, str]) -> None:
    french = language("fr").translations
    if isinstance(sentence, tuple):
        for count in (1, 2):
            told = french.ngettext(*sentence, count)
            assert told not in sentence
            assert told.count("%(") == sentence[0].count("%(")
        return
    told = french.gettext(sentence)
    assert told != sentence or sentence in _SAME
    assert told.count("%(") == sentence.count("%(")


@pytest.mark.parametrize("kind", READERS)
def test_whatever_is_seen_at_stripe_has_words(kind: str) -> None:
    """In each language of the console; Stripe's own name is no word."""
    for code in ("en", "fr"):
        assert thing_at_stripe_words(language(code), kind) != kind.replace("_", " ") or (
            code == "en" and kind.isalpha()
        )
