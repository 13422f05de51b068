"""The life of a membership: which status may follow which, by whom, and grace.

Source: domain/billing-stripe.md §6 (the plugin's machine), domain/gaps.md 10, 15, 16.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from bridge.domain.memberships import Membership, MembershipStatus
from bridge.errors import Conflict

PENDING, ACTIVE, TRIALING, ON_HOLD, EXPIRED, CANCELLED = (
    MembershipStatus.PENDING,
    MembershipStatus.ACTIVE,
    MembershipStatus.TRIALING,
    MembershipStatus.ON_HOLD,
    MembershipStatus.EXPIRED,
    MembershipStatus.CANCELLED,
)


class Actor(StrEnum):
    """Who moves a membership to another status."""

    CUSTOMER = "customer"
    OPERATOR = "operator"
    PAYMENT = "payment"
    CLOCK = "clock"


@dataclass(frozen=True, slots=True)
class Grace:
    """How long an unpaid membership goes on, in days past its expiration.

    The plugin's setting is 3 (domain/billing-stripe.md §6).
    """

    days: int = 3


# From, to: who may. The operator may do whatever anyone may, and undo a cancellation.
TRANSITIONS: dict[tuple[MembershipStatus, MembershipStatus], frozenset[Actor]] = {
    (PENDING, TRIALING): frozenset({Actor.CUSTOMER, Actor.PAYMENT, Actor.OPERATOR}),
    (PENDING, ACTIVE): frozenset({Actor.PAYMENT, Actor.OPERATOR}),
    (PENDING, CANCELLED): frozenset({Actor.CUSTOMER, Actor.OPERATOR, Actor.CLOCK}),
    (TRIALING, ACTIVE): frozenset({Actor.PAYMENT, Actor.OPERATOR}),
    (TRIALING, ON_HOLD): frozenset({Actor.CLOCK, Actor.OPERATOR}),
    (TRIALING, EXPIRED): frozenset({Actor.CLOCK, Actor.OPERATOR}),
    (TRIALING, CANCELLED): frozenset({Actor.CUSTOMER, Actor.OPERATOR, Actor.PAYMENT}),
    (ACTIVE, ON_HOLD): frozenset({Actor.CLOCK, Actor.PAYMENT, Actor.OPERATOR}),
    (ACTIVE, EXPIRED): frozenset({Actor.CLOCK, Actor.OPERATOR}),
    (ACTIVE, CANCELLED): frozenset({Actor.CUSTOMER, Actor.OPERATOR, Actor.PAYMENT}),
    (ON_HOLD, ACTIVE): frozenset({Actor.PAYMENT, Actor.OPERATOR}),
    (ON_HOLD, TRIALING): frozenset({Actor.OPERATOR}),
    (ON_HOLD, EXPIRED): frozenset({Actor.CLOCK, Actor.OPERATOR}),
    (ON_HOLD, CANCELLED): frozenset({Actor.CUSTOMER, Actor.OPERATOR, Actor.PAYMENT}),
    (EXPIRED, ACTIVE): frozenset({Actor.PAYMENT, Actor.OPERATOR}),
    (EXPIRED, TRIALING): frozenset({Actor.PAYMENT, Actor.OPERATOR}),
    (EXPIRED, CANCELLED): frozenset({Actor.CUSTOMER, Actor.OPERATOR, Actor.PAYMENT}),
    (CANCELLED, ACTIVE): frozenset({Actor.PAYMENT, Actor.OPERATOR}),
    (CANCELLED, PENDING): frozenset({Actor.OPERATOR}),
}


def may(actor: Actor, membership_status: MembershipStatus, to: MembershipStatus) -> bool:
    """Whether the actor may move a membership of that status to another one."""
    return actor in TRANSITIONS.get((membership_status, to), frozenset())


def move(
    actor: Actor, membership_status: MembershipStatus, to: MembershipStatus
) -> MembershipStatus:
    """The new status; staying where one is is always allowed.

    Raises:
        Conflict: when the actor may not do that.
    """
    if membership_status is to or may(actor, membership_status, to):
        return to
    raise Conflict(
        what=f"Moving a membership from {membership_status} to {to}",
        why=f"the {actor} may not do that",
    )


def due_status(membership: Membership, now: datetime, *, grace: Grace) -> MembershipStatus:
    """The status the clock calls for: on hold from expiration on, expired after grace.

    Lifetime memberships and those that a gateway renews never expire by the clock
    (``auto_renew``: the gateway's events decide).
    """
    status, expires = membership.status, membership.date_expiration
    if status is TRIALING and membership.date_trial_end is not None:
        expires = membership.date_trial_end
    if expires is None or membership.auto_renew or status not in (ACTIVE, ON_HOLD, TRIALING):
        return status
    if now > expires + timedelta(days=grace.days):
        return EXPIRED
    return ON_HOLD if now > expires else status
