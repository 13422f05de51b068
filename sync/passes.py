"""A full sync of a network: its terms, then every entity in turn."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime
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
from bridge.store import passes
from bridge.store.limits import shows_effective
from bridge.store.locks import exclusive
from bridge.store.networks import id_of, mark_synced, network_terms, save_capabilities, save_terms
from bridge.store.readers import product_currencies
from bridge.store.tables import Network, SyncPass
from sync.entity_pass import EntityPass, Job
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
    progress: Progress = _silently,
) -> SyncResult:
    """Bring the mirror of a network up to date, going on where an interrupted run stopped.

    A fault of one entity does not keep the others from being read; all faults are in the
    result. ``progress`` is called after each page has been committed.

    Raises:
        NetworkError: the network cannot be used at all; nothing was touched.
        Locked: another sync of this network is under way.
        StoreError: the database is unreachable, or another process took over.
    """
    network_id = id_of(network)
    with exclusive(engine, f"sync-{network_id}", what=f"A sync of {network.name}"):
        capabilities = client.probe()
        settings = client.settings() if capabilities.settings else None
        with Session(engine) as session, session.begin():
            stored = session.get_one(Network, network_id)
            if shows_effective(session, network_id):
                # The probe looks at one site, whose membership may have been deleted.
                capabilities = replace(capabilities, effective_limits=True)
            save_capabilities(session, stored, capabilities.as_json(), now=clock())
            save_terms(session, stored, terms_from_settings(settings or {}, network_terms(stored)))
        job = Job(
            engine=engine,
            network_id=network_id,
            client=client,
            clock=clock,
            progress=progress,
            limits_shown=bool(capabilities.effective_limits),
        )
        return _Run(job, network.name, capabilities).over(
            [entity for entity in ENTITIES if entity in entities],
            currency_told="currency_symbol" in (settings or {}),
        )


class _Run:
    """The passes of one run, and what came of them."""

    def __init__(self, job: Job, name: str, capabilities: Capabilities) -> None:
        self._job = job
        self._name = name
        self._capabilities = capabilities
        self._results: list[EntityResult] = []
        self._faults: list[NetworkError] = []
        self._notes: list[str] = []

    def over(self, entities: Sequence[Entity], *, currency_told: bool) -> SyncResult:
        with self._session() as session, session.begin():
            opened = passes.open_run(
                session,
                self._job.network_id,
                entities,
                new_id=uuid.uuid4().hex,
                now=self._job.clock(),
            )
            ended = {
                entity: _ended(begun)
                for entity, begun in opened.passes.items()
                if begun.state == passes.COMPLETE
            }
        for entity in entities:
            if entity in ended:
                self._results.append(ended[entity])
            elif not self._pass_over(entity, opened):
                break
            if entity is Entity.PRODUCT and not currency_told:
                self._take_currency()
            if entity is Entity.SITE:
                self._resolve_owners()
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

    def _pass_over(self, entity: Entity, opened: passes.OpenRun) -> bool:
        """False when no other entity is worth trying."""
        begun = opened.pass_of(entity)
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
            goes_on = not isinstance(fault, _ENDS_THE_RUN)
            self._results.append(one.stopped(fault, alone=goes_on))
            self._faults.append(fault)
            return goes_on
        return True

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
