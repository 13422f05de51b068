"""E-mail, language and name of customers, from the WordPress users behind them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from sqlalchemy import Engine

from bridge.network.users import SignIn
from bridge.sandbox.examples import BASIC_ID, member
from bridge.sandbox.faults import Fault
from bridge.sandbox.named_faults import NAMED, named
from bridge.sandbox.users import ADMIN, ADMIN_PASSWORD, add_user
from bridge.sandbox.wire import Request
from bridge.store.people import Contact, customer_contact
from tests.sync.conftest import Lab

ROOT = SignIn(ADMIN, ADMIN_PASSWORD)
CUSTOMERS = 7
WITHOUT_SITE = 7


def contact(lab: Lab, customer: int) -> Contact:
    with lab.session() as session:
        return customer_contact(session, lab.id, customer)


def asked(lab: Lab) -> list[tuple[str, str]]:
    """Site and status of each look at users since the journal was cleared."""
    return [
        (each.path.partition("/wp-json/")[0], str(each.status))
        for each in lab.sandbox.journal
        if each.path.endswith("/wp/v2/users")
    ]


def test_contacts_come_with_a_full_sync(engine: Engine, open_lab: Callable[..., Lab]) -> None:
    """From the customers' own sites: the main site does not list them."""
    lab = open_lab(engine, super_admin=ROOT)
    result = lab.sync()
    assert result.complete
    contacts = result.of("contact")
    assert (contacts.rows, contacts.created, contacts.changed) == (CUSTOMERS, CUSTOMERS - 1, 0)
    assert contact(lab, 1) == Contact(
        "customer1@example.test", "fr_FR", "Customer 1", "customer1@example.test"
    )
    assert contact(lab, WITHOUT_SITE).email == ""
    assert [site for site, _ in asked(lab)].count("") == 1


def test_without_a_user_on_record_nobody_asks(engine: Engine, open_lab: Callable[..., Lab]) -> None:
    """There is no e-mail then, and the sync is complete all the same."""
    lab = open_lab(engine)
    assert lab.sync().complete
    assert contact(lab, 1).email == ""
    assert asked(lab) == []


def test_members_of_the_main_site_cost_a_request_a_hundred(
    engine: Engine, open_lab: Callable[..., Lab]
) -> None:
    """Every full sync reads them again, and an address that changed is taken."""
    lab = open_lab(engine, super_admin=ROOT, memberships=150)
    for user in list(lab.sandbox.state.rows("user")):
        lab.sandbox.state.save("user", user["id"], {**user, "everywhere": True})
    assert lab.sync().of("contact").created == CUSTOMERS + 150
    assert asked(lab) == [("", "200")] * 2
    add_user(lab.sandbox.state, 3, "bob", email="Bob@Example.test", everywhere=True)
    again = lab.sync().of("contact")
    assert (again.created, again.changed) == (0, 1), "only what was known before can change"
    assert contact(lab, 2).email == "bob@example.test"


def test_others_are_asked_for_once_a_week(engine: Engine, open_lab: Callable[..., Lab]) -> None:
    """Each costs a request of its own."""
    lab = open_lab(engine, super_admin=ROOT)
    lab.sync()
    add_user(lab.sandbox.state, 3, "bob", email="bob@example.test")
    lab.sandbox.journal.clear()
    assert lab.sync().of("contact").changed == 0
    assert asked(lab) == [("", "200")]
    lab.clock.now += timedelta(days=8)
    assert lab.sync().of("contact").changed == 1
    assert contact(lab, 2).email == "bob@example.test"


def test_an_incremental_sync_asks_for_the_new_and_the_changed(
    engine: Engine, open_lab: Callable[..., Lab]
) -> None:
    """Who changed, who is new, and who has his first site; nobody else."""
    lab = open_lab(engine, super_admin=ROOT)
    lab.sync()
    state = lab.sandbox.state
    lab.sandbox.journal.clear()
    assert lab.sync(incremental=True).of("contact").rows == 0
    assert asked(lab) == []
    with state.changing():
        member(state, plan=BASIC_ID)
        state.insert(
            "site",
            domain="network.example.test",
            path="/late/",
            title="Late",
            type="customer_owned",
            customer_id=WITHOUT_SITE,
            membership_id=WITHOUT_SITE,
        )
    result = lab.sync(incremental=True)
    assert result.complete
    assert (result.of("contact").rows, result.of("contact").created) == (2, 2)
    assert contact(lab, WITHOUT_SITE).email == f"customer{WITHOUT_SITE}@example.test"
    assert contact(lab, CUSTOMERS + 1).email == f"customer{CUSTOMERS + 1}@example.test"


def test_a_refused_user_is_said_and_stops_nothing(
    engine: Engine, open_lab: Callable[..., Lab]
) -> None:
    """It will not pass by trying again, so it is no failure of the sync."""
    lab = open_lab(engine, super_admin=SignIn(ADMIN, "wrong"))
    result = lab.sync()
    assert result.complete
    (note,) = result.notes
    assert "does not show its users to sandbox-admin (rest_forbidden_context)" in note
    assert "wrong" not in note
    assert contact(lab, 1).email == ""


def test_a_broken_site_keeps_nobody_else_from_being_read(
    engine: Engine, open_lab: Callable[..., Lab]
) -> None:
    """The one whose only site crashes is asked for again; the others have an address."""
    lab = open_lab(engine, super_admin=ROOT)

    def crash(request: Request) -> Fault | None:
        return Fault(status=500) if request.path.startswith("/site5/") else None

    lab.sandbox.faults = crash
    assert lab.sync().complete
    assert contact(lab, 2).email == ""
    assert contact(lab, 3).email == "customer3@example.test"
    lab.sandbox.faults = lambda _request: None
    assert lab.sync(incremental=True).of("contact").rows == 1
    assert contact(lab, 2).email == "customer2@example.test"


@pytest.mark.parametrize("fault", sorted(NAMED.keys() - {"slow"}))
def test_hostile_answers_lose_nobody(
    sqlite_engine: Engine, open_lab: Callable[..., Lab], fault: str
) -> None:
    """Whatever comes upon the look at users, it is told, all else is read, and later it is made
    up for.
    """
    lab = open_lab(sqlite_engine, super_admin=ROOT)
    upon = named([fault])

    def only_users(request: Request) -> Fault | None:
        return upon(request) if "/wp/v2/users" in request.path else None

    lab.sandbox.faults = only_users
    result = lab.sync()
    lab.assert_equal()
    missing = [one for one in range(1, CUSTOMERS) if not contact(lab, one).email]
    if missing:
        assert result.faults or result.notes
    lab.sandbox.faults = lambda _request: None
    assert lab.sync(incremental=True).complete
    for one in range(1, CUSTOMERS):
        assert contact(lab, one).email == f"customer{one}@example.test"


@pytest.mark.parametrize("fault", ["maintenance", "too-many"])
def test_a_network_that_wants_a_rest_gets_it(
    engine: Engine, open_lab: Callable[..., Lab], fault: str
) -> None:
    """What was read is kept, and the next sync goes on."""
    lab = open_lab(engine, super_admin=ROOT)
    upon = named([fault])

    def only_users(request: Request) -> Fault | None:
        return upon(request) if "/site6/wp-json/wp/v2/users" in request.path else None

    lab.sandbox.faults = only_users
    result = lab.sync()
    assert not result.complete
    assert result.of("contact").error
    assert contact(lab, 1).email == "customer1@example.test"
    assert contact(lab, 4).email == ""
    lab.sandbox.faults = lambda _request: None
    assert lab.sync(incremental=True).complete
    assert contact(lab, 4).email == "customer4@example.test"
