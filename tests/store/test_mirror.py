"""Writing the mirror: what counts as a change, what is kept, what an old answer may do."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlmodel import Session, select

from bridge.store.limits import EFFECTIVE, OWN, LimitsOwner, effective_limits, save_limits
from bridge.store.mirror import (
    Shown,
    Written,
    fingerprint,
    mark_seen,
    remove_rows,
    seen_among,
    seen_count,
    unseen_ids,
    write_rows,
)
from bridge.store.readers import load_membership
from bridge.store.tables import (
    DomainRecord,
    LimitsRecord,
    MembershipRecord,
    Network,
    ProductRecord,
    SiteRecord,
)
from tests.conftest import NOW
from tests.store.shown import domain, membership, product, site


def write(
    session: Session,
    network: Network,
    entity: str,
    *rows: Shown,
    pass_id: int | None = 1,
    **at: Any,
) -> Written:
    """Write rows as a pass does."""
    assert network.id is not None
    written = write_rows(
        session.connection(),
        network.id,
        entity,
        rows,
        asked_at=NOW + timedelta(**at),
        pass_id=pass_id,
    )
    session.commit()
    return written


def test_a_row_is_created_once_and_then_unchanged(session: Session, network: Network) -> None:
    """The same answer twice changes nothing, and the time of the first stays."""
    assert write(session, network, "domain", domain(1), domain(2)).created == {1, 2}
    again = write(session, network, "domain", domain(1), domain(2), pass_id=2, hours=1)
    assert again == Written(unchanged=frozenset({1, 2}))
    rows = session.exec(select(DomainRecord)).all()
    assert {row.synced_at for row in rows} == {NOW}
    assert {row.seen_pass for row in rows} == {2}


def test_a_row_that_differs_is_overwritten(session: Session, network: Network) -> None:
    """One changed field is one changed row."""
    write(session, network, "domain", domain(1), domain(2))
    second = write(session, network, "domain", domain(1, stage="failed"), domain(2), hours=1)
    assert (second.changed, second.unchanged) == ({1}, {2})
    found = session.get_one(DomainRecord, (network.id, 1))
    assert (found.stage, found.raw["stage"]) == ("failed", "failed")


def test_a_row_shown_twice_is_written_once(session: Session, network: Network) -> None:
    """The later one counts."""
    assert write(session, network, "domain", domain(1), domain(1, stage="failed")).created == {1}
    assert session.get_one(DomainRecord, (network.id, 1)).stage == "failed"


def test_the_order_of_keys_is_no_change() -> None:
    """PHP may serialise properties in another order."""
    assert fingerprint({"a": 1, "b": {"c": 2, "d": 3}}) == fingerprint(
        {"b": {"d": 3, "c": 2}, "a": 1}
    )
    assert fingerprint({"a": 1}) != fingerprint({"a": "1"})


def test_an_older_answer_does_not_overwrite_a_newer_one(session: Session, network: Network) -> None:
    """A page asked for before the engine read the row again says what is no longer so."""
    write(session, network, "domain", domain(1, stage="done"), hours=1)
    late = write(session, network, "domain", domain(1, stage="failed"), pass_id=2)
    assert late.unchanged == {1}
    found = session.get_one(DomainRecord, (network.id, 1))
    assert (found.stage, found.seen_pass) == ("done", 2)


def test_a_single_row_does_not_disturb_the_mark_of_a_pass(
    session: Session, network: Network
) -> None:
    """Outside a pass a row is written, but not counted as seen."""
    write(session, network, "domain", domain(1), pass_id=7)
    write(session, network, "domain", domain(1, stage="failed"), domain(2), pass_id=None, hours=1)
    marks = {row.id: row.seen_pass for row in session.exec(select(DomainRecord))}
    assert marks == {1: 7, 2: 0}


def test_products_inside_a_membership_are_cut_to_ids(session: Session, network: Network) -> None:
    """They are other rows' copies: neither stored nor a reason to call the row changed."""
    write(session, network, "membership", membership(1, plan_price=99))
    again = write(session, network, "membership", membership(1, plan_price=109), hours=1)
    assert again.unchanged == {1}
    stored = session.get_one(MembershipRecord, (network.id, 1)).raw
    assert stored["compiled_product_list"] == [{"quantity": 1, "product": {"id": "8"}}]
    assert stored["unknown_field"] == "kept"


def test_the_last_login_alone_is_no_change(session: Session, network: Network) -> None:
    """WordPress moves it with every heartbeat of a signed-in customer."""
    columns = {
        "user_id": 2,
        "billing_email": "",
        "country": "",
        "state": "",
        "city": "",
        "has_trialed": None,
        "email_verification": "none",
        "date_registered": None,
    }
    write(session, network, "customer", Shown(1, {"id": 1, "last_login": "a"}, columns))
    again = write(session, network, "customer", Shown(1, {"id": 1, "last_login": "b"}, columns))
    assert again.unchanged == {1}


def test_the_fence_survives_an_update(session: Session, network: Network) -> None:
    """The generation is ours; no answer of the network resets it."""
    write(session, network, "membership", membership(1))
    found = session.get_one(MembershipRecord, (network.id, 1))
    found.generation = 5
    session.add(found)
    session.commit()
    write(session, network, "membership", membership(1, status="expired"), hours=1)
    session.expire_all()
    found = session.get_one(MembershipRecord, (network.id, 1))
    assert (found.status, found.generation) == ("expired", 5)


