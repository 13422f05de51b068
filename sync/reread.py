"""One row read again from the network, and the mirror's row after it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from sqlalchemy import Engine
from sqlmodel import Session

from bridge.network.client import NetworkClient
from bridge.network.entities import Entity
from bridge.network.faults import Gone
from bridge.network.rows import Row
from bridge.store.mirror import remove_rows
from sync.pages import PageWriter


def reread(
    engine: Engine,
    network_id: int,
    client: NetworkClient,
    *,
    entity: Entity,
    row_id: int,
    clock: Callable[[], datetime],
) -> Row | None:
    """Bring one row of the mirror up to date; None when the network has none of that id.

    Then it is gone from the mirror, too, with its limits.

    Raises:
        Fault: the network did not answer, or with a row that cannot be read.
    """
    asked_at = clock()
    try:
        row = client.get(entity, row_id)
    except Gone:
        with Session(engine) as session, session.begin():
            remove_rows(session, network_id, entity, [row_id], now=asked_at)
        return None
    writer = PageWriter(
        network_id=network_id, network=client.name, entity=entity, pass_id=None, limits_shown=True
    )
    with Session(engine) as session, session.begin():
        _, refused = writer.write(session, [row], asked_at=asked_at)
    if refused:
        raise refused[0]
    return row
