"""The page "Your membership": what it says, and taking a pending change back."""

from __future__ import annotations

import re
from html import unescape

import pytest
from sqlmodel import Session, select

from bridge.store.tables import AuditEntry, CustomerRecord, MembershipRecord, SiteRecord
from bridge.store.uses import save_use
from tests.account.visitor import Browser
from tests.pages.stage import NETWORK, Stage, until

HOME = f"/account/{NETWORK}"


def text(page: str) -> str:
    """What a person reads."""
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", page)).split())


def test_one_membership_is_shown_at_once(stage: Stage) -> None:
    """Who has one need not choose."""
    answer = Browser(stage, 3).get()
    assert answer.headers["location"] == f"{HOME}/memberships/3"


def test_several_memberships_are_listed(stage: Stage) -> None:
    """With plan, price, status and sites; each leads to its page."""
    with stage.planbridge.session() as session:
        row = session.get(MembershipRecord, (stage.place().key, 12))
        assert row is not None
        row.customer_id = 9
        session.add(row)
    page = Browser(stage, 9).get().text
    for membership in (9, 12):
        assert f"{HOME}/memberships/{membership}" in page
    assert "Basic" in page
    assert "Premium" in page


def test_who_has_none_is_told_so(stage: Stage) -> None:
    """A customer whom the mirror does not know yet."""
    answer = Browser(stage, 4711).get()
    assert answer.status_code == 200
    assert "You have no membership here yet" in answer.text


def test_the_page_says_what_is_had_and_what_it_costs(stage: Stage) -> None:
    """Plan, price in words, status, next billing, packages with quantity, times billed."""
    said = text(Browser(stage, 3).get("memberships/3").text)
    for part in (
        "Premium $58.00 / month",
        "Active",
        "Next billing",
        "Amount of the next billing $58.00",
        "Initial amount $58.00",
        "Times billed 1, until cancelled",
        "Extra disk space × 2 $4.50 / month each",
        "Membership number 3",
    ):
        assert part in said


def test_the_billing_address_is_shown_where_the_network_shows_it(stage: Stage) -> None:
    """In one line, without what is empty; older networks do not tell it, nor does the page."""
    shown = text(Browser(stage, 8).get("memberships/8").text)
    assert "Billing address: Customer 8, 8 Example Street, US, customer8@example.test" in shown
    with stage.planbridge.session() as session:
        customer = session.get(CustomerRecord, (stage.place().key, 8))
        assert customer is not None
        customer.raw = {**customer.raw, "billing_address": None}
        session.add(customer)
    assert "Billing address" not in Browser(stage, 8).get("memberships/8").text


def test_a_package_can_be_cancelled_alone(stage: Stage) -> None:
    """The link leads to the change page on which just that one is not ticked."""
    visitor = Browser(stage, 3)
    link = re.search(r'href="[^"]*/main/([^"]*change\?[^"]*)"', visitor.get("memberships/3").text)
    assert link is not None
    page = visitor.get(unescape(link[1]))
    assert page.status_code == 200
    boxes = re.findall(r'<input[^>]*name="addon"[^>]*>', page.text)
    assert boxes
    assert not any("checked" in box for box in boxes)


def test_amounts_and_dates_are_the_languages_own(stage: Stage) -> None:
    """French: the amount before its sign, the month in words."""
    said = text(Browser(stage, 3, language="fr").get("memberships/3").text)
    assert "Premium 58,00 $US / mois" in said
    assert "Votre adhésion" in said
    assert re.search(r"Prochaine facturation \d{1,2} (décembre|novembre) 2026|facturation", said)


def test_limits_are_shown_as_used_of_allowed(stage: Stage) -> None:
    """Bars where the use is known; a sentence where it is not."""
    place = stage.place()
    with Session(stage.planbridge.engine) as session:
        site = session.exec(select(SiteRecord).where(SiteRecord.membership_id == 5)).first()
    assert site is not None
    before = Browser(stage, 5).get("memberships/5").text
    assert "known only where a bar shows it" in before
    with stage.planbridge.session() as session:
        save_use(
            session,
            place.key,
            site.id,
            posts={"post": 4, "page": 3, "attachment": 12},
            users={"administrator": 1},
            untold="",
            now=stage.planbridge.clock(),
        )
    page = Browser(stage, 5).get("memberships/5").text
    said = text(page)
    assert "Posts 4 / 5 almost reached" in said
    assert "Pages 3 / 3 limit reached" in said
    assert "Media files 12 / unlimited" in said
    assert f'value="800" aria-label="Posts, {site.title}: 4 / 5"' in page
    assert 'low="799" high="999" optimum="0"' in page
    assert "style=" not in page


