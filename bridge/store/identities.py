"""Which network is which at Stripe: the facts by which an event is told to be ours."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, select

from bridge.store.tables import Network
from bridge.store.upserts import table_of


@dataclass(frozen=True, slots=True)
class StripeIdentity:
    """A network as Stripe's events know it.

    ``account`` is Stripe's account id, empty where none is on record; ``livemode`` whether
    real money moves.
    """

    network_id: int
    name: str
    account: str = ""
    livemode: bool = False


def read_identities(connection: Connection) -> list[StripeIdentity]:
    """All networks, secrets left aside."""
    columns = table_of(Network).c
    rows = connection.execute(
        select(columns.id, columns.name, columns.stripe_account, columns.livemode)
    )
    return [StripeIdentity(*row) for row in rows]
