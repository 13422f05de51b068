"""Configuration: environment variables ``PLANBRIDGE_*``, a ``.env`` file, secrets from files.

Every secret can be given as ``PLANBRIDGE_NAME`` or, better, as ``PLANBRIDGE_NAME_FILE``,
the path of a file that holds it. What is missing and can be made up safely (the key that
seals secrets, the operator's token) is made on first use in the data folder, readable by
its owner only.
"""

from __future__ import annotations

import os
import re
import secrets as random
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from tempfile import mkstemp
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from bridge.errors import ConfigurationError

if TYPE_CHECKING:
    from bridge.web.pages.setup import PageSetup

PREFIX = "PLANBRIDGE_"
_SECRETS = (
    "secret_keys",
    "api_token",
    "metrics_token",
    "database_url",
    "oidc_client_secret",
    "smtp_password",
)


class Settings(BaseSettings):
    """All settings; see each field's description."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, env_file=".env", env_file_encoding="utf-8", extra="ignore"
    )

    data_dir: Path = Field(
        default=Path("data"), description="Folder of the default database and generated secrets."
    )
    database_url: SecretStr | None = Field(
        default=None,
        description="sqlite:///path or postgresql://user:password@host/name. "
        "Default: planbridge.sqlite in the data folder.",
    )
    engine_database_url: SecretStr | None = Field(
        default=None,
        description="Where the durable engine keeps its checkpoints. Default: engine.sqlite "
        "beside the SQLite database, or the same PostgreSQL database (schema dbos).",
    )
    secret_keys: SecretStr | None = Field(
        default=None,
        description="Fernet keys that seal stored secrets, newest first, separated by commas.",
    )
    api_token: SecretStr | None = Field(
        default=None, description="The operator's bearer token for /v1."
    )
    metrics_token: SecretStr | None = Field(
        default=None,
        description="A bearer token that reads /metrics, as the operator's does, and nothing else.",
    )
    host: str = Field(default="127.0.0.1", description="Address to listen on.")
    port: int = Field(default=8000, ge=0, le=65535, description="Port to listen on; 0 picks one.")
    executor_id: str = Field(
        default="planbridge-1",
        pattern=r"^[A-Za-z0-9_.-]{1,60}$",
        description="Stable name of this process; every process needs its own.",
    )
    quote_minutes: int = Field(default=60, ge=1, description="How long a quote holds.")
    grace_days: int = Field(
        default=3, ge=0, description="Days an unpaid renewal changes nothing but its notice."
    )
    hold_days: int = Field(
        default=14, ge=0, description="Days an unpaid membership is on hold before it expires."
    )
    backfill_minutes: int = Field(
        default=15, ge=1, description="Minutes between two passes over Stripe's list of events."
    )
    webhook_tolerance: int = Field(
        default=300, ge=1, description="Seconds a Stripe signature may be old, or ahead of us."
    )
    webhook_max_bytes: int = Field(
        default=1_048_576, ge=1024, description="Largest webhook body that is read."
    )
    stripe_url: str = Field(
        default="https://api.stripe.com",
        pattern=r"^https?://",
        description="Where Stripe's API is; another address only for a stand-in.",
    )
    public_url: str = Field(
        default="",
        pattern=r"^(https?://[^/?#]+)?/?$",
        description="Where browsers reach the service, such as https://plans.example.com; "
        "needed behind a proxy, and for links in mails.",
    )
    payment_origins: str = Field(
        default="",
        description="Other addresses of Stripe's pages, such as a checkout domain of yours, "
        "separated by spaces.",
    )
    session_hours: float = Field(
        default=12, gt=0, description="How long somebody stays signed in to the pages."
    )
    console_idle_minutes: float = Field(
        default=60, ge=10, description="After so long without a click operators are signed out."
    )
    oidc_issuer: str = Field(
        default="",
        pattern=r"^(https://[^?#]+|http://(localhost|127\.0\.0\.1)(:\d+)?(/[^?#]*)?)?$",
        description="OpenID Connect provider of the operators, such as https://login.example.com.",
    )
    oidc_client_id: str = Field(default="", description="What the provider knows planbridge as.")
    oidc_client_secret: SecretStr | None = Field(
        default=None, description="The secret that the provider gave for it."
    )
    smtp_host: str = Field(
        default="", description="Mail server for notices to customers; none are sent without."
    )
    smtp_port: int = Field(default=587, ge=1, le=65535, description="Port of the mail server.")
    smtp_security: str = Field(
        default="starttls",
        pattern=r"^(starttls|tls|none)$",
        description="starttls, tls (from the first byte, port 465) or none.",
    )
    smtp_username: str = Field(default="", description="Name to sign in to the mail server with.")
    smtp_password: SecretStr | None = Field(
        default=None, description="Password to sign in to the mail server with."
    )
    smtp_from: str = Field(
        default="planbridge@localhost",
        pattern=r"^[^@\s<>,;]+@[^@\s<>,;]+$",
        description="Address that notices come from, unless a network has its own.",
    )
    smtp_timeout: float = Field(
        default=20.0, gt=0, description="Seconds to wait for the mail server."
    )
    hooks_private: bool = Field(
        default=False,
        description="Whether events may be sent to addresses in your own network, and by http.",
    )
    network_timeout: float = Field(
        default=60.0, gt=0, description="Seconds to wait for a network's answer."
    )
    network_rate: float = Field(
        default=0.0,
        ge=0,
        description="Requests a second at most to each network, by one process; 0 is no limit.",
    )
    log_level: str = Field(default="info", description="debug, info, warning or error.")

    @field_validator("log_level")
    @classmethod
    def _known_level(cls, value: str) -> str:
        if value.lower() not in ("debug", "info", "warning", "error"):
            message = "expected debug, info, warning or error"
            raise ValueError(message)
        return value.lower()

    @model_validator(mode="after")
    def _usable_database(self) -> Self:
        for given in (self.database_url, self.engine_database_url):
            url = given.get_secret_value() if given is not None else "sqlite:///"
            if not re.match(r"(sqlite:///|postgres(ql)?(\+psycopg)?://)", url):
                message = "the database URL must begin with sqlite:/// or postgresql://"
                raise ValueError(message)
            if not _is_url(url):
                message = (
                    "the database URL cannot be read; expected "
                    "postgresql://user:password@host:port/name, with %40 for an @ in the password"
                )
                raise ValueError(message)
        return self

    @model_validator(mode="after")
    def _secrets_given(self) -> Self:
        blank = [name for name in _SECRETS if _is_blank(getattr(self, name))]
        if blank:
            names = ", ".join(f"{PREFIX}{name.upper()}" for name in blank)
            message = f"{names} is empty; take it away, or give it a value"
            raise ValueError(message)
        return self

    @model_validator(mode="after")
    def _guarded_password(self) -> Self:
        if self.smtp_username and self.smtp_security == "none":
            message = "smtp_username with smtp_security none would send the password in the clear"
            raise ValueError(message)
        return self

    @property
    def store_url(self) -> str:
        """The database URL in force."""
        if self.database_url is not None:
            return self.database_url.get_secret_value()
        return f"sqlite:///{(self.data_dir / 'planbridge.sqlite').absolute()}"

    @property
    def engine_url(self) -> str:
        """Where the engine's own tables live."""
        if self.engine_database_url is not None:
            return self.engine_database_url.get_secret_value()
        if self.store_url.startswith("sqlite:///"):
            store = Path(self.store_url.removeprefix("sqlite:///"))
            return f"sqlite:///{store.with_name('engine.sqlite').absolute()}"
        return self.store_url

    def sealing_keys(self) -> list[str]:
        """The Fernet keys, newest first; made in the data folder when none is set."""
        if self.secret_keys is not None:
            return [key.strip() for key in self.secret_keys.get_secret_value().split(",")]
        from cryptography.fernet import Fernet

        return [_kept(self.data_dir / "secret.key", lambda: Fernet.generate_key().decode())]

    def operator_token(self) -> str:
        """The bearer token of /v1; made in the data folder when none is set."""
        if self.api_token is not None:
            return self.api_token.get_secret_value()
        return _kept(self.data_dir / "api.token", lambda: random.token_urlsafe(32))

    def call_keys(self) -> list[bytes]:
        """The keys that tokens of networks come from: derived from the sealing keys."""
        import hashlib

        return [
            hashlib.sha256(b"planbridge network calls\0" + key.encode()).digest()
            for key in self.sealing_keys()
        ]

    def pages(self) -> PageSetup:
        """What the pages are set up with; their keys are derived from the sealing keys."""
        import hashlib

        from bridge.web.pages.setup import PageSetup

        keys = [
            hashlib.sha256(b"planbridge pages\0" + key.encode()).digest()
            for key in self.sealing_keys()
        ]
        return PageSetup.of(
            keys,
            public_url=self.public_url,
            payment_origins=(*self.payment_origins.split(), *_stand_in(self.stripe_url)),
            session_lifetime=timedelta(hours=self.session_hours),
        )

    def quote_key(self) -> bytes:
        """The key that signs quotes: derived from the newest sealing key."""
        import hashlib

        newest = self.sealing_keys()[0]
        return hashlib.sha256(b"planbridge quote signature\0" + newest.encode()).digest()


