"""Writing a change to the network: the membership, the payment, the sites.

Each stage may run again after it was cut off at any point, and comes to the same.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from bridge.domain.gateway_effects import STRIPE
from bridge.network.entities import Entity
from bridge.network.faults import CannotTell, WriteNotStored
from bridge.network.records import SiteRow
from bridge.network.rows import MembershipRow
from bridge.store.changes import ChangeRepository
from bridge.store.collections import CollectionRepository
from bridge.store.networks import network_terms
from bridge.store.readers import membership_record, sites_of
from bridge.store.tables import Network
from bridge.upgrades.bookings import all_ids, booking_key, create_payment, find_payment, give_way
from bridge.upgrades.gateways import may_write
from bridge.upgrades.job import Job, read_membership
from bridge.upgrades.mirrored import mirror_membership
from bridge.upgrades.opening import frozen_by
from bridge.upgrades.outcomes import BEFORE, OTHER_PRODUCTS, PAYMENT, Again, Done, Outcome
from bridge.upgrades.payment_lines import Booked, kept_lines, payment_fields
from bridge.upgrades.plans import kept_plan
from bridge.upgrades.rebilling import wait_for_period
from bridge.upgrades.target import bills_again, has_products, membership_fields, stands_as_quoted

_SENT_AT = "sent_at"


def check(job: Job) -> Outcome:
    """Before anything is written: how the membership stands, and whether it may be written."""
    with job.session() as session:
        frozen = frozen_by(session, job.change.network_id, job.change.membership_id)
    if frozen:
        return Again(f"Nothing was written: {frozen}.", stuck=True)
    row = read_membership(job)
    membership = row.to_domain()
    target = job.change.target
    done_before = has_products(target, membership)
    other_products = not done_before and not stands_as_quoted(target, membership)
    detail: dict[str, object] = {
        "plan_id": membership.plan_id,
        "gateway": membership.gateway,
        OTHER_PRODUCTS: other_products,
    }
    if other_products:
        return Again(
            f"Membership {row.id} was given other products on the network since the quote "
            f"(plan {membership.plan_id}, add-ons {dict(membership.addons)}). Nothing was "
            "written; retry to carry the change out all the same.",
            detail,
            stuck=True,
        )
    verdict = may_write(
        membership.gateway,
        membership.gateway_subscription_id,
        bills_again=bills_again(target),
    )
    if not verdict.allowed:
        return Again(verdict.sentence, detail, stuck=True)
    waits = None if done_before else wait_for_period(job, row)
    if waits is not None:
        return waits
    detail["gateway_note"] = verdict.sentence
    if not done_before:
        detail[BEFORE] = {
            str(site.id): dict(site.effective_limits)
            for site in find_sites(job)
            if site.effective_limits is not None
        }
    return Done(detail)


def write(job: Job) -> Outcome:
    """The membership, in one request, and the mirror's row after what is stored."""
    with job.session() as session:
        terms = network_terms(session.get_one(Network, job.change.network_id))
        record = CollectionRepository(session).find(job.change.id)
    plan = kept_plan(record.plan) if record is not None else None
    fields = membership_fields(
        job.change.target,
        read_membership(job).to_domain(),
        timezone=terms.timezone,
        # Unpaid, the customer may never give a card; billing sees when there is a subscription.
        billed=plan is not None and plan.subscribes and job.change.target["paid"],
    )
    asked_at = job.clock()
    row = job.client.update(Entity.MEMBERSHIP, job.change.membership_id, fields)
    assert isinstance(row, MembershipRow)
    with job.session() as session, session.begin():
        mirror_membership(session, job.change.network_id, row, asked_at=asked_at)
    return Done({"written": {name: str(value) for name, value in fields.items()}})


