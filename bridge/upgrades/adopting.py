"""Carrying take-overs out: one membership at a time, and back.

What is to be done is written down before it is done, and each step sets an absolute state
and is read back. So a take-over that was cut off anywhere is carried on by running it again,
or taken back; and nothing that was taken over is ever begun anew.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

from sqlmodel import Session

from bridge.domain.adoption import Adoption, Endpoint, Surroundings, Verdict, decide
from bridge.domain.gateway_effects import GATEWAY_FIELDS, WITHOUT_SUBSCRIPTIONS
from bridge.errors import Conflict, PlanbridgeError
from bridge.network.faults import Gone
from bridge.network.rows import MembershipRow
from bridge.store.adoptions import NotAdopted
from bridge.store.readers import membership_record
from bridge.store.tables import AdoptionRecord, AdoptionState
from bridge.upgrades.adoption_endpoints import disable_endpoints, enable_endpoints
from bridge.upgrades.adoption_ground import Ground, Seen, once_for_try


class GatewayAltered(Conflict):
    """The gateway fields of membership {membership} changed during its take-over: {what}."""

    hint = "Look at the subscription at Stripe, then run the command again or revert it."


class NoLongerThat(Conflict):
    """Membership {membership} named subscription {began} when its take-over began, now {now}."""

    hint = "Give it back with `planbridge adopt revert`, then take it over anew."


class NotProven(Conflict):
    """Read again, subscription {subscription} is not as it should be: {what}."""

    hint = "Look at it at Stripe, then run the command again."


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one membership.

    ``state`` is where its take-over stands, None when it never began. ``done`` says that it
    is what was asked for; ``reason`` why it is safe, or why not.
    """

    membership_id: int
    state: AdoptionState | None
    done: bool
    reason: str


