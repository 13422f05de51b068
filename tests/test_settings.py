"""Settings: every problem told at once, secrets from files, nothing secret shown."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from bridge.errors import ConfigurationError
from bridge.messaging import mail_server
from bridge.settings import load_settings


@pytest.fixture(autouse=True)
def _clean(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("DATA_DIR", "DATABASE_URL", "PORT", "API_TOKEN", "SECRET_KEYS", "LOG_LEVEL"):
        monkeypatch.delenv(f"PLANBRIDGE_{name}", raising=False)


def test_the_default_database_is_sqlite_in_the_data_folder(tmp_path: Path) -> None:
    """Nothing needs to be set."""
    settings = load_settings({})
    assert settings.store_url == f"sqlite:///{tmp_path / 'data' / 'planbridge.sqlite'}"
    assert settings.engine_url == f"sqlite:///{tmp_path / 'data' / 'engine.sqlite'}"


def test_all_problems_are_told_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody who sets up a server wants one list, not one error a start."""
    monkeypatch.setenv("PLANBRIDGE_PORT", "eighty")
    monkeypatch.setenv("PLANBRIDGE_LOG_LEVEL", "loud")
    with pytest.raises(ConfigurationError) as caught:
        load_settings({"PLANBRIDGE_API_TOKEN_FILE": "/nowhere/token"})
    text = str(caught.value)
    assert "PLANBRIDGE_PORT" in text
    assert "PLANBRIDGE_LOG_LEVEL: expected debug, info, warning or error" in text
    assert "PLANBRIDGE_API_TOKEN_FILE names '/nowhere/token'" in text


def test_a_wrong_database_url_is_refused_without_showing_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A database URL holds a password."""
    monkeypatch.setenv("PLANBRIDGE_DATABASE_URL", "mysql://root:hunter2@db/x")
    with pytest.raises(ConfigurationError) as caught:
        load_settings({})
    assert "sqlite:/// or postgresql://" in str(caught.value)
    assert "hunter2" not in str(caught.value)


def test_a_secret_may_come_from_a_file(tmp_path: Path) -> None:
    """The line end of the file is not part of the secret."""
    file = tmp_path / "token"
    file.write_text("from-a-file\n")
    settings = load_settings({"PLANBRIDGE_API_TOKEN_FILE": str(file)})
    assert settings.operator_token() == "from-a-file"
    assert "from-a-file" not in repr(settings)


def test_dot_env_is_read(tmp_path: Path) -> None:
    """The folder planbridge is started in may hold a `.env`."""
    (tmp_path / ".env").write_text("PLANBRIDGE_PORT=8123\n")
    assert load_settings({}).port == 8123


def test_keys_are_made_once_and_for_their_owner_only(tmp_path: Path) -> None:
    """The same key after each start, readable by nobody else."""
    first = load_settings({}, data_dir=tmp_path / "kept")
    second = load_settings({}, data_dir=tmp_path / "kept")
    assert first.sealing_keys() == second.sealing_keys()
    assert first.operator_token() == second.operator_token()
    assert first.quote_key() == second.quote_key()
    for name in ("secret.key", "api.token"):
        assert stat.S_IMODE((tmp_path / "kept" / name).stat().st_mode) == 0o600


def test_a_data_folder_that_cannot_be_made_is_a_sentence(tmp_path: Path) -> None:
    """No traceback for a wrong path."""
    (tmp_path / "file").write_text("")
    settings = load_settings({}, data_dir=tmp_path / "file" / "below")
    with pytest.raises(ConfigurationError, match="PLANBRIDGE_DATA_DIR"):
        settings.sealing_keys()


def test_the_mail_servers_password_may_come_from_a_file(tmp_path: Path) -> None:
    """And is shown nowhere."""
    file = tmp_path / "password"
    file.write_text("pa55word\n")
    settings = load_settings({"PLANBRIDGE_SMTP_PASSWORD_FILE": str(file)}, smtp_host="mail.example")
    assert settings.smtp_password is not None
    assert settings.smtp_password.get_secret_value() == "pa55word"
    server = mail_server(settings)
    assert server is not None
    assert server.password == "pa55word"
    assert "pa55word" not in f"{settings!r} {server!r}"


def test_a_password_is_not_sent_in_the_clear() -> None:
    """Said at the start, not when the first mail goes out."""
    with pytest.raises(ConfigurationError, match="in the clear"):
        load_settings({}, smtp_host="a", smtp_username="u", smtp_security="none")


def test_without_a_host_there_is_no_mail_server() -> None:
    """Notices wait then."""
    assert mail_server(load_settings({})) is None
