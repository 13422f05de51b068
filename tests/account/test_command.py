"""``planbridge account``: links, the key, the brand."""

from __future__ import annotations

import json
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
import requests
import typer
from sqlmodel import Session, select
from typer.testing import CliRunner

from bridge.cli import account
from bridge.errors import ConfigurationError, InvalidInput, NotFound, PlanbridgeError
from bridge.store.brands import InvalidBrand
from bridge.store.tables import AuditEntry, CustomerRecord
from bridge.wiring import App
from tests.pages.stage import NETWORK, Stage

PNG = b"\x89PNG\r\n\x1a\n" + bytes(20)


@pytest.fixture
def run(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> Run:
    return Run(stage, monkeypatch)


class Run:
    """Calls the command on the stage's planbridge; errors come through as they are."""

    def __init__(self, stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
        self.stage = stage
        self.public_url = stage.url
        monkeypatch.setattr("bridge.cli.account.open_app", self._opened)

    def __call__(self, *words: str) -> str:
        result = CliRunner().invoke(account.app, list(words))
        if isinstance(result.exception, PlanbridgeError | typer.Exit):
            raise result.exception
        assert result.exit_code == 0, result.output
        return result.stdout

    def _opened(self) -> App:
        planbridge = self.stage.planbridge
        settings = planbridge.settings.model_copy(update={"public_url": self.public_url})
        return App(settings=settings, engine=planbridge.engine, seal=planbridge.seal)


def test_a_link_is_made_for_a_customer_however_named(run: Run, stage: Stage) -> None:
    """By id, by membership, by e-mail: the same customer; the page says what it opens."""
    with stage.planbridge.session() as session:
        row = session.get(CustomerRecord, (stage.place().key, 3))
        assert row is not None
        row.email = "customer3@example.com"
        session.add(row)
    for words in (["3"], ["--membership", "3"], ["--email", "Customer3@example.com"]):
        made = json.loads(run("link", NETWORK, *words, "--to", "memberships/3", "--json"))
        assert made["customer"] == 3
        assert urlsplit(made["url"]).path == f"/account/{NETWORK}/enter"
        assert parse_qs(urlsplit(made["url"]).query)["token"]
    assert requests.get(run("link", NETWORK, "3", "--lang", "fr").strip(), timeout=30).ok


@pytest.mark.parametrize(
    ("words", "error"),
    [
        ([], InvalidInput),
        (["3", "--membership", "3"], InvalidInput),
        (["--email", "nobody@example.com"], NotFound),
        (["99999"], NotFound),
        (["3", "--lang", "xx"], InvalidInput),
        (["3", "--to", "https://evil.example"], InvalidInput),
    ],
)
def test_what_names_nobody_is_refused(
    run: Run, words: list[str], error: type[PlanbridgeError]
) -> None:
    """No customer, two of them, an unknown one, a language or a place that is none."""
    with pytest.raises(error):
        run("link", NETWORK, *words)


def test_a_link_needs_an_address(run: Run) -> None:
    """Without a public address the link would lead nowhere."""
    run.public_url = ""
    with pytest.raises(ConfigurationError, match="PLANBRIDGE_PUBLIC_URL"):
        run("link", NETWORK, "3")


def test_the_key_is_the_one_that_links_are_signed_with(run: Run, stage: Stage) -> None:
    """Shown once asked for, and the audit knows."""
    assert run("key", NETWORK).strip() == stage.planbridge.settings.pages().links.of(NETWORK)
    with Session(stage.planbridge.engine) as session:
        assert session.exec(select(AuditEntry).where(AuditEntry.action == "account.key")).first()
    with pytest.raises(NotFound):
        run("key", "another")


def test_a_brand_is_shown_on_every_page(run: Run, stage: Stage, tmp_path: Path) -> None:
    """Name, logo, colour and address for questions; what is not given stays."""
    logo = tmp_path / "logo.png"
    logo.write_bytes(PNG)
    run("brand", NETWORK, "--name", "Example Sites", "--colour", "#7A1F5C", "--logo", str(logo))
    run("brand", NETWORK, "--support-email", "help@example.com")
    shown = json.loads(run("brand", NETWORK, "--json"))
    assert shown == {
        "name": "Example Sites",
        "colour": "#7a1f5c",
        "logo": f"image/png, {len(PNG)} bytes",
        "support_email": "help@example.com",
    }
    page = requests.get(stage.account("sign-in"), timeout=30).text
    assert "Example Sites" in page
    assert "mailto:help@example.com" in page
    sent = requests.get(stage.account("logo"), timeout=30)
    assert (sent.content, sent.headers["content-type"]) == (PNG, "image/png")
    assert "#7a1f5c" in requests.get(stage.account("brand.css"), timeout=30).text
    run("brand", NETWORK, "--no-logo", "--name", "")
    assert requests.get(stage.account("logo"), timeout=30).status_code == 404


def test_a_dry_run_changes_nothing(run: Run) -> None:
    """It checks and shows."""
    before = run("brand", NETWORK, "--json")
    tried = run("brand", NETWORK, "--name", "Tried Only", "--dry-run", "--json")
    assert json.loads(tried)["name"] == "Tried Only"
    assert run("brand", NETWORK, "--json") == before


@pytest.mark.parametrize(
    ("option", "value"),
    [("--colour", "red"), ("--colour", "#12345"), ("--support-email", "nowhere")],
)
def test_what_cannot_be_used_is_refused(run: Run, option: str, value: str) -> None:
    """In a sentence that says what was expected."""
    with pytest.raises(InvalidBrand):
        run("brand", NETWORK, option, value)


def test_a_logo_has_to_be_a_picture(run: Run, tmp_path: Path) -> None:
    """By its content, not by its name; and not larger than 256 KiB; and there."""
    wrong = tmp_path / "logo.png"
    wrong.write_bytes(b"<html>")
    with pytest.raises(InvalidBrand):
        run("brand", NETWORK, "--logo", str(wrong))
    wrong.write_bytes(PNG + bytes(256 * 1024))
    with pytest.raises(InvalidBrand):
        run("brand", NETWORK, "--logo", str(wrong))
    with pytest.raises(InvalidInput):
        run("brand", NETWORK, "--logo", str(tmp_path / "missing.png"))
