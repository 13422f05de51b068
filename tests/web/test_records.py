"""What the program wrote down in English is read back in French, and nothing else is."""

from __future__ import annotations

import time

import pytest

from bridge.errors import UnknownNetwork
from bridge.network.faults import Unreachable
from bridge.payments.faults import CardDeclined
from bridge.web.pages.languages import language
from bridge.web.pages.wording import recorded

FRENCH = language("fr")


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("waits for change chg_1", "attend le changement chg_1"),
        (
            "Its limits are as computed; nothing to do.",
            "Ses limites sont celles calculées ; rien à faire.",
        ),
        (
            "29.00 USD was paid, but 30.00 USD was due; nothing was applied",
            "29.00 USD a été payé, mais 30.00 USD était dû ; rien n’a été appliqué",
        ),
        (UnknownNetwork(name="x"), "Aucun réseau ne s’appelle 'x'."),
    ],
)
def test_a_sentence_keeps_what_it_names(written: object, said: str) -> None:
    assert recorded(FRENCH, written).startswith(said)


def test_the_parts_of_a_sentence_are_sentences_too() -> None:
    """Limits inside a difference, a cause inside an error, a hint after it."""
    written = (
        "Site 3 (Blog): posts: expected 5, the site shows unlimited; disk space: expected 500 MB, "
        "the site shows 10 GB. An override of the membership or the site seems to hide the new "
        "products."
    )
    assert recorded(FRENCH, written) == (
        "Site 3 (Blog) : articles : 5 attendu, le site montre illimité ; espace disque : 500 Mo "
        "attendu, le site montre 10 Go. Une dérogation de l’adhésion ou du site semble cacher les "
        "nouveaux produits."
    )
    away = Unreachable(
        network="main", url="https://x.example", reason="no connection within 3 seconds"
    )
    assert recorded(FRENCH, away) == (
        "Le réseau main ne répond pas à https://x.example : pas de connexion en 3 secondes. "
        "Vérifiez l’adresse, le DNS, et que le serveur tourne."
    )


def test_one_gap_does_not_swallow_another() -> None:
    result = (
        "12 rows seen, 3 differed, 2 could not be read. Left to the night, to be read whole: x."
    )
    assert recorded(FRENCH, result) == (
        "12 lignes vues, 3 changées, 2 illisibles. Laissé à la nuit, pour être lu en entier : x."
    )


def test_what_others_said_stays_in_their_words() -> None:
    said = "Your card has insufficient funds."
    assert recorded(FRENCH, said) == said
    assert recorded(FRENCH, CardDeclined(why=said)) == (
        f"La carte a été refusée : {said} Payez avec une autre carte, ou demandez à la banque."
    )


@pytest.mark.parametrize("code", ["en", "de"])
def test_a_language_without_records_reads_them_as_written(code: str) -> None:
    assert recorded(language(code), "waits for change chg_1") == "waits for change chg_1"
    assert recorded(language(code), None) == ""


def test_a_text_that_is_made_to_take_long_does_not() -> None:
    """Many parts, many marks: it is left as it is, and soon."""
    begun = time.process_time()
    for text in ("a: b; (c), " * 100, "quote x was paid by " * 50, "{0} " * 400, "to from " * 150):
        recorded(FRENCH, text)
    assert time.process_time() - begun < 5
