"""One site: what it is to show, what the network shows, and whether that is the same."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime

from sqlalchemy import Engine
from sqlmodel import Session

from bridge.domain.limit_diff import differences
from bridge.domain.limits import has_limits
from bridge.network.client import NetworkClient
from bridge.network.entities import Entity
from bridge.network.records import SiteRow
from bridge.store.changes import ChangeRepository
from bridge.store.tables import ChangeState, MembershipRecord
from bridge.upgrades.expected import KnownRows
from sync.causes import Causes, Memory
from sync.judged import Judged, Verdict
from sync.reread import reread


@dataclass(frozen=True, slots=True, kw_only=True)
class Judge:
    """Compares sites of one network, each read from it; the mirror follows what is read."""

    engine: Engine
    network_id: int
    client: NetworkClient
    clock: Callable[[], datetime]
    rows: KnownRows
    memory: Memory = field(default_factory=Memory)

    def judge(self, site_id: int) -> Judged:
        """Read a site and compare its limits with the computed ones; where they differ, find
        out why.

        Raises:
            Fault: the network did not answer, or with a row that cannot be read.
        """
        judged = self.look(site_id)
        if judged.verdict is not Verdict.DIFFERENT:
            return judged
        causes = Causes(
            engine=self.engine,
            network_id=self.network_id,
            client=self.client,
            clock=self.clock,
            rows=self.rows,
            look=self.look,
            memory=self.memory,
        )
        overrides, note, owners = causes.of(judged)
        return replace(judged, overrides=overrides, note=note, owners=owners)

    def look(self, site_id: int) -> Judged:
        """Read a site and compare its limits with the computed ones.

        Before a difference is believed its membership is read as well: the mirror may only
        be behind.

        Raises:
            Fault: the network did not answer, or with a row that cannot be read.
        """
        site = self._reread(Entity.SITE, site_id)
        if site is None:
            return Judged(site_id, Verdict.GONE, f"Site {site_id} was deleted on the network.")
        assert isinstance(site, SiteRow)
        if site.type and not has_limits(site.type):
            return Judged(site_id, Verdict.EQUAL)
        if site.effective_limits is None and site.membership_id is None:
            return Judged(site_id, Verdict.UNPROVEN, _HIDDEN)
        membership = self._membership(site)
        if membership is not None:
            judged = self._compare(site, membership)
            if judged.verdict is not Verdict.DIFFERENT:
                return judged
        return self._believe(site, membership)

    def _believe(self, site: SiteRow, known: MembershipRecord | None) -> Judged:
        """The same with the membership as the network has it now."""
        membership_id = known.id if known else site.membership_id
        if not membership_id:
            return Judged(site.id, Verdict.EQUAL)
        if self._reread(Entity.MEMBERSHIP, membership_id) is None:
            note = f"Membership {membership_id} was deleted; its site {site.id} has no limits left."
            return Judged(site.id, Verdict.GONE, note, membership_id)
        with self._session() as session:
            membership = session.get_one(MembershipRecord, (self.network_id, membership_id))
            under_way = ChangeRepository(session).open_of(self.network_id, membership_id)
        if under_way is not None and under_way.state in _WRITING:
            return Judged(site.id, Verdict.UNPROVEN, _UNDER_WAY, membership_id)
        return self._compare(site, membership)

    def _compare(self, site: SiteRow, membership: MembershipRecord) -> Judged:
        addons = {int(product): count for product, count in membership.addons.items()}
        expected = self.rows.expected(
            membership_id=membership.id, plan_id=membership.plan_id, addons=addons
        )
        if expected.products is None:
            note = f"The limits of {', '.join(expected.unknown)} are unknown{_MAKE_KNOWN}"
            return Judged(site.id, Verdict.UNPROVEN, note, membership.id)
        wanted, shown = expected.on(site.id), dict(site.effective_limits or {})
        found = differences(wanted, shown)
        return Judged(
            site.id,
            Verdict.DIFFERENT if found else Verdict.EQUAL,
            membership_id=membership.id,
            products={membership.plan_id: 1, **addons},
            expected=wanted,
            shown=shown,
            differences=tuple(one.sentence for one in found),
        )

    def _membership(self, site: SiteRow) -> MembershipRecord | None:
        with self._session() as session:
            known = site.membership_id or None
            return session.get(MembershipRecord, (self.network_id, known)) if known else None

    def _reread(self, entity: Entity, row_id: int) -> object:
        return reread(
            self.engine,
            self.network_id,
            self.client,
            entity=entity,
            row_id=row_id,
            clock=self.clock,
        )

    def _session(self) -> Session:
        return Session(self.engine, expire_on_commit=False)


_MAKE_KNOWN = ": `planbridge catalogue learn` or `import` makes them known."
_WRITING = (
    ChangeState.ACCEPTED,
    ChangeState.APPLYING,
    ChangeState.PROVING,
    ChangeState.ATTENTION,
)
_HIDDEN = "The network does not show the limits in force."
_UNDER_WAY = "A change is under way."
