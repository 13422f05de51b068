"""How customers are reached: what is kept of their WordPress users, and how it is found."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.exc import IntegrityError
from sqlmodel import Session

from bridge.store import schema
from bridge.store.engine import make_engine
from bridge.store.mirror import Shown, write_rows
from bridge.store.people import (
    Contact,
    Person,
    asked_before,
    customer_contact,
    customers_by_email,
    owners_without_email,
    people,
    people_among,
    save_contacts,
    sites_of_customer,
)
from bridge.store.tables import CustomerRecord, Network, SiteRecord
from tests.conftest import NOW


@pytest.fixture
def customers(session: Session, network: Network) -> list[int]:
    """Three customers, the last of whom has no WordPress user."""
    for number, user in ((1, 11), (2, 12), (3, None)):
        write(session, network, number, user_id=user, vip="0")
    session.commit()
    return [1, 2, 3]


def write(
    session: Session, network: Network, number: int, *, user_id: int | None, vip: str
) -> None:
    columns = {
        "user_id": user_id,
        "billing_email": f"bills{number}@example.test",
        "country": "",
        "state": "",
        "city": "",
        "has_trialed": None,
        "email_verification": "none",
        "date_registered": None,
    }
    raw = {"id": number, "vip": vip}
    at = NOW if vip == "0" else NOW + timedelta(hours=1)
    connection = session.connection()
    write_rows(connection, network.key, "customer", [Shown(number, raw, columns)], asked_at=at)


ANN = Contact("ann@example.test", "fr_FR", "Ann")


def test_a_contact_survives_the_next_page_of_customers(
    session: Session, network: Network, customers: list[int]
) -> None:
    """The page does not tell it, so what is known stays."""
    save_contacts(session.connection(), network.key, [1], {1: ANN}, now=NOW)
    write(session, network, 1, user_id=11, vip="1")
    session.commit()
    session.expire_all()
    found = customer_contact(session, network.key, 1)
    assert found == Contact("ann@example.test", "fr_FR", "Ann", "bills1@example.test")
    assert session.get_one(CustomerRecord, (network.key, 1)).raw["vip"] == "1"


def test_a_customer_is_found_by_his_own_address_only(
    session: Session, network: Network, customers: list[int]
) -> None:
    """Whatever its case; never by the billing address, which he may set to another's."""
    save_contacts(session.connection(), network.key, [1], {1: ANN}, now=NOW)
    assert customers_by_email(session, network.key, " Ann@Example.test ") == [1]
    assert customers_by_email(session, network.key, "bills1@example.test") == []
    assert customers_by_email(session, network.key, "") == []
    assert customers_by_email(session, network.key + 1, "ann@example.test") == []


def test_where_to_write_falls_back_to_the_billing_address(
    session: Session, network: Network, customers: list[int]
) -> None:
    """Without an application password that is all there may be."""
    assert customer_contact(session, network.key, 2).address == "bills2@example.test"
    assert customer_contact(session, network.key, 2).email == ""
    assert customer_contact(session, network.key, 99) == Contact()


def test_who_is_to_be_asked_for(session: Session, network: Network, customers: list[int]) -> None:
    """Whoever was never asked for, even in vain; nobody without a user."""
    connection = session.connection()
    ann, bob = Person(1, 11), Person(2, 12)
    assert people(connection, network.key) == [ann, bob]
    assert people(connection, network.key, after=1) == [bob]
    assert people(connection, network.key, never_asked=True) == [ann, bob]
    assert save_contacts(connection, network.key, [1, 2], {1: ANN}, now=NOW) == (1, 0)
    assert people(connection, network.key, never_asked=True) == []
    assert people_among(connection, network.key, [3, 2, 99]) == [bob]
    assert save_contacts(connection, network.key, [1], {1: ANN}, now=NOW) == (0, 0)
    moved = replace(ANN, email="ann@new.example")
    assert save_contacts(connection, network.key, [1], {1: moved}, now=NOW) == (0, 1)


def test_who_was_asked_for_long_ago(
    session: Session, network: Network, customers: list[int]
) -> None:
    """Or never."""
    connection = session.connection()
    save_contacts(connection, network.key, [1], {}, now=NOW)
    among = [Person(1, 11), Person(2, 12)]
    assert asked_before(connection, network.key, among, moment=NOW) == {2}
    assert asked_before(connection, network.key, among, moment=NOW + timedelta(days=1)) == {1, 2}


def test_the_sites_of_a_customer(session: Session, network: Network, customers: list[int]) -> None:
    """The oldest first, so many at most; and whose sites are without a known address."""
    for number in (3, 1, 2):
        session.add(
            SiteRecord(
                network_id=network.key,
                id=number,
                fingerprint="",
                synced_at=NOW,
                domain="a.example",
                path=f"/s{number}/",
                customer_id=1,
            )
        )
    session.flush()
    connection = session.connection()
    found = sites_of_customer(connection, network.key, 1, limit=2)
    assert found == [("a.example", "/s1/"), ("a.example", "/s2/")]
    assert owners_without_email(connection, network.key, [2, 3, 99]) == [1]
    save_contacts(connection, network.key, [1], {1: ANN}, now=NOW)
    assert owners_without_email(connection, network.key, [2]) == []


def test_what_was_kept_before_was_the_billing_address(database_url: str) -> None:
    """Older versions kept it as the e-mail address. No row is lost up or down, though SQLite
    makes the table of networks anew, on which everything hangs.
    """
    engine = make_engine(database_url)
    schema.upgrade(engine, "0007")
    told = "'2026-11-24 12:00:00+00:00'"
    with engine.begin() as connection:
        connection.execute(
            text(
                "INSERT INTO networks (id, name, url, sealed_credentials, sealed_stripe_secrets, "
                "sealed_stripe_key, stripe_account, livemode, terms, capabilities, created_at) "
                f"VALUES (1, 'n', 'u', '', '', '', '', {false(engine)}, '{{}}', '{{}}', {told})"
            )
        )
        connection.execute(
            text(
                "INSERT INTO customers (network_id, id, raw, fingerprint, seen_pass, synced_at, "
                "email, country, state, city, email_verification) VALUES "
                f"(1, 7, '{{}}', '', 0, {told}, 'bills@example.test', '', '', '', 'none')"
            )
        )
    schema.upgrade(engine, "0008")
    with engine.begin() as connection:
        row = connection.execute(text("SELECT email, billing_email, locale FROM customers")).one()
        options = connection.execute(text("SELECT options FROM networks")).scalar_one()
    assert tuple(row) == ("", "bills@example.test", "")
    assert options in ("{}", {})
    schema.downgrade(engine, "0007")
    with engine.begin() as connection:
        email = connection.execute(text("SELECT email FROM customers")).scalar_one()
    assert email == "bills@example.test"
    with engine.begin() as connection, pytest.raises(IntegrityError):
        connection.execute(text("UPDATE customers SET network_id = 99"))


def false(engine: Engine) -> str:
    return "false" if engine.dialect.name == "postgresql" else "0"
