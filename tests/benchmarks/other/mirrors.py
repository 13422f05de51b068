"""What the benchmarks of the mirror share: empty mirrors, clients, networks in processes."""

from __future__ import annotations

import multiprocessing
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import psycopg
from sqlalchemy import Engine, make_url
from sqlmodel import Session

from bridge.network.client import NetworkClient
from bridge.network.endpoint import Endpoint
from bridge.network.manners import NO_LIMITS, Manners
from bridge.store import schema
from bridge.store.engine import make_engine
from bridge.store.networks import Credentials, NetworkRepository, save_capabilities
from bridge.store.seals import Seal
from bridge.store.tables import Network

KEY, SECRET = "sandbox-key", "sandbox-secret"
_PATIENCE = 120.0


def now() -> datetime:
    """The machine's time, aware, in UTC."""
    return datetime.now(UTC)


@contextmanager
def open_client(url: str, manners: Manners = NO_LIMITS) -> Iterator[NetworkClient]:
    """A client of the sandbox at a URL."""
    endpoint = Endpoint(url, KEY, SECRET)
    with NetworkClient(endpoint, name="benchmark", manners=manners) as client:
        yield client


@contextmanager
def empty_mirror(database: str, url: str) -> Iterator[tuple[Engine, Network]]:
    """A database of its own with nothing but one network, as ``network add`` leaves it.

    ``database`` is the folder of a new SQLite file or the URL of a PostgreSQL server: tables
    that were filled and emptied before are slower than new ones.
    """
    with _new_database(database) as own:
        engine = make_engine(own)
        try:
            schema.upgrade(engine)
            with Session(engine, expire_on_commit=False) as session:
                network = NetworkRepository(session, Seal([Seal.new_key()])).add(
                    "benchmark", url, Credentials(KEY, SECRET), now=now()
                )
                with open_client(url) as client:
                    save_capabilities(session, network, client.probe().as_json(), now=now())
                session.commit()
                session.expunge(network)
            yield engine, network
        finally:
            engine.dispose()


@contextmanager
def _new_database(database: str) -> Iterator[str]:
    name = f"benchmark_{uuid.uuid4().hex[:12]}"
    if "://" not in database:
        path = Path(database) / f"{name}.db"
        yield f"sqlite:///{path}"
        for each in path.parent.glob(f"{name}.db*"):
            each.unlink()
        return
    server = make_url(database).set(drivername="postgresql")
    with psycopg.connect(server.render_as_string(hide_password=False), autocommit=True) as admin:
        admin.execute(f'CREATE DATABASE "{name}"')
        try:
            yield server.set(database=name).render_as_string(hide_password=False)
        finally:
            admin.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


@contextmanager
def served(serve: Callable[..., None], *arguments: Any) -> Iterator[str]:
    """A network in a process of its own; its URL.

    ``serve`` takes the arguments and the end of a pipe to which it sends the URL.
    """
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=serve, args=(*arguments, theirs), daemon=True)
    process.start()
    theirs.close()
    try:
        yield hear(ours)
    finally:
        process.terminate()
        process.join()


def hear(pipe: Connection) -> Any:
    """The first thing that another process says; it must say something soon."""
    if not pipe.poll(_PATIENCE):
        raise TimeoutError("the other process says nothing")
    return pipe.recv()
