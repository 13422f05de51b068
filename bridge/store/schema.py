"""The state of the tables: migrate up, down, tell where we are, refuse when behind.

Only planbridge's own tables are looked at, so that the workflow engine may keep its own
in the same database.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Final

from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DBAPIError
from sqlmodel import SQLModel

import bridge.store.tables  # noqa: F401  (fills the metadata)
from bridge.errors import NotFound, StoreError
from bridge.store.engine import trouble

_MIGRATIONS = Path(__file__).with_name("migrations")


def _is_ours(name: str | None, kind: str, _parents: object) -> bool:
    return kind != "table" or name in SQLModel.metadata.tables


OPTIONS: Final[dict[str, Any]] = {
    "target_metadata": SQLModel.metadata,
    "include_name": _is_ours,
    "render_as_batch": True,  # SQLite cannot alter a column in place
    "compare_type": True,
}
"""What Alembic is told, for running and for comparing alike."""


class SchemaBehind(StoreError):
    """The database is behind: it is at {current}, this planbridge needs {head}."""

    hint = "Run `planbridge migrate`."


class SchemaAhead(StoreError):
    """The database is at {current}, which this planbridge does not know."""

    hint = "Use the newer planbridge that migrated it, or restore a backup."


class UnknownRevision(NotFound):
    """There is no state of the tables named {revision!r}."""

    hint = "They are numbered {first} to {head}; `base` is none at all, `head` the newest."


def move(engine: Engine, revision: str) -> None:
    """Bring the tables up or down to a revision, ``head`` and ``base`` included.

    Raises:
        SchemaAhead: a newer planbridge migrated them; nobody here knows the way.
        UnknownRevision: there is none of that name.
        StoreError: the database cannot be reached.
    """
    known = _known()
    found = current(engine)
    if found is not None and found not in known:
        raise SchemaAhead(current=found)
    if revision not in ("head", "base", *known):
        raise UnknownRevision(revision=revision, first=known[0], head=known[-1])
    order = ["base", *known, "head"]
    if order.index(revision) < order.index(found or "base"):
        downgrade(engine, revision)
    else:
        upgrade(engine, revision)


def upgrade(engine: Engine, revision: str = "head") -> None:
    """Bring the tables up to a revision, the newest unless told otherwise.

    Raises:
        StoreError: the database cannot be reached.
    """
    with _migrating(engine) as connection:
        command.upgrade(_config(connection), revision)


def downgrade(engine: Engine, revision: str) -> None:
    """Take the tables back to a revision; ``base`` removes them all.

    Raises:
        StoreError: the database cannot be reached.
    """
    with _migrating(engine) as connection:
        command.downgrade(_config(connection), revision)


def current(engine: Engine) -> str | None:
    """The revision the database is at, or None when it was never migrated."""
    with _connected(engine) as connection:
        return MigrationContext.configure(connection).get_current_revision()


def head() -> str:
    """The newest revision that this planbridge knows."""
    newest = ScriptDirectory(str(_MIGRATIONS)).get_current_head()
    if newest is None:  # pragma: no cover - the package without its files
        raise StoreError(what="the migrations are missing from the installation")
    return newest


def require_current(engine: Engine) -> None:
    """Return when the database is at the newest revision.

    Raises:
        SchemaBehind: it must be migrated first.
        SchemaAhead: a newer planbridge migrated it.
    """
    found = current(engine)
    if found == head():
        return
    if found is None or found in _known():
        raise SchemaBehind(current=found or "nothing", head=head())
    raise SchemaAhead(current=found)


def differences(engine: Engine) -> list[Any]:
    """What the migrated database lacks or has too much, against the tables in the code."""
    with _connected(engine) as connection:
        context = MigrationContext.configure(connection, opts=OPTIONS)
        return list(compare_metadata(context, SQLModel.metadata))


def _known() -> list[str]:
    """All revisions, the oldest first."""
    newest_first = ScriptDirectory(str(_MIGRATIONS)).walk_revisions()
    return [script.revision for script in newest_first][::-1]


def _config(connection: Connection) -> Config:
    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    return config


@contextmanager
def _migrating(engine: Engine) -> Iterator[Connection]:
    """A connection on which tables may be made anew, which is how SQLite alters them.

    It takes the drop of the old table for the deletion of every row in it, and would delete
    what hangs on them; so the keys are not watched on this connection, which is used for
    nothing else.
    """
    with _connected(engine) as connection:
        if connection.dialect.name == "sqlite":
            connection.exec_driver_sql("PRAGMA foreign_keys=OFF")
            connection.detach()
        yield connection


@contextmanager
def _connected(engine: Engine) -> Iterator[Connection]:
    try:
        context = engine.begin()
        connection = context.__enter__()
    except DBAPIError as error:
        raise trouble(error) from None
    with ExitStack() as stack:
        stack.push(context)
        yield connection
