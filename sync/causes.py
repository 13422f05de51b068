"""Finding out why a site differs: a few other sites and its products are read for it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import Engine
from sqlmodel import Session

from bridge.domain.limit_diff import differences, subject
from bridge.domain.limit_overrides import SITE, suspected_overrides
from bridge.network.client import NetworkClient
from bridge.network.entities import Entity
from bridge.store.witnesses import sites_beside, sites_with
from bridge.upgrades.expected import KnownRows
from sync.attribution import Cause, Evidence, Leaf, attribute
from sync.judged import OF_ONE_SITE, Judged, Verdict
from sync.reread import reread
from sync.saved import Saved, saved

BELIEVED_FOR: Final = timedelta(minutes=10)
"""So long holds what another site or a product showed."""

_WITNESSES = 3
_SIBLINGS = 2


@dataclass(slots=True)
class Memory:
    """What other sites and products showed lately."""

    sites: dict[int, tuple[datetime, Judged]] = field(default_factory=dict)
    products: dict[int, tuple[datetime, Saved]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Causes:
    """Tells why sites of one network differ. ``look`` reads and compares one of them."""

    engine: Engine
    network_id: int
    client: NetworkClient
    clock: Callable[[], datetime]
    rows: KnownRows
    look: Callable[[int], Judged]
    memory: Memory

    def of(self, judged: Judged) -> tuple[tuple[str, ...], str, frozenset[str]]:
        """Sentences about overrides, some about products, and whose the overrides seem to be.

        Raises:
            Fault: the network wants to be left alone, or is not there.
        """
        causes = attribute(
            _evidence(judged),
            others=[_evidence(other) for other in self._others(judged)],
            siblings=[_evidence(sibling) for sibling in self._siblings(judged)],
            saved=self,
        )
        # A known row of the site decides over that of its membership (domain/limits.md §3.2).
        own = self.rows.sites.get(judged.site_id, {})
        owners = {
            leaf: SITE if leaf[0] in own else cause.owner
            for leaf, cause in causes.items()
            if cause.owner
        }
        found = suspected_overrides(judged.expected, judged.shown, owners)
        return (
            tuple(one.sentence for one in found),
            self._changed_products(causes),
            frozenset(owners.values()),
        )

    def since(self, product_id: int) -> bool:
        """Whether a product was saved after its limits were taken into the catalogue."""
        return self._saved(product_id).since

    def never_since(self, product_id: int) -> bool:
        """Whether its limits were learned and it was not saved after that."""
        return self._saved(product_id).never_since

    def _changed_products(self, causes: Mapping[Leaf, Cause]) -> str:
        concerned: dict[tuple[int, ...], list[str]] = {}
        for (module, path), cause in causes.items():
            if cause.products:
                concerned.setdefault(cause.products, []).append(subject(module, path))
        return " ".join(
            self._sentence(products, dict.fromkeys(subjects))
            for products, subjects in concerned.items()
        )

    def _sentence(self, products: tuple[int, ...], subjects: Iterable[str]) -> str:
        names = [self.rows.name(each) for each in products]
        what, name = ", ".join(subjects), self.client.name
        changed = len(products) == 1 and self.since(products[0])
        told = (
            f"The limits of {names[0]} seem to have changed on the network ({what}): it was saved "
            f"there at {_moment(self._saved(products[0]).on_network)}, after they were taken "
            f"into the catalogue ({self._saved(products[0]).source}, "
            f"{_moment(self._saved(products[0]).taken)})."
            if changed
            else f"The limits of {' or '.join(names)} on the network are not those of the "
            f"catalogue ({what}): other sites that have it differ in the same way."
        )
        return (
            f"{told} `planbridge catalogue learn {name}` takes the network's, "
            f"`planbridge catalogue push {name}` restores the catalogue's."
        )

    def _others(self, judged: Judged) -> Iterator[Judged]:
        plan = next(iter(judged.products), 0)
        read: set[int] = set()
        for product_id in judged.products:
            with Session(self.engine) as session:
                candidates = sites_with(
                    session.connection(),
                    self.network_id,
                    product_id,
                    plan_id=plan,
                    besides=judged.membership_id or 0,
                )
            found = [
                site
                for site, membership in candidates
                if site not in self.rows.sites and membership not in self.rows.memberships
            ]
            for site in found[:_WITNESSES]:
                if site not in read and (other := self._witness(site)) is not None:
                    yield other
                read.add(site)

    def _siblings(self, judged: Judged) -> Iterator[Judged]:
        with Session(self.engine) as session:
            candidates = sites_beside(
                session.connection(),
                self.network_id,
                judged.membership_id or 0,
                site_id=judged.site_id,
            )
        for site in [each for each in candidates if each not in self.rows.sites][:_SIBLINGS]:
            if (sibling := self._compared(site)) is not None:
                yield sibling

    def _witness(self, site_id: int) -> Judged | None:
        now = self.clock()
        known = self.memory.sites.get(site_id)
        if known is not None and now - known[0] <= BELIEVED_FOR:
            return known[1]
        found = self._compared(site_id)
        if found is not None:
            self.memory.sites[site_id] = now, found
        return found

    def _compared(self, site_id: int) -> Judged | None:
        """What a site shows; None where it tells nothing."""
        try:
            found = self.look(site_id)
        except OF_ONE_SITE:
            return None
        told = found.verdict in (Verdict.EQUAL, Verdict.DIFFERENT) and found.products
        return found if told else None

    def _saved(self, product_id: int) -> Saved:
        now = self.clock()
        known = self.memory.products.get(product_id)
        if known is None or now - known[0] > BELIEVED_FOR:
            known = self.memory.products[product_id] = now, self._read_saved(product_id)
        return known[1]

    def _read_saved(self, product_id: int) -> Saved:
        with suppress(*OF_ONE_SITE):
            reread(
                self.engine,
                self.network_id,
                self.client,
                entity=Entity.PRODUCT,
                row_id=product_id,
                clock=self.clock,
            )
        with Session(self.engine) as session:
            return saved(session, self.network_id, product_id)


def _evidence(judged: Judged) -> Evidence:
    found = differences(judged.expected, judged.shown)
    return Evidence(judged.products, {(one.module, one.path): one for one in found})


def _moment(when: datetime | None) -> str:
    return f"{when:%Y-%m-%d %H:%M} UTC" if when else "an unknown time"
