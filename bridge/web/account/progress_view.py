"""A change as its customer follows it: what is done, what is not, what came of it."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import astuple, dataclass
from typing import Any, Final

from sqlmodel import Session

from bridge.payments.invoices import BANK_ASKS
from bridge.store.changes import ChangeRepository
from bridge.store.collections import CollectionRepository
from bridge.store.readers import load_catalogue, sites_of
from bridge.store.tables import Change, ChangeState, ChangeStep, Network, SiteRecord
from bridge.upgrades.steps import PROOF, WRITE
from bridge.web.account.change_limits import LimitRow, changed_rows, limit_rows
from bridge.web.account.payment import CARD, PAID
from bridge.web.pages.languages import Language

_MANY_SITES: Final = 12  # beyond, sites are counted, not listed
_MOVING = (ChangeState.ACCEPTED, ChangeState.APPLYING, ChangeState.PROVING)
_DONE = (ChangeState.PROVEN, ChangeState.APPLIED)


@dataclass(frozen=True, slots=True)
class Milestone:
    """One thing on the way; ``state`` is done, now, later or bad."""

    state: str
    text: str


@dataclass(frozen=True, slots=True)
class SiteLimits:
    """A site and its limits after the change; ``compared`` where those before are known."""

    title: str
    address: str
    rows: tuple[LimitRow, ...]
    compared: bool


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why the saved card was not charged, ``card`` or ``bank``, and Stripe's page to pay on."""

    why: str
    page: str


@dataclass(frozen=True, slots=True)
class ProgressView:
    """What the page shows. ``mood`` colours it: info, good, warn or bad.

    ``every`` is how often the page looks again, in seconds; 0 for not at all. ``refusal`` says
    why the saved card was not charged, ``card`` or ``bank``, and ``pay_page`` where Stripe takes
    the payment itself; "" where none was refused.
    """

    state: str
    title: str
    text: str
    mood: str
    milestones: tuple[Milestone, ...]
    sites: tuple[SiteLimits, ...]
    every: int
    can_pay: bool
    can_drop: bool
    plan: str
    added: tuple[str, ...]
    refusal: str = ""
    pay_page: str = ""

    @property
    def seen(self) -> str:
        """Differs as soon as anything on the page does."""
        return hashlib.sha256(repr(astuple(self)).encode()).hexdigest()[:16]


def progress_view(
    session: Session, language: Language, network: Network, change: Change, *, came: str = ""
) -> ProgressView:
    """The change as it stands. ``came`` says how its customer came to the page."""
    steps = {(one.name, one.subject): one for one in ChangeRepository(session).steps(change.id)}
    state = change.state
    waits = state is ChangeState.AWAITING_PAYMENT
    paid = waits and came == PAID
    refused = refusal_of(session, change) if not paid else None
    title, text, mood = (
        _refused_words(language, refused, came=came)
        if refused is not None
        else _headline(language, change, paid=paid)
    )
    catalogue = load_catalogue(session, network.key)
    plan = catalogue.get(change.target.get("plan_id", 0))
    addons = (catalogue.get(int(one)) for one in change.target.get("addons", {}))
    return ProgressView(
        state=state.value,
        title=title,
        text=text,
        mood=mood,
        milestones=_milestones(session, language, network, change, steps, paid=paid),
        sites=_sites(session, language, network, steps) if state in _DONE else (),
        every=1 if state in _MOVING or paid else (5 if waits else 0),
        can_pay=waits and not paid,
        can_drop=(waits and not paid) or state is ChangeState.SCHEDULED,
        plan=plan.name if plan is not None else "",
        added=tuple(one.name for one in addons if one is not None),
        refusal=refused.why if refused is not None else "",
        pay_page=refused.page if refused is not None else "",
    )


def refusal_of(session: Session, change: Change) -> Refusal | None:
    """Why the saved card was not charged for a change that still waits; None where none was."""
    record = CollectionRepository(session).find(change.id)
    waits = change.state is ChangeState.AWAITING_PAYMENT
    if not waits or record is None or not (record.url and record.reason):
        return None
    return Refusal("bank" if record.reason == BANK_ASKS else "card", record.url)


def _refused_words(language: Language, refused: Refusal, *, came: str) -> tuple[str, str, str]:
    _ = language.gettext
    if came == CARD:
        text = _("Your new card is kept. Nothing was charged to it yet: pay to go on.")
        return _("Not paid yet"), text, "info"
    if refused.why == "bank":
        text = _("Your bank wants you to confirm this payment. Nothing was charged yet.")
        return _("Not paid yet"), text, "warn"
    text = _("Your card was not charged, and nothing has been changed. Use another card to go on.")
    return _("Not paid yet"), text, "bad"


