"""What taking memberships over stands on: reading both sides, writing one, writing down."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from sqlalchemy import Engine
from sqlmodel import Session

from bridge.domain.adoption import (
    Adoption,
    BilledSubscription,
    Endpoint,
    Surroundings,
    decide,
    plugin_has_keys,
)
from bridge.domain.gateway_effects import (
    STRIPE,
    WITHOUT_SUBSCRIPTIONS,
    GatewayEffect,
    effect_of,
)
from bridge.domain.memberships import Membership
from bridge.errors import Conflict
from bridge.network.client import NetworkClient
from bridge.network.entities import Entity
from bridge.network.rows import MembershipRow
from bridge.store.adoptions import AdoptionRepository
from bridge.store.changes import ChangeRepository
from bridge.store.locks import exclusive
from bridge.store.tables import AdoptionRecord, AdoptionState, Network
from bridge.upgrades.mirrored import mirror_membership


class StripeSide(Protocol):
    """What is asked of Stripe; `bridge.payments.adoption.BilledAtStripe` does it."""

    def subscription(self, subscription_id: str, *, membership: int) -> BilledSubscription | None:
        """The subscription that a membership names, or None."""

    def mark(self, subscription_id: str, marks: Mapping[str, str], *, once: str) -> None:
        """Add metadata to a subscription."""

    def unmark(self, subscription_id: str, *, once: str) -> None:
        """Take planbridge's metadata off a subscription."""

    def endpoints(self, site: str) -> Sequence[Endpoint]:
        """The endpoints at which the plugin of a network listens."""

    def switch(self, endpoint_id: str, *, enabled: bool, once: str) -> None:
        """Let Stripe send events to an endpoint, or not."""


class WouldCancel(Conflict):
    """Writing {fields} to membership {membership} {effect} at Stripe: it was not sent."""

    hint = "Somebody has changed the membership meanwhile; look at it on the network."


@dataclass(frozen=True, slots=True)
class Seen:
    """What a network shows once for all memberships."""

    settings: Mapping[str, object] | None
    named: Mapping[int, str]


@dataclass(frozen=True, slots=True)
class Ground:
    """One network, its plugin's Stripe account, and the store, put together.

    The network's memberships must have been mirrored. ``clock`` gives aware UTC.
    """

    store: Engine
    network: Network
    client: NetworkClient
    stripe: StripeSide
    clock: Callable[[], datetime]

    def look(self) -> Seen:
        """Read once what every decision needs."""
        with self.adoptions() as adoptions:
            named = adoptions.candidates(WITHOUT_SUBSCRIPTIONS)
        return Seen(self.client.settings(), named)

    def decide(self, membership_id: int, seen: Seen) -> tuple[MembershipRow, Adoption]:
        """The membership as it is now, and the decision about it. Nothing is written.

        Raises:
            Fault, StripeFault: the network or Stripe cannot be asked.
        """
        row = self.read(membership_id)
        named = row.gateway_subscription_id
        subscription = (
            self.stripe.subscription(named, membership=membership_id)
            if named and row.gateway in STRIPE
            else None
        )
        around = Surroundings(
            network=self.network.name,
            has_keys=plugin_has_keys(seen.settings, row.gateway),
            shared_with=tuple(
                other for other, name in seen.named.items() if name == named and other != row.id
            ),
            open_change=self.open_change(membership_id),
        )
        return row, decide(row.to_domain(), subscription, around)

    def read(self, membership_id: int) -> MembershipRow:
        """The membership as the network has it now.

        Raises:
            Gone: the network has deleted it.
        """
        row = self.client.get(Entity.MEMBERSHIP, membership_id)
        assert isinstance(row, MembershipRow)
        return row

    def write(
        self, record: AdoptionRecord, before: Membership, fields: Mapping[str, object]
    ) -> None:
        """Write to the network what makes the plugin ask its gateway for nothing.

        Raises:
            WouldCancel: it would do more; nothing was sent.
            WriteNotStored: the network shows something else afterwards.
        """
        effect = effect_of(before, fields)
        if effect is not GatewayEffect.NOTHING:
            raise WouldCancel(
                fields=", ".join(fields), membership=record.membership_id, effect=effect.value
            )
        self.note(record, "writing", {"fields": dict(fields)})
        asked_at = self.clock()
        row = self.client.update(Entity.MEMBERSHIP, record.membership_id, fields)
        assert isinstance(row, MembershipRow)
        with Session(self.store) as session, session.begin():
            mirror_membership(session, self.network.key, row, asked_at=asked_at)

    def open_change(self, membership_id: int) -> str:
        """The id of the change of a membership that is under way, or ""."""
        with Session(self.store) as session:
            change = ChangeRepository(session).open_of(self.network.key, membership_id)
            return change.id if change else ""

    def move(self, record: AdoptionRecord, to: AdoptionState, **values: object) -> None:
        """Let a take-over stand somewhere else, and write that down."""
        with self.adoptions() as adoptions:
            adoptions.move(record, to, **values)
            adoptions.note(record, to.value, {}, now=self.clock())

    def note(self, record: AdoptionRecord, name: str, detail: Mapping[str, Any]) -> None:
        """Write down what is about to be done, or what was seen."""
        with self.adoptions() as adoptions:
            adoptions.note(record, name, detail, now=self.clock())

    @contextmanager
    def adoptions(self) -> Iterator[AdoptionRepository]:
        """A session that commits; never held open over a request."""
        with Session(self.store, expire_on_commit=False) as session:
            yield AdoptionRepository(session, self.network.key)
            session.commit()

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Hold the network's take-overs for the block.

        Raises:
            Locked: another process takes over or gives back.
        """
        what = f"Taking over memberships of {self.network.name}"
        with exclusive(self.store, f"adopt-{self.network.key}", what=what):
            yield


def once_for_try(of: str, step: str, now: datetime) -> str:
    """The idempotency key of one request.

    Each try has its own: what is sent sets a state, so repeating it is safe, while a key
    used again after the way back would be answered from Stripe's memory and do nothing.
    """
    return f"planbridge/{of}/{step}/{now.isoformat()}"