def _is_url(text: str) -> bool:
    from sqlalchemy import make_url
    from sqlalchemy.exc import ArgumentError

    try:
        make_url(text)
    except (ArgumentError, ValueError):
        return False
    return True


def _is_blank(secret: SecretStr | None) -> bool:
    return secret is not None and not secret.get_secret_value().strip()


def _stand_in(stripe_url: str) -> list[str]:
    """The origin of a stand-in, whose own checkout page a form may lead to."""
    parts = urlsplit(stripe_url)
    return [] if parts.hostname == "api.stripe.com" else [f"{parts.scheme}://{parts.netloc}"]


def load_settings(environ: Mapping[str, str] | None = None, **overrides: Any) -> Settings:
    """Read the settings, secrets in files included.

    Raises:
        ConfigurationError: listing everything that is wrong, at once.
    """
    environ = os.environ if environ is None else environ
    problems: list[str] = []
    given: dict[str, Any] = {}
    for name in _SECRETS:
        path = environ.get(f"{PREFIX}{name.upper()}_FILE")
        if path is None:
            continue
        try:
            given[name] = Path(path).read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            problems.append(
                f"{PREFIX}{name.upper()}_FILE names {path!r}, which cannot be read ({_why(error)})"
            )
    try:
        settings = Settings(**{**given, **overrides})
    except UnicodeDecodeError as error:
        problems.append(f"the file .env cannot be read ({_why(error)})")
        settings = None
    except ValidationError as error:
        problems.extend(_sentence(item) for item in error.errors(include_input=False))
        settings = None
    if settings is None or problems:
        raise ConfigurationError(problems="; ".join(problems))
    return settings


def _sentence(item: Mapping[str, Any]) -> str:
    name = "_".join(str(part) for part in item["loc"])
    name = name if name.startswith(PREFIX.lower()) else f"{PREFIX}{name}"
    message = str(item["msg"]).removeprefix("Value error, ")
    return f"{name.upper()}: {message}" if item["loc"] else message


def _kept(path: Path, make: Callable[[], str]) -> str:
    """The content of a file that is made once, readable by its owner only."""
    try:
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            _make(path, make() + "\n")
        value = path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(
            problems=f"{path} can neither be read nor made ({_why(error)}); check {PREFIX}DATA_DIR"
        ) from None
    if not value:
        raise ConfigurationError(problems=f"{path} is empty; restore it from a backup")
    return value


def _make(path: Path, text: str) -> None:
    """Write a new file whole or not at all; if another process made it first, that one stays."""
    handle, draft = mkstemp(dir=path.parent, prefix=f".{path.name}-")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
        with suppress(FileExistsError):
            os.link(draft, path)
    finally:
        os.unlink(draft)


def _why(error: OSError | UnicodeDecodeError) -> str:
    return str(error.strerror) if isinstance(error, OSError) else "it is not UTF-8 text"