class Adopting:
    """Takes memberships of one network over from its plugin, and gives them back."""

    def __init__(self, ground: Ground) -> None:
        self._ground = ground

    def candidates(self) -> list[int]:
        """The memberships that name a gateway at which something is billed, by the mirror."""
        with self._ground.adoptions() as adoptions:
            return list(adoptions.candidates(WITHOUT_SUBSCRIPTIONS))

    def taken(self) -> list[int]:
        """The memberships that were taken over, or begun with, and not given back."""
        states = [each for each in AdoptionState if each is not AdoptionState.REVERTED]
        with self._ground.adoptions() as adoptions:
            return [each.membership_id for each in adoptions.every(states)]

    def plan(self, memberships: Sequence[int]) -> Iterator[Adoption]:
        """Decide about each membership by fresh reads. Nothing is written anywhere.

        Raises:
            UnknownMembership: the mirror has none of an id.
            Fault, StripeFault: the network or Stripe cannot be asked.
        """
        self._require(memberships)
        seen = self._ground.look()
        for membership_id in memberships:
            yield self._ground.decide(membership_id, seen)[1]

    def run(self, memberships: Sequence[int]) -> Iterator[Outcome]:
        """Take each membership over that can be; the others are left as they are.

        What goes wrong with one is told in its outcome; the next ones go on. Running it again
        carries on what was cut off, and changes nothing about what is done.

        Raises:
            UnknownMembership: the mirror has none of an id.
            Locked: it is under way in another process.
        """
        self._require(memberships)
        with self._ground.alone():
            seen = self._ground.look()
            for membership_id in memberships:
                yield self._told(membership_id, partial(self._take, membership_id, seen))

    def revert(self, memberships: Sequence[int]) -> Iterator[Outcome]:
        """Give each membership back to the plugin, which hears of Stripe's events again first.

        Raises:
            NotAdopted: one was never taken over.
            Locked: it is under way in another process.
        """
        with self._ground.adoptions() as adoptions:
            for each in memberships:
                if adoptions.find(each) is None:
                    raise NotAdopted(membership=each, network=self._ground.network.name)
        with self._ground.alone():
            enable_endpoints(self._ground)
            for membership_id in memberships:
                yield self._told(membership_id, partial(self._give_back, membership_id))

    def disable_endpoints(self) -> list[Endpoint]:
        """See `bridge.upgrades.adoption_endpoints.disable_endpoints`.

        Raises:
            EndpointNeeded: the plugin still bills memberships that are not taken over.
            Locked: taking over is under way in another process.
        """
        with self._ground.alone():
            return disable_endpoints(self._ground)

    def _take(self, membership_id: int, seen: Seen) -> Outcome:
        ground = self._ground
        with ground.adoptions() as adoptions:
            record = adoptions.find(membership_id)
        state = record.state if record else None
        if state is AdoptionState.REVERTING:
            reason = "It is being given back: finish that with `planbridge adopt revert`."
            return Outcome(membership_id, state, False, reason)
        row, adoption = ground.decide(membership_id, seen)
        if adoption.verdict is not Verdict.TAKE:
            return Outcome(membership_id, state, False, adoption.reason)
        if state is AdoptionState.ADOPTED and not (adoption.writes or adoption.marks):
            return Outcome(membership_id, state, True, "It was taken over before.")
        record = self._begun(record, row, adoption)
        if adoption.writes:
            ground.write(record, row.to_domain(), adoption.writes)
        if adoption.marks:
            ground.note(record, "marking", {"metadata": dict(adoption.marks)})
            once = once_for_try(record.token, "mark", ground.clock())
            ground.stripe.mark(record.subscription_id, adoption.marks, once=once)
        self._prove(record)
        ground.move(record, AdoptionState.ADOPTED, reason="", adopted_at=ground.clock())
        return Outcome(membership_id, record.state, True, adoption.reason)

    def _begun(
        self, record: AdoptionRecord | None, row: MembershipRow, adoption: Adoption
    ) -> AdoptionRecord:
        """The take-over as it was written down: the one that was begun, or a new one."""
        ground = self._ground
        if record is not None and record.state is not AdoptionState.REVERTED:
            if record.subscription_id != adoption.subscription_id:
                raise NoLongerThat(
                    membership=row.id, began=record.subscription_id, now=adoption.subscription_id
                )
            writes = {**adoption.writes, **record.writes}
            ground.move(record, AdoptionState.TAKING, writes=writes)
            return record
        before = {"auto_renew": row.auto_renew, "status": row.status}
        before |= {name: getattr(row, name) for name in GATEWAY_FIELDS}
        with ground.adoptions() as adoptions:
            begun = adoptions.begin(
                row.id,
                gateway=adoption.gateway,
                subscription_id=adoption.subscription_id,
                before=before,
                writes=adoption.writes,
                marks=adoption.marks,
                now=ground.clock(),
            )
            adoptions.note(begun, "taking", {"before": before}, now=ground.clock())
        return begun

    def _prove(self, record: AdoptionRecord) -> None:
        """Read both sides again: the same gateway fields, the subscription alive and ours."""
        ground = self._ground
        row = ground.read(record.membership_id)
        _refuse_altered(record, row)
        found = ground.stripe.subscription(record.subscription_id, membership=row.id)
        decided = decide(row.to_domain(), found, Surroundings(network=ground.network.name))
        if decided.verdict is not Verdict.TAKE or decided.writes or decided.marks:
            what = decided.reason
            if decided.verdict is Verdict.TAKE:
                what = f"{', '.join((*decided.writes, *decided.marks))} was lost"
            raise NotProven(subscription=record.subscription_id, what=what)
        detail = {"auto_renew": row.auto_renew, "subscription": found.status if found else ""}
        ground.note(record, "proven", detail)

    def _give_back(self, membership_id: int) -> Outcome:
        ground = self._ground
        with ground.adoptions() as adoptions:
            record = adoptions.find(membership_id)
        assert record is not None
        if record.state is AdoptionState.REVERTED:
            return Outcome(membership_id, record.state, True, "It was given back before.")
        if change := ground.open_change(membership_id):
            reason = f"Change {change} of it is under way. Finish or revoke it first."
            return Outcome(membership_id, record.state, False, reason)
        found = ground.stripe.subscription(record.subscription_id, membership=membership_id)
        if found is not None and found.schedule:
            reason = f"Schedule {found.schedule} at Stripe changes {found.id} later."
            return Outcome(membership_id, record.state, False, reason)
        ground.move(record, AdoptionState.REVERTING)
        if found is not None and found.owner == (ground.network.name, str(membership_id)):
            ground.note(record, "unmarking", {"subscription": found.id})
            once = once_for_try(record.token, "unmark", ground.clock())
            ground.stripe.unmark(found.id, once=once)
        reason = self._restore(record)
        ground.move(record, AdoptionState.REVERTED, reason=reason, reverted_at=ground.clock())
        return Outcome(membership_id, record.state, True, reason)

    def _restore(self, record: AdoptionRecord) -> str:
        """Write back what the take-over wrote, unless somebody has changed the membership."""
        ground = self._ground
        try:
            row = ground.read(record.membership_id)
        except Gone:
            return "The network has deleted it; the plugin cancelled its subscription then."
        if not record.writes:
            return "Nothing had been written to the network."
        if _altered(record, row):
            return "Its gateway was changed on the network since: nothing was written back."
        fields = {name: record.before[name] for name in record.writes}
        if any(getattr(row, name) != value for name, value in fields.items()):
            ground.write(record, row.to_domain(), fields)
        _refuse_altered(record, ground.read(record.membership_id))
        return f"Written back: {', '.join(sorted(fields))}."

    def _require(self, memberships: Sequence[int]) -> None:
        with Session(self._ground.store) as session:
            for each in memberships:
                membership_record(session, self._ground.network.key, each)

    def _told(self, membership_id: int, work: Callable[[], Outcome]) -> Outcome:
        """Do it; what goes wrong becomes the outcome and the record's reason."""
        try:
            return work()
        except PlanbridgeError as error:
            why = str(error)
        with self._ground.adoptions() as adoptions:
            record = adoptions.find(membership_id)
            if record is not None:
                adoptions.move(record, record.state, reason=why)
                adoptions.note(record, "failed", {"why": why}, now=self._ground.clock())
        return Outcome(membership_id, record.state if record else None, False, why)


def _altered(record: AdoptionRecord, row: MembershipRow) -> list[str]:
    """The gateway fields that are not as they were when the take-over began."""
    return [name for name in GATEWAY_FIELDS if getattr(row, name) != record.before[name]]


def _refuse_altered(record: AdoptionRecord, row: MembershipRow) -> None:
    if altered := _altered(record, row):
        what = ", ".join(f"{name} is {getattr(row, name)!r}" for name in altered)
        raise GatewayAltered(membership=row.id, what=what)
