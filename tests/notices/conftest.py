"""A town whose customers are written to, and a mail server that takes it."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine

from tests.certificates import tls_contexts
from tests.notices.post_box import PostBox
from tests.notices.town import Town


@pytest.fixture
def town(sqlite_engine: Engine) -> Town:
    return Town(sqlite_engine)


@pytest.fixture
def each_town(engine: Engine) -> Town:
    """Once on each kind of database."""
    return Town(engine)


@pytest.fixture
def box() -> Iterator[PostBox]:
    with PostBox() as running:
        yield running


@pytest.fixture(scope="session")
def tls(tmp_path_factory: pytest.TempPathFactory) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """Of a server named localhost, and of a client that trusts it."""
    folder: Path = tmp_path_factory.mktemp("certificate")
    return tls_contexts(folder, "localhost")


@pytest.fixture
def safe_box(tls: tuple[ssl.SSLContext, ssl.SSLContext]) -> Iterator[PostBox]:
    with PostBox(tls=tls) as running:
        yield running
