"""The first page: what needs the operator, and how things go."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import Response
from sqlmodel import Session

from bridge.jobs import FAILURES, LATE
from bridge.store import figures, schedules
from bridge.store.billings import BillingRepository
from bridge.store.drift import unsolved
from bridge.store.hooks import HookRepository
from bridge.store.notices import NoticeRepository
from bridge.store.tables import EventState
from bridge.web.console.charts import bars_over_days, days_until, lines_over_days, share
from bridge.web.console.frame import console_page
from bridge.web.console.sessions import SIGNED_IN, AReader
from bridge.web.console.words import job_words
from bridge.web.pages.languages import Language
from bridge.web.pages.wording import recorded
from bridge.web.service import ASession, TheService

router = APIRouter(prefix="/console", dependencies=SIGNED_IN)

DAYS = 14
SILENT_AFTER = timedelta(hours=24)
_STATES = {
    EventState.APPLIED: "good",
    EventState.IGNORED: "accent",
    EventState.WAITING: "warn",
    EventState.ATTENTION: "bad",
    EventState.FAILED: "bad",
}


@dataclass(frozen=True, slots=True)
class Need:
    """Something that waits for the operator; ``bad`` costs somebody money or service."""

    sentence: str
    link: str
    bad: bool = False


@router.get("")
@router.get("/")
def overview(request: Request, who: AReader, session: ASession, service: TheService) -> Response:
    """What needs attention first, then charts."""
    now = service.clock()
    networks = figures.networks_at_a_glance(session)
    needs = needs_of(session, networks, who.language, now=now)
    context = {
        "needs": needs,
        "networks": networks,
        "now": now,
        **_charts(session, networks, who.language, now=now),
    }
    return console_page(request, "overview.html", who, context, section="overview")


def needs_of(
    session: Session, networks: list[figures.NetworkFigures], language: Language, *, now: datetime
) -> list[Need]:
    """What waits for the operator, the worst first."""
    many, _ = language.ngettext, language.gettext
    waiting = figures.waiting_for_operator(session)
    found: list[Need] = []
    if count := waiting["changes"]:
        text = many("%(num)s change waits for you", "%(num)s changes wait for you", count)
        found.append(Need(text, "/console/changes?state=attention", bad=True))
    if count := waiting["events"]:
        text = many("%(num)s event was not handled", "%(num)s events were not handled", count)
        found.append(Need(text, "/console/events?state=unhandled", bad=True))
    for row in BillingRepository(session).list(needs_operator=True)[:5]:
        name = next((one.name for one in networks if one.id == row.network_id), "")
        text = _(
            "Billing of membership %(id)s: %(why)s",
            id=row.membership_id,
            why=recorded(language, row.reason),
        )
        found.append(
            Need(text, f"/console/networks/{name}/memberships/{row.membership_id}", bad=True)
        )
    if (rest := waiting["billings"] - 5) > 0:
        text = many("%(num)s more billing", "%(num)s more billings", rest)
        found.append(Need(text, "/console/memberships"))
    for name, count in NoticeRepository(session).in_attention():
        text = many(
            "%(num)s mail of %(network)s could not be sent",
            "%(num)s mails of %(network)s could not be sent",
            count,
            network=name,
        )
        found.append(Need(text, "/console/messages?state=attention"))
    for name, endpoint in HookRepository(session).troubled():
        text = _(
            "Your system %(url)s gets no events of %(network)s", url=endpoint.url, network=name
        )
        found.append(Need(text, "/console/messages"))
    for name, count in unsolved(session):
        text = many(
            "%(num)s site of %(network)s shows other limits than were sold",
            "%(num)s sites of %(network)s show other limits than were sold",
            count,
            network=name,
        )
        found.append(Need(text, f"/console/networks/{name}/drift"))
    for name, job, failures in schedules.in_trouble(
        session, overdue_since=now - LATE, failures=FAILURES
    ):
        text = (
            _(
                "The job “%(job)s” of %(network)s keeps failing",
                job=job_words(language, job),
                network=name,
            )
            if failures
            else _(
                "The job “%(job)s” of %(network)s is overdue",
                job=job_words(language, job),
                network=name,
            )
        )
        found.append(Need(text, "/console/schedules"))
    for one in networks:
        place = f"/console/networks/{one.name}"
        if one.alarm:
            found.append(
                Need(
                    _("%(network)s: %(why)s", network=one.name, why=recorded(language, one.alarm)),
                    place,
                    bad=True,
                )
            )
        if one.synced_at is None:
            text = _("%(network)s was never mirrored as a whole", network=one.name)
            found.append(Need(text, place))
    return sorted(found, key=lambda need: not need.bad)


def _charts(
    session: Session,
    networks: list[figures.NetworkFigures],
    language: Language,
    *,
    now: datetime,
) -> dict[str, Any]:
    days = days_until(now.date(), DAYS)
    since = now - timedelta(days=DAYS)
    proofs = figures.proof_times(session, since)
    events = figures.events_by_day(session, since)
    states = figures.changes_by_state(session)
    differing = dict(unsolved(session))
    lags = {one.name: _age(one.synced_at, now) for one in networks}
    silence = {one.name: _age(one.last_event_at, now) for one in networks}
    return {
        "proofs": proofs,
        "proof_chart": lines_over_days(
            days,
            {
                "p99": ("fill-warn", {one.day: one.p99 for one in proofs}),
                "p50": ("fill-accent", {one.day: one.p50 for one in proofs}),
            },
        ),
        "events": [(day, [events[day].get(state, 0) for state in _STATES]) for day in events],
        "event_states": list(_STATES),
        "event_chart": bars_over_days(
            days,
            {
                day: [(kind, counts.get(state, 0)) for state, kind in _STATES.items()]
                for day, counts in events.items()
            },
        ),
        "changes": [
            (state, count, share(count, max(states.values()))) for state, count in states.items()
        ],
        "lags": _bars(lags, language),
        "silence": _bars(silence, language),
        "drift": [
            (
                one.name,
                differing.get(one.name, 0),
                share(differing.get(one.name, 0), max([1, *differing.values()])),
            )
            for one in networks
        ],
        "silent_after": SILENT_AFTER.total_seconds(),
        "jobs": schedules.schedules(session),
        "names": {one.id: one.name for one in networks},
    }


def _age(when: datetime | None, now: datetime) -> float | None:
    return None if when is None else max((now - when).total_seconds(), 0.0)


def _bars(
    ages: dict[str, float | None], language: Language
) -> list[tuple[str, str, float, float | None]]:
    most = max((age for age in ages.values() if age is not None), default=0.0)
    return [
        (name, duration(age, language), share(age or 0.0, most), age)
        for name, age in sorted(ages.items(), key=lambda item: -(item[1] or float("inf")))
    ][:12]


def duration(seconds: float | None, language: Language) -> str:
    """A time that passed, in its largest units: "3 min", "2 h", "5 d"."""
    _ = language.gettext
    if seconds is None:
        return _("never")
    if seconds < 60:
        return _("%(count)s s", count=language.number(round(seconds, 1 if seconds < 10 else 0)))
    for size, most, words in (
        (60, 3600, _("%(count)s min")),
        (3600, 172_800, _("%(count)s h")),
        (86_400, float("inf"), _("%(count)s d")),
    ):
        if seconds < most:
            return words % {"count": language.number(int(seconds // size))}
    return ""
