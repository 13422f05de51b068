"""The subscription of a membership that the plugin's gateway names, kept at what was sold.

The plugin writes to it in the same request in which planbridge writes the membership
(domain/entities.md §2.2, side effect 5). Before that write it must already be billed by the
new period, else the plugin's own update would begin a cycle and charge for it; afterwards
its items and discounts are put right again.
"""

from __future__ import annotations

from typing import Final

from bridge.domain.gateway_effects import STRIPE
from bridge.network.rows import MembershipRow
from bridge.payments.situation import Billed
from bridge.payments.upkeep import billing_period, put_right
from bridge.store.collections import CollectionRepository
from bridge.store.quotes import target_from_json
from bridge.store.tables import Network
from bridge.upgrades.job import Job, read_membership
from bridge.upgrades.outcomes import Again, Done, Outcome
from bridge.upgrades.plans import kept_plan
from bridge.upgrades.target import bills_again

_SOON: Final = 5.0


def wait_for_period(job: Job, row: MembershipRow) -> Again | None:
    """Why the membership must not be written yet; None when nothing speaks against it."""
    account, target = job.account(), job.change.target
    if account is None or not _billed_by_plugin(row) or not bills_again(target):
        return None
    period = billing_period(account, _billed(job, row))
    if period is None or period == target_from_json(target).period:
        return None
    return Again(
        f"Subscription {row.gateway_subscription_id} is billed by another period at Stripe still. "
        "Written now, the plugin would begin a cycle of its own and charge for it.",
        retry_after=_SOON,
    )


def rebill(job: Job) -> Outcome:
    """What the plugin wrote to its subscription is put right; nothing for anybody else's."""
    row = read_membership(job)
    if not _billed_by_plugin(row):
        return Done({"note": "the membership names no subscription of the plugin's"})
    account = job.account()
    with job.session() as session:
        record = CollectionRepository(session).find(job.change.id)
    if account is None or record is None:
        return Done({"note": "planbridge does not collect for it"})
    plan = kept_plan(record.plan)
    if plan is None:
        return Again("It is not decided yet what Stripe is to bill.", retry_after=_SOON)
    if plan.recurring is None:
        return Done({"note": "nothing is billed again"})
    found = put_right(account, _billed(job, row), plan.recurring, change_id=job.change.id)
    if not found.done:
        return Again(f"{found.says}.", retry_after=_SOON)
    return Done({"note": found.says})


def _billed_by_plugin(row: MembershipRow) -> bool:
    return row.gateway in STRIPE and bool(row.gateway_subscription_id)


def _billed(job: Job, row: MembershipRow) -> Billed:
    with job.session() as session:
        network = session.get_one(Network, job.change.network_id)
    return Billed(
        network.name, row.id, gateway=row.gateway, subscription=row.gateway_subscription_id
    )
