"""How customers are reached: e-mail, language and name of their WordPress users."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Connection, Select, bindparam, or_, select, update
from sqlmodel import Session, col
from sqlmodel import select as select_rows

from bridge.store.tables import CustomerRecord, SiteRecord
from bridge.store.upserts import CHUNK, table_of

_customers = table_of(CustomerRecord)
_sites = table_of(SiteRecord)


@dataclass(frozen=True, slots=True)
class Contact:
    """How a customer is reached; "" is what nobody knows.

    ``email`` (in lower case) is that of his WordPress user: the address that he signs in
    with, known only where the network has an application password on record. ``locale`` is
    WordPress' own, such as ``fr_FR`` or ``de_DE_formal``. ``billing_email`` stands in the
    address that he gave for his invoices, on networks that show it: he chose it himself, so
    it proves nothing about who reads it.
    """

    email: str = ""
    locale: str = ""
    display_name: str = ""
    billing_email: str = ""

    @property
    def address(self) -> str:
        """Where to write to him; "" where no address is known."""
        return self.email or self.billing_email


@dataclass(frozen=True, slots=True)
class Person:
    """A customer whose contact is to be read: his id here and that of his WordPress user."""

    customer_id: int
    user_id: int


class Saved(NamedTuple):
    """How many contacts were not known before, and how many were known otherwise."""

    created: int
    changed: int


def customer_contact(session: Session, network_id: int, customer_id: int) -> Contact:
    """How a customer is reached, as last read; an empty contact for one that is not known."""
    row = session.get(CustomerRecord, (network_id, customer_id))
    if row is None:
        return Contact()
    return Contact(row.email, row.locale, row.display_name, row.billing_email)


def customers_by_email(session: Session, network_id: int, email: str) -> list[int]:
    """Ids of the customers whose WordPress user has an e-mail address, whatever its case.

    Never by the billing address, which anybody can set to anything. WordPress gives an
    address to one user only, so there is more than one customer only while the mirror lags.
    """
    wanted = email.strip().lower()
    if not wanted:
        return []
    return list(
        session.exec(
            select_rows(CustomerRecord.id)
            .where(CustomerRecord.network_id == network_id, CustomerRecord.email == wanted)
            .order_by(col(CustomerRecord.id))
        )
    )


def people(
    connection: Connection, network_id: int, *, after: int = 0, never_asked: bool = False
) -> list[Person]:
    """The next customers with a WordPress user behind an id, by id, 1,000 at most.

    ``never_asked`` leaves out those whose user was ever asked for, even in vain.
    """
    query = _people(network_id).where(_customers.c.id > after).limit(CHUNK)
    if never_asked:
        query = query.where(_customers.c.contact_read_at.is_(None))
    return [Person(row.id, row.user_id) for row in connection.execute(query)]


def people_among(connection: Connection, network_id: int, ids: Sequence[int]) -> list[Person]:
    """Those of the customers who have a WordPress user, by id."""
    found: list[Person] = []
    for chunk in _chunks(sorted(ids)):
        rows = connection.execute(_people(network_id).where(_customers.c.id.in_(chunk)))
        found += [Person(row.id, row.user_id) for row in rows]
    return found


def owners_without_email(
    connection: Connection, network_id: int, site_ids: Sequence[int]
) -> list[int]:
    """Customers of some sites whose e-mail address nobody knows."""
    found: set[int] = set()
    for chunk in _chunks(site_ids):
        query = select(_customers.c.id).where(
            _customers.c.network_id == network_id,
            _customers.c.email == "",
            _sites.c.network_id == network_id,
            _sites.c.customer_id == _customers.c.id,
            _sites.c.id.in_(chunk),
        )
        found.update(connection.scalars(query))
    return sorted(found)


def asked_before(
    connection: Connection, network_id: int, among: Sequence[Person], *, moment: datetime
) -> set[int]:
    """Ids of those customers whose user was last asked for before a moment, or never."""
    ids = [person.customer_id for person in among]
    query = select(_customers.c.id).where(
        _customers.c.network_id == network_id,
        _customers.c.id.in_(ids),
        or_(_customers.c.contact_read_at.is_(None), _customers.c.contact_read_at < moment),
    )
    return set(connection.scalars(query))


def sites_of_customer(
    connection: Connection, network_id: int, customer_id: int, *, limit: int
) -> list[tuple[str, str]]:
    """Domain and path of a customer's sites, the oldest first."""
    query = (
        select(_sites.c.domain, _sites.c.path)
        .where(_sites.c.network_id == network_id, _sites.c.customer_id == customer_id)
        .order_by(_sites.c.id)
        .limit(limit)
    )
    return [(row.domain, row.path) for row in connection.execute(query)]


def save_contacts(
    connection: Connection,
    network_id: int,
    asked: Sequence[int],
    found: Mapping[int, Contact],
    *,
    now: datetime,
) -> Saved:
    """Note what was found, by customer id, and that the others were asked for in vain.

    What is known of those stays.
    """
    new, changed = _differing(connection, network_id, found)
    if new or changed:
        connection.execute(
            update(_customers)
            .where(_customers.c.network_id == network_id, _customers.c.id == bindparam("key"))
            .values(
                email=bindparam("email_"),
                locale=bindparam("locale_"),
                display_name=bindparam("name_"),
            ),
            [
                {
                    "key": customer_id,
                    "email_": contact.email,
                    "locale_": contact.locale,
                    "name_": contact.display_name,
                }
                for customer_id, contact in (new | changed).items()
            ],
        )
    for chunk in _chunks(asked):
        connection.execute(
            update(_customers)
            .where(_customers.c.network_id == network_id, _customers.c.id.in_(chunk))
            .values(contact_read_at=now)
        )
    return Saved(len(new), len(changed))


def _differing(
    connection: Connection, network_id: int, found: Mapping[int, Contact]
) -> tuple[dict[int, Contact], dict[int, Contact]]:
    """Contacts of whom nothing was known, and those that are not as they were known."""
    new: dict[int, Contact] = {}
    changed: dict[int, Contact] = {}
    for chunk in _chunks(list(found)):
        query = select(
            _customers.c.id, _customers.c.email, _customers.c.locale, _customers.c.display_name
        ).where(_customers.c.network_id == network_id, _customers.c.id.in_(chunk))
        for row in connection.execute(query):
            contact = found[row.id]
            told = (contact.email, contact.locale, contact.display_name)
            known = (row.email, row.locale, row.display_name)
            if told != known:
                (changed if any(known) else new)[row.id] = contact
    return new, changed


def _people(network_id: int) -> Select[tuple[int, int]]:
    return (
        select(_customers.c.id, _customers.c.user_id)
        .where(_customers.c.network_id == network_id, _customers.c.user_id.is_not(None))
        .order_by(_customers.c.id)
    )


def _chunks(ids: Sequence[int]) -> Iterator[Sequence[int]]:
    return (ids[start : start + CHUNK] for start in range(0, len(ids), CHUNK))