def test_what_a_network_does_not_tell_stays(session: Session, network: Network) -> None:
    """Owners found by search and add-ons from the catalogue are not blanked by a later page."""
    write(session, network, "site", site(5), site(6, membership_id=3, customer_id=2))
    write(session, network, "product", product(1), product(2, available_addons=[9]))
    first = session.get_one(SiteRecord, (network.id, 5))
    assert (first.membership_id, first.type) == (None, "")
    first.membership_id = 4
    plan = session.get_one(ProductRecord, (network.id, 1))
    plan.available_addons, plan.addons_source = [7], "file"
    session.add_all([first, plan])
    session.commit()
    write(session, network, "site", site(5, title="New"), site(6, membership_id=8), hours=1)
    write(session, network, "product", product(1, name="New"), product(2), hours=1)
    session.expire_all()
    assert session.get_one(SiteRecord, (network.id, 5)).membership_id == 4
    assert session.get_one(SiteRecord, (network.id, 6)).membership_id == 8
    assert session.get_one(ProductRecord, (network.id, 1)).available_addons == [7]
    assert session.get_one(ProductRecord, (network.id, 2)).addons_source == "read"


def test_merged_limits_are_not_stored_a_second_time(session: Session, network: Network) -> None:
    """They have their own table, and moving alone they do not rewrite the site."""
    write(session, network, "site", site(5, limitations={"visits": {"limit": 1}}))
    again = write(session, network, "site", site(5, limitations={"visits": {"limit": 2}}), hours=1)
    assert again.unchanged == {5}
    assert session.get_one(SiteRecord, (network.id, 5)).raw["limitations"] == []


def test_more_rows_than_a_chunk(session: Session, network: Network) -> None:
    """Chunks are an affair of the driver: 2,500 rows come out as 2,500 rows."""
    rows = [domain(number) for number in range(1, 2501)]
    assert len(write(session, network, "domain", *rows).created) == 2500
    assert len(write(session, network, "domain", *rows, pass_id=2).unchanged) == 2500
    assert network.id is not None
    assert seen_count(session.connection(), network.id, "domain", 2) == 2500


def test_what_a_pass_did_not_see_is_known(session: Session, network: Network) -> None:
    """Unseen rows by id; marking spares a row that could not be read."""
    write(session, network, "domain", domain(1), domain(2), domain(3))
    write(session, network, "domain", domain(2), pass_id=2)
    connection, network_id = session.connection(), network.id
    assert network_id is not None
    assert unseen_ids(connection, network_id, "domain", 2) == [1, 3]
    assert seen_among(connection, network_id, "domain", [1, 2, 99], pass_id=2) == {2}
    mark_seen(connection, network_id, "domain", [3], pass_id=2)
    assert unseen_ids(connection, network_id, "domain", 2) == [1]


def test_removal_takes_limits_along(session: Session, network: Network) -> None:
    """A removed site has no limits; those of a product with the same id stay."""
    assert network.id is not None
    write(session, network, "site", site(5), site(6))
    for kind, owner in ((EFFECTIVE, "site"), (OWN, "product")):
        save_limits(
            session,
            network.id,
            {LimitsOwner(owner, 5): {"visits": {"limit": 1}}},
            kind=kind,
            source="read",
            now=NOW,
        )
    remove_rows(session, network.id, "site", [5], now=NOW)
    session.commit()
    assert [row.id for row in session.exec(select(SiteRecord))] == [6]
    assert [row.owner for row in session.exec(select(LimitsRecord))] == ["product"]


def test_limits_are_kept_whole_and_only_differences_count(
    session: Session, network: Network
) -> None:
    """A row is replaced, never merged; an equal one keeps its time."""
    assert network.id is not None
    owner = LimitsOwner("site", 5)
    one = {"visits": {"enabled": True, "limit": 1}, "sites": {"limit": 2}}
    two = {"visits": {"enabled": True, "limit": ""}}
    for limits, at, expected in ((one, 0, {owner}), (one, 1, set()), (two, 2, {owner})):
        moved = save_limits(
            session,
            network.id,
            {owner: limits},
            kind=EFFECTIVE,
            source="read",
            now=NOW + timedelta(hours=at),
        )
        session.commit()
        assert moved == expected
    assert effective_limits(session, network.id, 5) == two
    assert effective_limits(session, network.id, 6) is None


@pytest.mark.parametrize("entity", ["product", "site"])
def test_nothing_to_write_is_no_error(session: Session, network: Network, entity: str) -> None:
    """An empty page is a page."""
    assert write(session, network, entity) == Written()


def test_the_order_of_addons_is_kept(session: Session, network: Network) -> None:
    """It decides whose last value wins when limits are composed; databases must not sort it."""
    assert network.id is not None
    shown = membership(1)
    columns = {**shown.columns, "addons": {"30": 1, "4": 2, "12": 1}}
    write(session, network, "membership", Shown(1, shown.raw, columns))
    session.expire_all()
    assert list(load_membership(session, network.id, 1).addons.items()) == [
        (30, 1),
        (4, 2),
        (12, 1),
    ]
