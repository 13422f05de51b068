"""A sync of a network: its terms, then every entity in turn, whole or what changed of it."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import Engine
from sqlmodel import Session

from bridge.errors import NetworkError
from bridge.network.capabilities import Capabilities
from bridge.network.client import NetworkClient
from bridge.network.entities import Entity
from bridge.network.faults import (
    BadCredentials,
    Maintenance,
    NotWordPress,
    RateLimited,
    Redirected,
    TlsFailed,
    Unreachable,
)
from bridge.network.users import UsersHidden
from bridge.store import due, passes
from bridge.store.engine import hasty
from bridge.store.limits import shows_effective
from bridge.store.locks import exclusive
from bridge.store.networks import id_of, mark_synced, network_terms, save_capabilities, save_terms
from bridge.store.owners import site_ids_of
from bridge.store.people import owners_without_email
from bridge.store.readers import product_currencies, product_names
from bridge.store.tables import Network, SyncPass
from sync.contacts import ContactPass
from sync.entity_pass import EntityPass
from sync.incremental_pass import IncrementalPass, can_follow
from sync.job import Job
from sync.owners import resolve_owners
from sync.results import EntityResult, PageDone, Progress, SyncResult
from sync.settings import terms_from_products, terms_from_settings

ENTITIES: Final[tuple[Entity, ...]] = (
    Entity.PRODUCT,
    Entity.CUSTOMER,
    Entity.MEMBERSHIP,
    Entity.SITE,
    Entity.DISCOUNT_CODE,
    Entity.PAYMENT,
    Entity.DOMAIN,
)
"""Everything that is mirrored, what others point at first."""

CHECKED_FOR: Final = timedelta(days=1)
"""An incremental sync believes so long what was found out about a network."""

JUST_CHECKED: Final = timedelta(minutes=10)
"""A whole sync does so only right after `network add` or `network check`."""

DUE_AT_ONCE: Final = 1000
"""So many sites an incremental pass reads again for the sake of changed products; the others are
left to the next ones. Ten requests: a few percent of a full pass over as many sites."""

# After these no other entity will fare better.
_ENDS_THE_RUN = (
    BadCredentials,
    Maintenance,
    NotWordPress,
    RateLimited,
    Redirected,
    TlsFailed,
    Unreachable,
)


def _silently(_done: PageDone) -> None:
    """No progress is shown."""


def run(
    engine: Engine,
    network: Network,
    client: NetworkClient,
    *,
    clock: Callable[[], datetime],
    entities: Sequence[Entity] = ENTITIES,
    incremental: bool = False,
    put_off_whole: bool = False,
    progress: Progress = _silently,
) -> SyncResult:
    """Bring the mirror of a network up to date, going on where an interrupted run stopped.

    ``incremental`` takes what changed since the last pass over each entity; one whose
    changes cannot be told, or that was never read to its end, is read as a whole, unless
    ``put_off_whole`` leaves that to another sync. It does
    not see two things, which a whole sync does: a site or customer altered on a network
    that keeps no feed of it, and one row removed while another came unnoticed.

    A fault of one entity does not keep the others from being read; all faults are in the
    result. ``progress`` is called after each page has been committed.

    Raises:
        NetworkError: the network cannot be used at all; nothing was touched.
        Locked: another sync of this network is under way.
        StoreError: the database is unreachable, or another process took over.
    """
    network_id = id_of(network)
    with (
        exclusive(engine, f"sync-{network_id}", what=f"A sync of {network.name}"),
        hasty(engine) as mirror,
    ):
        known = _known(
            engine, network_id, now=clock(), within=CHECKED_FOR if incremental else JUST_CHECKED
        )
        if incremental and known is not None:
            capabilities, currency_told = known, True
        else:
            capabilities, currency_told = _find_out(
                engine, network_id, client, clock=clock, known=known
            )
        job = Job(
            engine=mirror,  # a page that is lost is read again
            network_id=network_id,
            client=client,
            clock=clock,
            progress=progress,
            limits_shown=bool(capabilities.effective_limits),
            clock_skew=capabilities.clock_skew or 0,
        )
        return _Run(job, network.name, capabilities).over(
            [entity for entity in ENTITIES if entity in entities],
            incremental=incremental and capabilities.modified_since is not False,
            currency_told=currency_told,
            put_off_whole=incremental and put_off_whole,
        )


def _known(
    engine: Engine, network_id: int, *, now: datetime, within: timedelta
) -> Capabilities | None:
    """What was found out about the network not long ago."""
    with Session(engine) as session:
        network = session.get_one(Network, network_id)
        if network.checked_at is None or now - network.checked_at > within:
            return None
        return Capabilities.from_json(network.capabilities)


def _find_out(
    engine: Engine,
    network_id: int,
    client: NetworkClient,
    *,
    clock: Callable[[], datetime],
    known: Capabilities | None,
) -> tuple[Capabilities, bool]:
    """What the network can do, and whether its settings tell the currency; both kept."""
    if known is None:
        capabilities = client.probe()
    else:
        client.greet()
        capabilities = known
    settings = (client.settings() if capabilities.settings else None) or {}
    with Session(engine) as session, session.begin():
        network = session.get_one(Network, network_id)
        if shows_effective(session, network_id):
            # The sites that the probe looks at may be those without a membership.
            capabilities = replace(capabilities, effective_limits=True)
        if known is None:
            save_capabilities(session, network, capabilities.as_json(), now=clock())
        save_terms(session, network, terms_from_settings(settings, network_terms(network)))
    return capabilities, "currency_symbol" in settings


class _Run:
    """The passes of one run, and what came of them."""

    def __init__(self, job: Job, name: str, capabilities: Capabilities) -> None:
        self._job = job
        self._name = name
        self._capabilities = capabilities
        self._results: list[EntityResult] = []
        self._faults: list[NetworkError] = []
        self._notes: list[str] = []
        self._id = uuid.uuid4().hex
        self._changed: dict[Entity, frozenset[int]] = {}

    def over(
        self,
        entities: Sequence[Entity],
        *,
        incremental: bool,
        currency_told: bool,
        put_off_whole: bool,
    ) -> SyncResult:
        """Everything in turn; ``incremental`` where that is possible."""
        follow = self._followed(entities) if incremental else {}
        whole = [entity for entity in entities if entity not in follow]
        if whole and put_off_whole:
            self._notes.append(f"Left to the night, to be read whole: {', '.join(whole)}.")
            entities, whole = [entity for entity in entities if entity in follow], []
        opened = self._open(whole) if whole else None
        for entity in entities:
            if entity in follow:
                goes_on = self._follow(entity, follow[entity])
            else:
                assert opened is not None
                goes_on = self._pass_over(entity, opened)
            if not goes_on:
                break
            if entity is Entity.PRODUCT and not currency_told:
                self._take_currency()
            if entity is Entity.SITE:
                self._resolve_owners()
        else:
            if Entity.CUSTOMER in entities:
                self._read_contacts(everybody=Entity.CUSTOMER in whole)
        result = SyncResult(
            network=self._name,
            entities=tuple(self._results),
            notes=tuple(self._notes),
            faults=tuple(self._faults),
        )
        if result.complete and len(entities) == len(ENTITIES):
            with self._session() as session, session.begin():
                network = session.get_one(Network, self._job.network_id)
                mark_synced(session, network, now=self._job.clock())
        return result

    def _followed(self, entities: Sequence[Entity]) -> dict[Entity, datetime]:
        """The entities whose changes can be told, with when each was last looked at."""
        now = self._job.clock()
        with self._session() as session:
            last = passes.last_complete(session, self._job.network_id)
        return {
            entity: last[entity]
            for entity in entities
            if can_follow(entity, last.get(entity), now=now)
        }

    def _follow(self, entity: Entity, last: datetime) -> bool:
        """An incremental pass; False when no other entity is worth trying."""
        also, portion = self._due_sites() if entity is Entity.SITE else ((), None)
        one = IncrementalPass(self._job, entity, run_id=self._id, last=last, also=also)
        try:
            self._results.append(one.run())
            if portion is not None:
                self._settle(portion)
        except NetworkError as fault:
            self._results.append(one.result(error=str(fault)))
            return self._goes_on_after(fault)
        finally:
            self._changed[entity] = one.changed
        return True

    def _due_sites(self) -> tuple[Sequence[int], due.Portion | None]:
        """Sites to read whatever else is found: their limits follow from what has changed."""
        if not self._job.limits_shown:
            return (), None
        memberships = sorted(self._changed.get(Entity.MEMBERSHIP, ()))
        with self._session() as session:
            sites = site_ids_of(session, self._job.network_id, memberships)
            portion = due.portion(session.connection(), self._job.network_id, most=DUE_AT_ONCE)
        return sorted({*sites, *portion.sites}), portion

    def _settle(self, portion: due.Portion) -> None:
        with self._session() as session, session.begin():
            due.settle(session.connection(), self._job.network_id, portion)
            names = product_names(session, self._job.network_id, portion.products)
        if not portion.last:
            self._notes.append(
                f"Saved on the network: {', '.join(names)}. {len(portion.sites)} sites were read "
                "again, since their limits follow from it; more of them are left to the next "
                "incremental syncs, or to a whole one."
            )

    def _open(self, entities: Sequence[Entity]) -> passes.OpenRun:
        with self._session() as session, session.begin():
            return passes.open_run(
                session,
                self._job.network_id,
                entities,
                new_id=self._id,
                now=self._job.clock(),
            )

    def _pass_over(self, entity: Entity, opened: passes.OpenRun) -> bool:
        """A pass over everything; False when no other entity is worth trying."""
        begun = opened.pass_of(entity)
        if begun is not None and begun.state == passes.COMPLETE:
            self._results.append(_ended(begun))
            return True
        if begun is None:
            with self._session() as session, session.begin():
                begun = passes.begin_pass(
                    session,
                    self._job.network_id,
                    entity,
                    run_id=opened.id,
                    now=self._job.clock(),
                )
        one = EntityPass(self._job, entity, begun)
        try:
            self._results.append(one.run())
        except NetworkError as fault:
            goes_on = self._goes_on_after(fault)
            self._results.append(one.stopped(fault, alone=goes_on))
            return goes_on
        return True

    def _goes_on_after(self, fault: NetworkError) -> bool:
        self._faults.append(fault)
        return not isinstance(fault, _ENDS_THE_RUN)

    def _take_currency(self) -> None:
        with self._session() as session, session.begin():
            network = session.get_one(Network, self._job.network_id)
            save_terms(
                session,
                network,
                terms_from_products(
                    product_currencies(session, self._job.network_id), network_terms(network)
                ),
            )

    def _resolve_owners(self) -> None:
        try:
            note = resolve_owners(self._job, self._capabilities)
        except NetworkError as fault:
            self._faults.append(fault)
        else:
            self._notes.extend([note] if note else [])

    def _read_contacts(self, *, everybody: bool) -> None:
        """How customers are reached, where somebody is on record who may ask WordPress."""
        users = self._job.client.users
        if users is None:
            return
        sites = sorted(self._changed.get(Entity.SITE, ()))
        with self._session() as session:
            owners = owners_without_email(session.connection(), self._job.network_id, sites)
        changed = self._changed.get(Entity.CUSTOMER, frozenset()).union(owners)
        one = ContactPass(self._job, users, everybody=everybody, changed=sorted(changed))
        try:
            self._results.append(one.run())
        except UsersHidden as lasting:
            self._notes.append(f"{lasting} E-mail addresses stay as they are.")
        except NetworkError as fault:
            self._results.append(one.result(error=str(fault)))
            self._goes_on_after(fault)

    def _session(self) -> Session:
        return Session(self._job.engine, expire_on_commit=False)


def _ended(found: SyncPass) -> EntityResult:
    """The result of an entity that the interrupted run had brought to its end."""
    return EntityResult(
        entity=found.entity,
        rows=found.rows,
        created=found.created,
        changed=found.changed,
        removed=found.removed,
        repeated=False,
    )