def book_payment(job: Job) -> Outcome:
    """The payment, once, as the network books payments.

    Whoever died while creating it may have got through: the network is given ``settle``
    seconds to show it before it is created a second time. Where the plugin's own gateway bills
    the membership, it may have booked the payment under its charge.
    """
    change = job.change
    if change.payment_key is None:
        return Done({"note": "nothing was due"})
    by_plugin = read_membership(job).gateway in STRIPE
    ids = all_ids(
        job.store,
        change.payment_key,
        account=None,
        stripe=job.account() if by_plugin else None,
    )
    found = find_payment(job.client, ids)
    if found is not None:
        return Done({"payment_id": found.id})
    wait = _still_on_its_way(job)
    if wait > 0:
        return Again("An earlier try to book the payment may still take effect.", retry_after=wait)
    _note_sending(job, job.clock().isoformat())
    booking = _booking(job, booking_key(ids, by_plugin=by_plugin))
    made, fault = create_payment(job.client, booking)
    if fault is not None:
        _note_sending(job, None)
        raise fault
    if made is not None and by_plugin:
        made = give_way(job.client, made, ids)
    return Done({"payment_id": made})


def save_sites(job: Job) -> Outcome:
    """Save each site with the title it has, once.

    On a save the network gives the owner the role of the plan (domain/entities.md §2.4);
    limits need none of it.
    """
    saved: list[int] = []
    for site in find_sites(job):
        if not _saved_before(job, site):
            _save(job, site)
        saved.append(site.id)
    return Done({"sites": saved})


def find_sites(job: Job) -> list[SiteRow]:
    """The membership's sites; by the mirror where the network cannot be asked for them."""
    try:
        return job.client.sites_of(job.change.membership_id)
    except CannotTell:
        with job.session() as session:
            known = sites_of(session, job.change.network_id, job.change.membership_id)
        rows = [job.client.get(Entity.SITE, record.id) for record in known]
        return [row for row in rows if isinstance(row, SiteRow)]


def _booking(job: Job, key: str) -> dict[str, Any]:
    change = job.change
    with job.session() as session:
        # Fresh: the stage before has just written it.
        customer_id = membership_record(
            session, change.network_id, change.membership_id
        ).customer_id
    lines = kept_lines(change.target.get("lines", []))
    tax = change.target["tax_total"]
    return payment_fields(
        Booked(
            customer_id=customer_id,
            membership_id=change.membership_id,
            currency=change.currency,
            total=change.amount_due,
            tax=tax if lines else min(tax, change.amount_due),
            key=key,
            lines=lines,
            code=change.target.get("code", ""),
        )
    )


def _still_on_its_way(job: Job) -> float:
    """Seconds in which a try that was cut off may yet book the payment; 0 without one."""
    with job.session() as session:
        step = ChangeRepository(session).step(job.change.id, PAYMENT)
    sent_at = step.detail.get(_SENT_AT) if step else None
    if sent_at is None:
        return 0.0
    passed = job.clock() - datetime.fromisoformat(sent_at)
    return max(0.0, job.settle - passed.total_seconds())


def _note_sending(job: Job, sent_at: str | None) -> None:
    with job.session() as session, session.begin():
        changes = ChangeRepository(session)
        step = changes.step(job.change.id, PAYMENT)
        assert step is not None
        changes.note(step, {_SENT_AT: sent_at})


def _saved_before(job: Job, site: SiteRow) -> bool:
    with job.session() as session:
        step = ChangeRepository(session).step(job.change.id, "site", str(site.id))
        return step is not None and step.state == "done"


def _save(job: Job, site: SiteRow) -> None:
    with job.session() as session, session.begin():
        ChangeRepository(session).begin_step(
            job.change.id, "site", subject=str(site.id), now=job.clock()
        )
    detail: dict[str, object] = {"title": site.title}
    try:
        job.client.update(Entity.SITE, site.id, {"title": site.title})
    except WriteNotStored as changed:
        # It was saved; the network only spells the title otherwise.
        detail["note"] = str(changed)
    with job.session() as session, session.begin():
        changes = ChangeRepository(session)
        step = changes.step(job.change.id, "site", str(site.id))
        assert step is not None
        changes.end_step(step, state="done", detail=detail, now=job.clock())
