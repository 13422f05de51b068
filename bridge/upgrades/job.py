"""One try of one stage of a change, with what is at hand for it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Engine
from sqlmodel import Session

from bridge.network.client import NetworkClient
from bridge.network.entities import Entity
from bridge.network.rows import MembershipRow
from bridge.payments.client import StripeAccount
from bridge.store.tables import Change


@dataclass(frozen=True, slots=True)
class Job:
    """One try of one stage: which change, on which network, with what at hand.

    ``change`` is a copy of the row; ``settle`` is how many seconds a request may still take
    effect on the network after the process that sent it has died; ``account`` gives the
    Stripe account of the network, None where it has no key.
    """

    change: Change
    client: NetworkClient
    store: Engine
    clock: Callable[[], datetime]
    settle: float
    account: Callable[[], StripeAccount | None] = lambda: None

    def session(self) -> Session:
        """A session of its own; never held open over a request to the network."""
        return Session(self.store, expire_on_commit=False)


def read_membership(job: Job) -> MembershipRow:
    """The membership as the network has it now."""
    row = job.client.get(Entity.MEMBERSHIP, job.change.membership_id)
    assert isinstance(row, MembershipRow)
    return row
