"""How customers are reached, from the WordPress users behind them.

Those who are members of the main site are read a hundred a request. Others WordPress shows
at their own sites only, one request each: they are asked for when they are new or have
changed, and otherwise once a week.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import Final

from sqlmodel import Session

from bridge.network.faults import Fault, Maintenance, RateLimited, TimedOut, Unreachable
from bridge.network.users import AT_ONCE, UsersClient, WordPressUser
from bridge.network.xmlrpc_address import site_url
from bridge.store import people
from bridge.store.people import Contact, Person
from sync.job import Job
from sync.results import EntityResult, PageDone

REFRESHED: Final = timedelta(days=7)
"""So long a contact holds that costs a request of its own."""

_SITES_TRIED = 2
_CONCERNS_ALL = (Maintenance, RateLimited, TimedOut, Unreachable)
_NAME = "contact"


class ContactPass:
    """Reads the contacts of customers; ``changed`` are ids of those to ask for in any case.

    ``everybody`` or else those only who were never asked for.
    """

    def __init__(
        self, job: Job, users: UsersClient, *, everybody: bool, changed: Sequence[int] = ()
    ) -> None:
        self._job = job
        self._users = users
        self._everybody = everybody
        self._changed = frozenset(changed)
        self._started = job.clock()
        self._rows = 0
        self._created = self._altered = 0

    def run(self) -> EntityResult:
        """Read them and keep what is found, a hundred at a time.

        Raises:
            UsersHidden: WordPress shows us no users.
            NetworkError: it was kept from its end; what was found is kept.
        """
        for persons in self._persons():
            for start in range(0, len(persons), AT_ONCE):
                self._take(persons[start : start + AT_ONCE])
        self._report(complete=True)
        return self.result()

    def result(self, *, error: str = "") -> EntityResult:
        """What was done so far; ``rows`` are the customers asked for."""
        return EntityResult(
            entity=_NAME,
            incremental=not self._everybody,
            rows=self._rows,
            created=self._created,
            changed=self._altered,
            seconds=round((self._job.clock() - self._started).total_seconds(), 3),
            error=error,
        )

    def _persons(self) -> Iterator[Sequence[Person]]:
        if not self._everybody:
            with self._session() as session:
                yield people.people_among(
                    session.connection(), self._job.network_id, sorted(self._changed)
                )
        after = 0
        while True:
            with self._session() as session:
                found = people.people(
                    session.connection(),
                    self._job.network_id,
                    after=after,
                    never_asked=not self._everybody,
                )
            if not found:
                return
            yield found
            after = found[-1].customer_id

    def _take(self, persons: Sequence[Person]) -> None:
        asked_at = self._job.clock()
        shown = self._users.read([person.user_id for person in persons])
        members = {p.customer_id: _contact(shown[p.user_id]) for p in persons if p.user_id in shown}
        others = [person for person in persons if person.user_id not in shown]
        with self._session() as session:
            due = self._changed | people.asked_before(
                session.connection(), self._job.network_id, others, moment=asked_at - REFRESHED
            )
        self._keep([*members], members)
        for person in others:
            if person.customer_id in due:
                self._look_at_his_sites(person)
        self._report()

    def _look_at_his_sites(self, person: Person) -> None:
        with self._session() as session:
            sites = people.sites_of_customer(
                session.connection(),
                self._job.network_id,
                person.customer_id,
                limit=_SITES_TRIED,
            )
        client = self._job.client
        disturbed = False
        for domain, path in sites:
            try:
                url = site_url(client.endpoint.url, network=client.name, domain=domain, path=path)
                found = self._users.read([person.user_id], site=url)
            except _CONCERNS_ALL:
                raise
            except Fault as fault:  # foreign, closed or broken: another site of his may tell
                disturbed = disturbed or fault.transient
                continue
            if person.user_id in found:
                contact = _contact(found[person.user_id])
                self._keep([person.customer_id], {person.customer_id: contact})
                return
        if not disturbed:  # else he is asked for again
            self._keep([person.customer_id], {})

    def _keep(self, asked: Sequence[int], found: dict[int, Contact]) -> None:
        with self._session() as session, session.begin():
            saved = people.save_contacts(
                session.connection(),
                self._job.network_id,
                asked,
                found,
                now=self._job.clock(),
            )
        self._created += saved.created
        self._altered += saved.changed
        self._rows += len(asked)

    def _report(self, *, complete: bool = False) -> None:
        self._job.progress(PageDone(_NAME, page=0, rows=self._rows, total=None, complete=complete))

    def _session(self) -> Session:
        return Session(self._job.engine, expire_on_commit=False)


def _contact(user: WordPressUser) -> Contact:
    return Contact(email=user.email.lower(), locale=user.locale, display_name=user.display_name)
