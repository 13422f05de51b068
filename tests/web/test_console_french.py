"""The French console shows no English sentence of the program, wherever one was written down."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta
from html.parser import HTMLParser

import pytest
from sqlmodel import Session, select, update

from bridge.domain.notices import NoticeKind
from bridge.payments.metadata import reference_for
from bridge.store.changes import ChangeRepository
from bridge.store.tables import (
    Billing,
    Cancellation,
    Change,
    ChangeState,
    ChangeStep,
    CollectionRecord,
    CollectionState,
    DeliveryState,
    DriftFinding,
    DriftScan,
    DriftState,
    EventPass,
    HookDelivery,
    HookEndpoint,
    JobSchedule,
    Notice,
    NoticeState,
    OutgoingEvent,
    SiteRecord,
    SyncPass,
    WebhookEvent,
)
from bridge.web.pages.languages import language
from bridge.web.pages.wording import recorded
from bridge.web.server import BackgroundService
from bridge.wiring import App
from tests.pages.stage import until
from tests.web.conftest import Caller, deliver, paid_intent
from tests.web.console_stage import Browser
from tests.web.test_sentences import translated

FRENCH = language("fr")
WRITTEN = "waits for change chg_0123; The network main is down for maintenance (HTTP 503)."
"""Something that the program wrote down, in every place where it may."""
HOME = "/console/networks/main"
PAGES = (
    "/console",
    "/console/networks",
    "/console/networks/add",
    f"{HOME}/keys",
    f"{HOME}/remove",
    HOME,
    f"{HOME}/sync",
    "/console/memberships",
    f"{HOME}/memberships/1",
    f"{HOME}/memberships/5",
    f"{HOME}/memberships/7",
    f"{HOME}/memberships/3/change",
    f"{HOME}/memberships/2/simulation",
    "/console/changes",
    "/console/events",
    f"{HOME}/events/1",
    "/console/drift",
    f"{HOME}/drift",
    f"{HOME}/products",
    "/console/messages",
    "/console/schedules",
    "/console/audit",
    "/console/operators",
    "/console/me",
    # errors
    "/console/networks/nowhere",
    f"{HOME}/memberships/9999",
    f"{HOME}/changes/chg_none",
    "/console/events?since=yesterday",
)
_ENGLISH = re.compile(
    r"\b(the|is|was|are|were|be|of|and|with|for|has|have|had|this|that|by|from|nothing|yes|never"
    r"|done|failed|waiting|which|there|it|its|in|at|to|been|cannot|could|would|network|membership"
    r"|changes|event|quote)\b"
)


_CODES = re.compile(r"`[^`]*`|\S+[./@_]\S*|\b[a-z]+\.(?=$| )")
"""Commands, addresses and names of events."""


class _Visible(HTMLParser):
    """What somebody reads: text and labels, but no code and no names of languages."""

    _UNREAD = ("code", "pre", "script", "style", "time")
    _READ = ("aria-label", "alt", "title", "placeholder")

    def __init__(self) -> None:
        super().__init__()
        self.texts: list[str] = []
        self._open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        unread = tag in self._UNREAD or ("lang" in given and tag != "html")
        if unread or (self._open and tag == self._open[0]):
            self._open.append(tag)
        if not self._open:
            self.texts += [text for name in self._READ if (text := given.get(name))]

    def handle_endtag(self, tag: str) -> None:
        if self._open and tag == self._open[-1]:
            self._open.pop()

    def handle_data(self, data: str) -> None:
        text = " ".join(data.split())
        if text and not self._open:
            self.texts.append(text)


def visible(page: str) -> list[str]:
    """The texts of a page."""
    reader = _Visible()
    reader.feed(page)
    return reader.texts


@pytest.fixture(scope="module")
def told(planbridge: App, service: BackgroundService) -> str:
    """A change that was paid, one that waits for the operator, and a sentence everywhere."""
    call = Caller(service.url)
    for membership, missing in ((1, 0), (5, 1)):
        quote = call.network("POST", f"/memberships/{membership}/quotes", {"products": ["premium"]})
        about = reference_for(network="main", membership_id=membership, quote_id=quote["id"])
        body = paid_intent(quote["due_now"] - missing, about.to_metadata())
        assert deliver(call.url, body).ok

    def both() -> bool:
        with planbridge.session() as session:
            found = ChangeRepository(session).list()
        states = {one.membership_id: one.state for one in found}
        return states == {1: ChangeState.PROVEN, 5: ChangeState.ATTENTION}

    until(both)
    with planbridge.session() as session:
        _write_everywhere(session, planbridge)
        session.commit()
        return str(session.exec(select(Change.id).where(Change.membership_id == 5)).one())


def _write_everywhere(session: Session, planbridge: App) -> None:
    now, key = planbridge.clock(), planbridge.network("main").key
    site = session.exec(select(SiteRecord).where(SiteRecord.membership_id == 5)).first()
    assert site is not None
    common = {"created_at": now, "updated_at": now}
    change = session.exec(select(Change.id).where(Change.membership_id == 5)).one()
    session.add_all(
        [
            Billing(
                network_id=key,
                membership_id=7,
                needs_operator=True,
                standing="grace",
                reason=WRITTEN,
                updated_at=now,
            ),
            Cancellation(
                network_id=key, membership_id=5, problem=WRITTEN, asked_at=now, updated_at=now
            ),
            CollectionRecord(
                change_id=change,
                network_id=key,
                membership_id=5,
                state=CollectionState.WAITING,
                plan={"how": "checkout_payment"},
                reason=WRITTEN,
                due_at=now + timedelta(days=1),
                **common,
            ),
            DriftFinding(
                network_id=key,
                site_id=site.id,
                membership_id=5,
                state=DriftState.STUCK,
                differences=["visits: expected 100 000 / month, the site shows 21 000 / month"],
                expected={"visits": {"enabled": True, "limit": 100000}},
                shown={"visits": {"enabled": True, "limit": 21000}},
                note=WRITTEN,
                found_at=now,
                seen_at=now,
                repaired_at=now,
            ),
            Notice(
                network_id=key,
                kind=NoticeKind.LIMIT,
                subject="x",
                membership_id=5,
                customer_id=5,
                state=NoticeState.ATTENTION,
                email="customer5@example.com",
                reason=WRITTEN,
                due_at=now + timedelta(days=1),
                useless_after=now + timedelta(days=1),
                **common,
            ),
            OutgoingEvent(
                id="evt_x", network_id=key, type="change.done", subject="x", created_at=now
            ),
            HookEndpoint(
                id="hook_x",
                network_id=key,
                url="https://example.com/hook",
                sealed_secret="",
                enabled=False,
                failing_since=now,
                disabled_why=WRITTEN,
                **common,
            ),
        ]
    )
    session.flush()
    session.add(
        HookDelivery(
            endpoint_id="hook_x",
            event_id="evt_x",
            state=DeliveryState.FAILED,
            due_at=now,
            reason=WRITTEN,
            **common,
        )
    )
    scan = session.get(DriftScan, key) or DriftScan(network_id=key)
    scan.notes, scan.error = [WRITTEN], WRITTEN
    seen = session.get(EventPass, key) or EventPass(network_id=key)
    seen.alarm = WRITTEN
    session.add_all([scan, seen])
    done = {"result": WRITTEN, "finished_at": now, "succeeded": False, "failures": 5}
    for table, values in (
        (Change, {"reason": WRITTEN}),
        (ChangeStep, {"detail": {"reason": WRITTEN}}),
        (WebhookEvent, {"reason": WRITTEN}),
        (SyncPass, {"error": WRITTEN}),
        (JobSchedule, done),
    ):
        session.execute(update(table).values(**values))


@pytest.fixture(scope="module")
def reader(owner: Browser, told: str) -> Browser:
    """The owner, who reads French."""
    owner.get("/console/language?to=fr")
    return owner


def english(page: str) -> Iterator[str]:
    """Texts of a page that are, or contain, an English sentence of the program."""
    own = {
        one
        for (_, one), texts in translated("fr").items()
        if texts[0] != one and " " in one.strip() and "%(" not in one
    }
    for text in visible(page):
        ours = text in own or recorded(FRENCH, text) != text
        if ours or _ENGLISH.search(_CODES.sub(" ", text)):
            yield text


@pytest.mark.parametrize("path", PAGES)
def test_a_page_is_french_throughout(reader: Browser, path: str) -> None:
    assert list(english(reader.get(path).text)) == []


def test_what_was_written_down_is_said_in_french(reader: Browser, told: str) -> None:
    """It is shown, and not left out."""
    for path in (
        "/console",
        f"{HOME}/memberships/5",
        f"{HOME}/memberships/7",
        f"{HOME}/changes/{told}",
        "/console/changes",
        "/console/events",
        f"{HOME}/drift",
        f"{HOME}/sync",
        "/console/messages",
        "/console/schedules",
    ):
        text = " ".join(visible(reader.get(path).text))
        assert "attend le changement chg_0123 ; Le réseau main est en maintenance" in text, path
    page = reader.get(f"{HOME}/memberships/5").text
    assert "visites : 100 000 / mois attendu, le site montre 21 000 / mois" in page


def test_what_forms_answer_is_french(reader: Browser, told: str) -> None:
    """A change, a check, a quote, a simulation, and what was refused."""
    assert list(english(reader.get(f"{HOME}/changes/{told}").text)) == []
    assert list(english(reader.post(f"{HOME}/check").text)) == []
    ahead = reader.post(f"{HOME}/memberships/2/simulation", {"months": "3", "fail": "2"})
    assert ahead.status_code == 200
    assert list(english(ahead.text)) == []
    priced = reader.post(f"{HOME}/memberships/3/quotes", {"plan": "free"})
    assert list(english(reader.get(priced.headers["location"]).text)) == []
    for path, fields in (
        (f"{HOME}/changes/{told}/close", {"as": "done", "why": ""}),
        (f"{HOME}/memberships/3/quotes", {}),
        (f"{HOME}/drift/policy", {"policy": "x"}),
        (f"{HOME}/schedules/none/run", {}),
        (f"{HOME}/options", {"night": "x"}),
        (f"{HOME}/keys", {"api_key": "x"}),
        (f"{HOME}/keys", {"api_key": "x", "api_secret": "wrong"}),
        (f"{HOME}/remove", {"name": "x"}),
    ):
        refused = reader.post(path, fields)
        assert refused.status_code >= 400, path
        assert list(english(refused.text)) == [], path
