"""A connection that one thread keeps, because it writes all the time."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Connection, Engine

from bridge.store.turns import turn


class StandingConnection:
    """Short writes of one thread, without the questions that a connection of the pool costs.

    A pool asks PostgreSQL whether the connection still lives, begins and commits: three
    waits for a server that may be busy, beside the one for the statement. After an error
    the connection is given back, and the next write asks for another.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._connection: Connection | None = None

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """A connection for a single statement, which is safe on the disk at the end.

        Several are one transaction on SQLite, and one each on PostgreSQL.
        """
        with turn(self._engine):
            connection = self._connection or self._open()
            try:
                if self._alone:
                    yield connection
                else:
                    with connection.begin():
                        yield connection
            except BaseException:
                self.close()
                raise

    def close(self) -> None:
        """Give the connection back; the next write asks for another."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    @property
    def _alone(self) -> bool:
        return self._engine.dialect.name == "postgresql"

    def _open(self) -> Connection:
        engine = self._engine
        if self._alone:
            engine = engine.execution_options(isolation_level="AUTOCOMMIT")
        self._connection = engine.connect()
        return self._connection