def test_a_pending_change_is_announced_and_taken_back(stage: Stage) -> None:
    """With the date, what will be, and a button; a second click does no harm."""
    change = stage.ask(4, "free")
    assert stage.api("GET", f"changes/{change}")["state"] == "scheduled"
    visitor = Browser(stage, 4)
    page = visitor.get("memberships/4").text
    said = text(page)
    assert "A change takes place on" in said
    assert "Then you have Free, at no cost." in said
    assert f"/changes/{change}/revoke" in page
    assert "Paid until" in said
    assert "Next billing" not in said
    for _ in range(2):
        answer = visitor.post(f"memberships/4/changes/{change}/revoke")
        assert answer.headers["location"] == f"{HOME}/memberships/4?done=revoked"
    assert stage.api("GET", f"changes/{change}")["state"] == "revoked"
    after = text(visitor.get("memberships/4", params={"done": "revoked"}).text)
    assert "The change was taken back." in after
    assert "A change takes place on" not in after
    with Session(stage.planbridge.engine) as session:
        rows = session.exec(select(AuditEntry).where(AuditEntry.subject == change)).all()
    assert [(row.action, row.actor) for row in rows] == [("change.revoke", "customer 4")]


def test_a_change_that_waits_for_money_leads_on_to_pay(stage: Stage) -> None:
    """And can be given up as well."""
    change = stage.ask(3, "priority-support")
    page = Browser(stage, 3).get("memberships/3").text
    assert "A change waits for your payment of" in text(page)
    assert f"{HOME}/memberships/3/changes/{change}" in page
    assert Browser(stage, 3).post(f"memberships/3/changes/{change}/revoke").status_code == 303


def test_what_is_done_cannot_be_taken_back(stage: Stage) -> None:
    """A change that was carried out is not the customer's to undo so."""
    change = stage.buy(1, "premium")
    answer = Browser(stage, 1).post(f"memberships/1/changes/{change}/revoke")
    assert answer.status_code == 409
    assert stage.api("GET", f"changes/{change}")["state"] == "proven"
    until(lambda: "Premium" in Browser(stage, 1).get("memberships/1").text)


def test_what_is_owed_stands_first(stage: Stage) -> None:
    """A payment that the network waits for, with the way to where it is paid."""
    stage.network.state.insert(
        "payment",
        customer_id=2,
        membership_id=2,
        currency="USD",
        subtotal=19.99,
        total=19.99,
        status="pending",
        gateway="manual",
        gateway_payment_id="",
    )
    stage.sync()
    page = Browser(stage, 2).get("memberships/2").text
    assert page.index("To be paid: $19.99") < page.index('id="membership"')
    assert "wp-admin/admin.php?page=account" in page


@pytest.mark.parametrize("status", ["expired", "cancelled", "on-hold", "of-the-future"])
def test_every_status_has_a_page(stage: Stage, status: str) -> None:
    """Also one that nobody knows yet: then nothing is changed here."""
    with stage.planbridge.session() as session:
        row = session.get(MembershipRecord, (stage.place().key, 11))
        assert row is not None
        row.status = status
        session.add(row)
    answer = Browser(stage, 11).get("memberships/11")
    assert answer.status_code == 200
    assert (f"{HOME}/memberships/11/change" in answer.text) is (status != "of-the-future")


def test_a_name_is_never_markup(stage: Stage) -> None:
    """What customers and operators write is text on the page."""
    with stage.planbridge.session() as session:
        site = session.exec(select(SiteRecord).where(SiteRecord.membership_id == 3)).first()
        assert site is not None
        site.title = '<script>alert("1")</script>'
        session.add(site)
        customer = session.get(CustomerRecord, (stage.place().key, 3))
        assert customer is not None
    page = Browser(stage, 3).get("memberships/3").text
    assert "<script>alert" not in page
    assert "&lt;script&gt;alert" in page
