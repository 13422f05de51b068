"""Other software, each in an environment of its own, made from the package registry."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import URL, NullPool, create_engine, text

DJ_STRIPE = ("dj-stripe==2.11.0", "waitress", "psycopg[binary]")
SITE = Path(__file__).with_name("dj_stripe_site.py")


@contextmanager
def dj_stripe(folder: Path, secret: str, database: URL) -> Iterator[tuple[str, int, int]]:
    """A site with dj-stripe at work in ``folder``: path of its endpoint, port, process id.

    On PostgreSQL it gets a database of its own beside ``database``, for as long as it serves.
    """
    python = _environment(folder / "environment", *DJ_STRIPE)
    data = folder / "data"
    data.mkdir()
    with (
        _beside(database) as environment,
        (folder / "log").open("w") as log,
        subprocess.Popen(
            [str(python), str(SITE), str(data), secret],
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
            env=os.environ | environment,
        ) as site,
    ):
        try:
            assert site.stdout is not None
            told = site.stdout.readline().split()
            if len(told) != 2:
                message = f"dj-stripe did not start: {(folder / 'log').read_text()[-2000:]}"
                raise RuntimeError(message)
            yield told[0], int(told[1]), site.pid
        finally:
            site.terminate()


@contextmanager
def _beside(database: URL) -> Iterator[dict[str, str]]:
    """An empty database on the same server, as a variable that the site reads."""
    if database.get_backend_name() != "postgresql":
        yield {}
        return
    name = f"{database.database}_peer"
    server = create_engine(database, isolation_level="AUTOCOMMIT", poolclass=NullPool)

    def do(statement: str) -> None:
        with server.connect() as connection:
            connection.execute(text(statement))

    do(f'CREATE DATABASE "{name}"')
    try:
        django = {
            "NAME": name,
            "HOST": database.query.get("host", database.host) or "",
            "PORT": str(database.port or ""),
            "USER": database.username or "",
            "PASSWORD": database.password or "",
        }
        yield {"PEER_DATABASE": json.dumps(django)}
    finally:
        do(f'DROP DATABASE "{name}" WITH (FORCE)')


def _environment(folder: Path, *packages: str) -> Path:
    """A new environment with these packages; its Python."""
    uv = Path(sys.executable).with_name("uv")
    subprocess.run([uv, "venv", "--quiet", "--python", sys.executable, folder], check=True)
    python = folder / "bin" / "python"
    subprocess.run([uv, "pip", "install", "--quiet", "--python", python, *packages], check=True)
    return python
