"""Facts that nobody reports: renewals that come near, limits that fill up.

Looked for now and then. What was noted before is not noted again, so looking twice, or in
two processes, does no harm.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from sqlmodel import Session, col, or_, select

from bridge.domain.limit_use import LimitUse, limit_uses
from bridge.domain.notices import NoticeKind, limit_level
from bridge.notices.stories import FullLimit
from bridge.store.limits import EffectiveSite, effective_sites
from bridge.store.notices import NoticeRepository
from bridge.store.outgoing import iso
from bridge.store.tables import (
    Change,
    ChangeState,
    LimitMark,
    MembershipRecord,
    SiteRecord,
    StripeSeen,
)
from bridge.store.uses import KnownUses

_RUNNING: Final = ("active", "trialing")


def find_renewals(session: Session, network_id: int, *, now: datetime) -> int:
    """Note renewals that are so many days ahead as the network wants; how many were new.

    The caller commits.
    """
    repository = NoticeRepository(session)
    if not repository.is_on(network_id, NoticeKind.RENEWAL_AHEAD):
        return 0
    ahead = timedelta(days=repository.profile(network_id).renewal_days)
    found = 0
    for membership in _renewing(session, network_id, now=now, until=now + ahead):
        due_at = _due_at(session, membership)
        if due_at is None or not now < due_at <= now + ahead:
            continue
        change = _scheduled(session, membership)
        target = change.target if change else {}
        amount = int(target.get("amount", membership.amount))
        new_plan = target.get("plan_id")
        if amount <= 0:
            continue
        found += repository.note(
            network_id,
            NoticeKind.RENEWAL_AHEAD,
            f"{membership.id}:{due_at:%Y-%m-%d}",
            now=now,
            happened_at=due_at - ahead,
            membership_id=membership.id,
            facts={
                "amount": amount,
                "currency": membership.currency,
                "due_at": iso(due_at),
                "automatic": membership.auto_renew,
                "new_plan": new_plan if new_plan != membership.plan_id else None,
            },
            useless_after=due_at,
        )
    return found


def find_limits(session: Session, network_id: int, *, now: datetime) -> int:
    """Note limits that crossed a line since the last look; how many mails that makes.

    The first look after it was switched on only takes stock. The caller commits.
    """
    repository = NoticeRepository(session)
    switch = repository.switch_of(network_id, NoticeKind.LIMIT)
    if switch is None or not switch.is_on:
        return 0
    survey = _Survey(session, network_id, now=now, first=switch.surveyed_at is None)
    crossed: dict[int, list[_Crossing]] = {}
    for one in survey.crossings():
        crossed.setdefault(one.membership_id, []).append(one)
    for membership_id, crossings in crossed.items():
        repository.note(
            network_id,
            NoticeKind.LIMIT,
            f"{membership_id}:{now:%Y-%m}:{_digest(crossings)}",
            now=now,
            membership_id=membership_id,
            facts={"limits": [asdict(one.limit) for one in crossings]},
        )
    if switch.surveyed_at is None:
        switch.surveyed_at = now
        session.add(switch)
        session.flush()
    return len(crossed)


@dataclass(frozen=True, slots=True)
class _Crossing:
    membership_id: int
    key: tuple[str, int, str, str]
    level: int
    limit: FullLimit


class _Survey:
    """One look at all limits of a network; marks are moved on the way."""

    def __init__(self, session: Session, network_id: int, *, now: datetime, first: bool) -> None:
        self._session = session
        self._network_id = network_id
        self._now = now
        self._first = first
        self._uses = KnownUses(session, network_id)
        self._running = set(
            session.exec(
                select(MembershipRecord.id).where(
                    MembershipRecord.network_id == network_id,
                    col(MembershipRecord.status).in_(_RUNNING),
                )
            )
        )
        sites = session.exec(
            select(
                SiteRecord.id, SiteRecord.title, SiteRecord.membership_id, SiteRecord.domain
            ).where(SiteRecord.network_id == network_id)
        ).all()
        self._names = {key: title or domain for key, title, _, domain in sites}
        self._counts = Counter(membership for _, _, membership, _ in sites if membership)
        marks = session.exec(select(LimitMark).where(LimitMark.network_id == network_id))
        self._marks = {(one.owner, one.owner_id, one.module, one.item): one for one in marks}

    def crossings(self) -> Iterator[_Crossing]:
        """Limits that are fuller than they were, each once a month."""
        done: set[tuple[str, int, str, str]] = set()
        for site in effective_sites(self._session, self._network_id):
            if site.membership_id not in self._running:
                continue
            name = self._names.get(site.id, "")
            usage = self._uses.of(site.id, name=name)
            count = self._counts[site.membership_id]
            for use in limit_uses(site.limits, usage, site_count=count):
                key = _key(site, use)
                if key not in done and use.used is not None:
                    done.add(key)
                    level = limit_level(use)
                    if self._rises(key, level):
                        yield _Crossing(site.membership_id, key, level, _limit(key, use, name))
        self._session.flush()

    def _rises(self, key: tuple[str, int, str, str], level: int) -> bool:
        """Move the mark; True when it rises to a level not told this month."""
        mark = self._marks.get(key)
        before = mark.level if mark else 0
        if level == before:
            return False
        if mark is None:
            owner, owner_id, module, item = key
            mark = LimitMark(
                network_id=self._network_id,
                owner=owner,
                owner_id=owner_id,
                module=module,
                item=item,
                seen_at=self._now,
            )
        mark.level, mark.seen_at = level, self._now
        month = f"{self._now:%Y-%m}"
        rises = level > before and not self._first and mark.told.get(str(level)) != month
        if rises:
            mark.told = {**mark.told, str(level): month}
        self._session.add(mark)
        return rises


def _key(site: EffectiveSite, use: LimitUse) -> tuple[str, int, str, str]:
    if use.module == "sites":
        return "membership", site.membership_id, use.module, use.item
    return "site", site.id, use.module, use.item


def _limit(key: tuple[str, int, str, str], use: LimitUse, name: str) -> FullLimit:
    assert use.used is not None
    assert isinstance(use.allowed, int | float)
    site = name if key[0] == "site" else ""
    return FullLimit(site, use.module, use.item, use.used, use.allowed)


def _digest(crossings: list[_Crossing]) -> str:
    keys = sorted((*map(str, one.key), str(one.level)) for one in crossings)
    return hashlib.sha256(repr(keys).encode()).hexdigest()[:16]


def _renewing(
    session: Session, network_id: int, *, now: datetime, until: datetime
) -> list[MembershipRecord]:
    """Memberships that may be billed until then; a day more, as ends are those of the day."""
    late = until + timedelta(days=1)
    return list(
        session.exec(
            select(MembershipRecord)
            .where(
                MembershipRecord.network_id == network_id,
                col(MembershipRecord.status).in_(_RUNNING),
                col(MembershipRecord.recurring).is_(True),
                MembershipRecord.amount > 0,
                or_(
                    col(MembershipRecord.date_expiration).between(now, late),
                    col(MembershipRecord.date_trial_end).between(now, late),
                ),
            )
            .order_by(col(MembershipRecord.id))
        )
    )


def _due_at(session: Session, membership: MembershipRecord) -> datetime | None:
    """When it is billed next: as Stripe has it, else as the network does; None for never."""
    cycles = membership.billing_cycles
    if cycles and membership.times_billed >= cycles:
        return None
    if membership.gateway_subscription_id:
        seen = session.exec(
            select(StripeSeen).where(
                StripeSeen.network_id == membership.network_id,
                StripeSeen.id == membership.gateway_subscription_id,
                StripeSeen.kind == "subscription",
            )
        ).first()
        if seen is not None:
            facts = seen.facts
            if facts.get("ends_at_period_end") or facts.get("ended_at"):
                return None
            if facts.get("period_end"):
                return datetime.fromtimestamp(facts["period_end"], UTC)
    if membership.status == "trialing" and membership.date_trial_end is not None:
        return membership.date_trial_end
    return membership.date_expiration


def _scheduled(session: Session, membership: MembershipRecord) -> Change | None:
    """The change that waits for the end of the term, if there is one."""
    return session.exec(
        select(Change).where(
            Change.network_id == membership.network_id,
            Change.membership_id == membership.id,
            Change.state == ChangeState.SCHEDULED,
        )
    ).first()