def _headline(language: Language, change: Change, *, paid: bool) -> tuple[str, str, str]:
    _ = language.gettext
    if paid:
        return (
            _("Waiting for the confirmation of your payment"),
            _(
                "This takes a moment; with a bank debit, some days. You can close this page: "
                "everything goes on by itself."
            ),
            "info",
        )
    day = language.date(change.effective_at)
    under_way = (
        _("Your change is being carried out"),
        _("You can stay and watch, or close this page: everything goes on by itself."),
        "info",
    )
    told: Mapping[ChangeState, tuple[str, str, str]] = {
        ChangeState.AWAITING_PAYMENT: (
            _("Not paid yet"),
            _("Nothing has been changed so far. Pay to go on, or drop the change."),
            "warn",
        ),
        ChangeState.SCHEDULED: (
            _("Planned for %(day)s", day=day),
            _("Until then everything stays as it is. You can take it back at any time before."),
            "info",
        ),
        ChangeState.PROVEN: (
            _("Done"),
            _("Your sites were read back one by one: the new limits are in force."),
            "good",
        ),
        ChangeState.APPLIED: (
            _("Done"),
            _("Your membership is changed. The new limits come into force by themselves."),
            "good",
        ),
        ChangeState.ATTENTION: (
            _("This takes longer than usual"),
            _(
                "Somebody is needed to finish it and has been told. What you paid is safe and "
                "you need not do anything."
            ),
            "warn",
        ),
        ChangeState.REVOKED: (
            _("Taken back"),
            _("Nothing was changed, and nothing will be charged for this."),
            "info",
        ),
        ChangeState.SUPERSEDED: (
            _("Replaced"),
            _("You have chosen something else since; this change is not carried out."),
            "info",
        ),
        ChangeState.FAILED: (
            _("This did not work"),
            _("Nothing more will happen by itself. Please write to us; nothing you paid is lost."),
            "bad",
        ),
    }
    return told.get(change.state, under_way)


def _milestones(
    session: Session,
    language: Language,
    network: Network,
    change: Change,
    steps: Mapping[tuple[str, str], ChangeStep],
    *,
    paid: bool,
) -> tuple[Milestone, ...]:
    """Paid, written, and each site proven: in this order, one of them being the one at hand."""
    if change.state not in (*_MOVING, *_DONE, ChangeState.ATTENTION) and not paid:
        return ()
    _ = language.gettext
    written = _is_done(steps, WRITE)
    found = [
        Milestone("now" if paid else "done", _payment_words(language, change, paid=paid)),
        Milestone(
            "done" if written else ("later" if paid else "now"),
            _("Your membership is changed") if written else _("Your membership is being changed"),
        ),
    ]
    found += _site_milestones(session, language, network, change, steps, written=written)
    if change.state is ChangeState.ATTENTION:
        return tuple(Milestone("bad", one.text) if one.state == "now" else one for one in found)
    return tuple(found)


def _site_milestones(
    session: Session,
    language: Language,
    network: Network,
    change: Change,
    steps: Mapping[tuple[str, str], ChangeStep],
    *,
    written: bool,
) -> list[Milestone]:
    _ = language.gettext
    proof = steps.get((PROOF, ""))
    reports: Mapping[str, Any] = proof.detail.get("sites", {}) if proof else {}
    sites = sites_of(session, network.key, change.membership_id)
    proven = {
        site.id
        for site in sites
        if change.state is ChangeState.PROVEN
        or (str(site.id) in reports and not reports[str(site.id)].get("differences"))
    }
    waiting = "now" if written else "later"
    if change.state is ChangeState.APPLIED or not sites:
        return []
    if len(sites) > _MANY_SITES:
        text = _(
            "New limits read back on %(count)s of %(all)s sites",
            count=language.number(len(proven)),
            all=language.number(len(sites)),
        )
        return [Milestone("done" if len(proven) == len(sites) else waiting, text)]
    return [
        Milestone(
            "done" if site.id in proven else waiting,
            _("%(site)s: new limits read back", site=site.title)
            if site.id in proven
            else _("%(site)s: new limits", site=site.title),
        )
        for site in sites
    ]


def _payment_words(language: Language, change: Change, *, paid: bool) -> str:
    _ = language.gettext
    if change.amount_due == 0 and change.amount_paid is None:
        return _("Nothing to pay")
    amount = change.amount_due if change.amount_paid is None else change.amount_paid
    money = language.money(amount, change.currency)
    if paid:
        return _("Payment of %(amount)s", amount=money)
    return _("Paid: %(amount)s", amount=money)


def _sites(
    session: Session,
    language: Language,
    network: Network,
    steps: Mapping[tuple[str, str], ChangeStep],
) -> tuple[SiteLimits, ...]:
    """The limits of every site that was read back, beside those it had."""
    proof = steps.get((PROOF, ""))
    reports: Mapping[str, Any] = proof.detail.get("sites", {}) if proof else {}
    found = []
    for key, report in reports.items():
        before, after = report.get("before"), report["after"]
        site = session.get(SiteRecord, (network.key, int(key)))
        found.append(
            SiteLimits(
                title=str(report.get("title") or ""),
                address=f"{site.domain}{site.path}".rstrip("/") if site else "",
                rows=(
                    limit_rows(language, after)
                    if before is None
                    else changed_rows(language, before, after)
                ),
                compared=before is not None,
            )
        )
    return tuple(found)


def _is_done(steps: Mapping[tuple[str, str], ChangeStep], name: str) -> bool:
    step = steps.get((name, ""))
    return step is not None and step.state == "done"
