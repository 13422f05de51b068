"""Many new rows in one statement, and which of them were new.

One statement because each call into a driver lets go of Python's lock, and a thread that
has to have it back beside a busy event loop waits up to five milliseconds: row by row, the
waiting takes longer than the writing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from itertools import chain

from sqlalchemy import Connection, Dialect, Table

from bridge.store.upserts import bound, insertion

_TOGETHER = 64
"""Rows in one statement on SQLite; older builds take 999 parameters."""

Key = tuple[object, ...]


def insert_missing(
    connection: Connection,
    table: Table,
    columns: Mapping[str, Sequence[object]],
    *,
    unique: tuple[str, ...],
) -> set[Key]:
    """Insert rows whose key is not there yet; the keys of those. The caller commits.

    Args:
        connection: In a transaction; on PostgreSQL one statement is enough.
        table: Its rows must be numbered upwards by the database (``id``).
        columns: The values of each column, row by row; none is computed.
        unique: Columns of a unique index; no two of the rows may be the same in them.
    """
    names, dialect = tuple(columns), connection.dialect
    values = [bound(table.c[name], dialect, columns[name]) for name in names]
    if dialect.name == "postgresql":
        text = f"{_statement(table, dialect, names, unique)} RETURNING {', '.join(unique)}"
        return {tuple(row) for row in connection.exec_driver_sql(text, tuple(values))}
    rows = list(zip(*values, strict=True))
    keys = list(zip(*(columns[name] for name in unique), strict=True))
    new: set[Key] = set()
    for start in range(0, len(rows), _TOGETHER):
        some = rows[start : start + _TOGETHER]
        inserted = connection.exec_driver_sql(
            _statement(table, dialect, names, unique, len(some)), tuple(chain.from_iterable(some))
        )
        if inserted.rowcount == len(some):
            new.update(keys[start : start + _TOGETHER])
        elif inserted.rowcount:
            # Within a transaction nobody else adds rows: ours are the last.
            last = inserted.lastrowid - inserted.rowcount
            new.update(map(tuple, connection.exec_driver_sql(_added(table, unique), (last,))))
    return new


@lru_cache(maxsize=2 * _TOGETHER)
def _statement(
    table: Table, dialect: Dialect, names: tuple[str, ...], unique: tuple[str, ...], rows: int = 1
) -> str:
    others = f", ({', '.join('?' * len(names))})" * (rows - 1)
    into = insertion(table, dialect, [table.c[name] for name in names])
    return f"{into}{others} ON CONFLICT ({', '.join(unique)}) DO NOTHING"


def _added(table: Table, unique: tuple[str, ...]) -> str:
    return f"SELECT {', '.join(unique)} FROM {table.name} WHERE id > ?"  # noqa: S608
