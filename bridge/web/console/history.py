"""Everything that happened to one membership, in one line of time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlmodel import Session

from bridge.store.audit import AuditLog
from bridge.store.billings import BillingRepository
from bridge.store.changes import ChangeRepository
from bridge.store.events import EventFilter, EventRepository
from bridge.store.history import adoption_steps, drift_of, payments_of, quotes_of
from bridge.store.notices import NoticeRepository
from bridge.store.tables import Change, ChangeState, Network, NoticeState, SiteRecord
from bridge.web.console.words import (
    change_state_words,
    kind_words,
    notice_state_words,
    notice_words,
    step_state_words,
    step_words,
    take_over_words,
    thing_at_stripe_words,
)
from bridge.web.pages.languages import Language
from bridge.web.pages.wording import recorded

_MOST_CHANGES = 20
_BAD = (ChangeState.ATTENTION, ChangeState.FAILED)


@dataclass(frozen=True, slots=True)
class Happening:
    """One thing that happened; ``tone`` is good, bad, quiet or "", ``link`` where there is more."""

    at: datetime
    what: str
    detail: str = ""
    tone: str = ""
    link: str = ""


def happenings(
    session: Session,
    network: Network,
    membership_id: int,
    sites: Sequence[SiteRecord],
    language: Language,
) -> list[Happening]:
    """Changes with their steps, quotes, payments, events, drift, notices, audit; newest first."""
    key = (network.key, membership_id)
    found = [
        *_changes(session, network, membership_id, language),
        *_quotes(session, network, membership_id, language),
        *_money(session, key, language),
        *_limits(session, network, sites, language),
        *_told(session, key, language),
        *_done(session, network, membership_id),
    ]
    return sorted(found, key=lambda one: one.at, reverse=True)


def _changes(
    session: Session, network: Network, membership_id: int, language: Language
) -> Iterator[Happening]:
    _, changes = language.gettext, ChangeRepository(session)
    listed = changes.list(network_id=network.key, membership_id=membership_id, limit=_MOST_CHANGES)
    for change in listed:
        link = f"/console/networks/{network.name}/changes/{change.id}"
        due = language.money(change.amount_due, change.currency)
        kind = kind_words(language, change.kind)
        yield Happening(
            change.created_at,
            _("Change asked for: %(kind)s", kind=kind),
            _("%(due)s due", due=due),
            link=link,
        )
        if change.paid_at is not None and change.amount_paid is not None:
            paid = language.money(change.amount_paid, change.currency)
            yield Happening(change.paid_at, _("Paid: %(amount)s", amount=paid), link=link)
        yield from _end(change, language, link)
        for step in changes.steps(change.id):
            yield Happening(
                step.finished_at or step.started_at,
                _(
                    "Step %(name)s %(subject)s",
                    name=step_words(language, step.name),
                    subject=step.subject,
                ).strip(),
                recorded(language, step.detail.get("reason"))
                or step_state_words(language, step.state),
                "quiet" if step.state == "done" else "bad",
                link,
            )
        events = EventRepository(session.connection()).list(EventFilter(change_id=change.id))
        for event in events:
            yield Happening(
                event.received_at,
                _("Event %(type)s of Stripe", type=event.type),
                recorded(language, event.reason),
                "quiet",
                f"/console/networks/{network.name}/events/{event.id}",
            )


def _end(change: Change, language: Language, link: str) -> Iterator[Happening]:
    _ = language.gettext
    if change.applied_at is not None:
        yield Happening(change.applied_at, _("Written to the network"), link=link)
    if change.proven_at is not None:
        yield Happening(
            change.proven_at,
            _("Proven on every site"),
            recorded(language, change.reason),
            "good",
            link,
        )
    elif not change.state.is_open or change.state in _BAD:
        tone = "bad" if change.state in _BAD else "quiet"
        state = change_state_words(language, change.state.value)
        yield Happening(
            change.updated_at,
            _("Change is %(state)s", state=state),
            recorded(language, change.reason),
            tone,
            link,
        )


def _quotes(
    session: Session, network: Network, membership_id: int, language: Language
) -> Iterator[Happening]:
    _ = language.gettext
    for quote in quotes_of(session, network.key, membership_id):
        due = language.money(quote.due_now, quote.currency)
        yield Happening(
            quote.created_at,
            _("Quote given: %(kind)s", kind=kind_words(language, quote.kind)),
            _("%(due)s due", due=due),
            "quiet",
            f"/console/networks/{network.name}/quotes/{quote.id}",
        )


def _money(session: Session, key: tuple[int, int], language: Language) -> Iterator[Happening]:
    _ = language.gettext
    for payment in payments_of(session, *key):
        if payment.date_created is not None:
            total = language.money(payment.total, payment.currency)
            yield Happening(
                payment.date_created,
                _("Payment on the network: %(amount)s", amount=total),
                f"{payment.status} {payment.gateway} {payment.gateway_payment_id}".strip(),
            )
    for thing in BillingRepository(session).objects(*key):
        status = str(thing.facts.get("status", ""))
        yield Happening(
            thing.seen_at,
            _("Seen at Stripe: %(kind)s", kind=thing_at_stripe_words(language, thing.kind)),
            f"{thing.id} {status}".strip(),
            "quiet",
        )


def _limits(
    session: Session, network: Network, sites: Sequence[SiteRecord], language: Language
) -> Iterator[Happening]:
    _ = language.gettext
    for finding in drift_of(session, network.key, [site.id for site in sites]):
        link = f"/console/networks/{network.name}/drift"
        yield Happening(
            finding.found_at,
            _("Site %(site)s shows other limits", site=finding.site_id),
            " ".join(recorded(language, one) for one in finding.differences),
            "bad" if finding.repaired_at is None else "quiet",
            link,
        )
        if finding.repaired_at is not None:
            what = _("Limits of site %(site)s were repaired", site=finding.site_id)
            yield Happening(
                finding.repaired_at, what, recorded(language, finding.note), "good", link
            )


def _told(session: Session, key: tuple[int, int], language: Language) -> Iterator[Happening]:
    _ = language.gettext
    network_id, membership_id = key
    listed = NoticeRepository(session).list(network_id=network_id, membership_id=membership_id)
    for notice in listed:
        state = notice_state_words(language, notice.state.value)
        yield Happening(
            notice.sent_at or notice.created_at,
            _("Notice to the customer: %(kind)s", kind=notice_words(language, notice.kind.value)),
            " · ".join(filter(None, (state, notice.email, recorded(language, notice.reason)))),
            "bad" if notice.state is NoticeState.ATTENTION else "quiet",
        )
    for step in adoption_steps(session, *key):
        yield Happening(
            step.at,
            _("Take-over: %(step)s", step=take_over_words(language, step.name)),
            "",
            "quiet",
        )


def _done(session: Session, network: Network, membership_id: int) -> Iterator[Happening]:
    log = AuditLog(session)
    for entry in log.list(network=network.name, membership_id=membership_id, limit=50):
        why = str(entry.detail.get("why", ""))
        yield Happening(
            entry.at, f"{entry.actor}: {entry.action}", f"{entry.subject} {why}".strip()
        )
