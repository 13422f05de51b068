"""From a notice to its story: what is on record now of the fact it was written for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

import orjson
from sqlmodel import Session, select

from bridge.domain.ladder import Ladder
from bridge.domain.limit_modules import Kind, Special, allowance, items, module_of
from bridge.domain.notices import NoticeKind
from bridge.errors import Conflict
from bridge.notices.stories import (
    ChangeDone,
    FullLimit,
    LimitBeside,
    LimitsFull,
    PaymentFailed,
    RenewalAhead,
    SignIn,
    SiteBeside,
    Story,
)
from bridge.store.changes import ChangeRepository
from bridge.store.readers import load_membership
from bridge.store.seals import Seal
from bridge.store.tables import ChangeState, Notice, ProductRecord, SiteRecord, StripeSeen

_PROOF = "proof"  # the step that read the sites back


class NoUse(Conflict):
    """There is nothing to send: {why}."""

    @property
    def why(self) -> str:
        """The reason alone."""
        return str(self.fields["why"])


def story_of(session: Session, notice: Notice, *, ladder: Ladder, seal: Seal) -> Story:
    """What a notice tells.

    Raises:
        NoUse: it is not so any more.
        PlanbridgeError: what it is about cannot be read.
    """
    match notice.kind:
        case NoticeKind.CHANGE_DONE:
            return _change_done(session, notice)
        case NoticeKind.PAYMENT_FAILED:
            return _payment_failed(session, notice, ladder)
        case NoticeKind.LIMIT:
            return _limits_full(notice)
        case NoticeKind.RENEWAL_AHEAD:
            return _renewal_ahead(session, notice)
        case NoticeKind.SIGN_IN:
            return _sign_in(notice, seal)


def _change_done(session: Session, notice: Notice) -> ChangeDone:
    changes = ChangeRepository(session)
    change = changes.get(notice.subject)
    membership = load_membership(session, notice.network_id, change.membership_id)
    names = product_names(session, notice.network_id)
    step = changes.step(change.id, _PROOF)
    reports: Mapping[str, Any] = step.detail.get("sites", {}) if step else {}
    addons = (
        name if count == 1 else f"{count} × {name}"
        for product, count in membership.addons.items()
        for name in [names.get(product, f"#{product}")]
    )
    return ChangeDone(
        plan=names.get(membership.plan_id, f"#{membership.plan_id}"),
        addons=tuple(addons),
        amount=membership.amount,
        currency=membership.currency,
        period=membership.period,
        recurring=membership.recurring,
        next_billing=membership.date_expiration if membership.bills_again else None,
        proven=change.state is ChangeState.PROVEN,
        sites=tuple(_sites(session, notice.network_id, reports)),
    )


def _sites(session: Session, network_id: int, reports: Mapping[str, Any]) -> Iterator[SiteBeside]:
    for key, report in reports.items():
        site = session.get(SiteRecord, (network_id, int(key)))
        address = f"{site.domain}{site.path}".rstrip("/") if site else f"#{key}"
        limits = tuple(_beside(report.get("before"), report["after"]))
        yield SiteBeside(report.get("title") or "", address, limits)


def _beside(before: Mapping[str, Any] | None, after: Mapping[str, Any]) -> Iterator[LimitBeside]:
    """Limits that count something, unless they are and were unlimited."""
    for module, entry in after.items():
        kind = module_of(module).kind
        if kind not in (Kind.COUNT, Kind.SUBTYPES):
            continue
        older = None if before is None else before.get(module)
        for item in items(entry) if kind is Kind.SUBTYPES else ("",):
            now = allowance(module, entry, item)
            then = None if before is None else allowance(module, older, item)
            if not isinstance(now, Special) or then not in (None, now):
                yield LimitBeside(module, item, then, now)


def _payment_failed(session: Session, notice: Notice, ladder: Ladder) -> PaymentFailed:
    facts = notice.facts
    seen = session.exec(
        select(StripeSeen).where(
            StripeSeen.network_id == notice.network_id, StripeSeen.id == notice.subject
        )
    ).first()
    if seen is not None and seen.facts.get("status") != "open":
        raise NoUse(why=f"invoice {notice.subject} is {seen.facts.get('status')} by now")
    membership = load_membership(session, notice.network_id, notice.membership_id or 0)
    due_since = datetime.fromisoformat(facts["due_since"])
    held_at, expires_at = ladder.ends(due_since)
    return PaymentFailed(
        plan=_plan(session, notice, membership.plan_id),
        amount=facts["amount"],
        currency=facts["currency"],
        due_since=due_since,
        held_at=held_at,
        expires_at=expires_at,
    )


def _limits_full(notice: Notice) -> LimitsFull:
    return LimitsFull(
        tuple(
            FullLimit(one["site"], one["module"], one["item"], one["used"], one["allowed"])
            for one in notice.facts["limits"]
        )
    )


def _renewal_ahead(session: Session, notice: Notice) -> RenewalAhead:
    facts = notice.facts
    membership = load_membership(session, notice.network_id, notice.membership_id or 0)
    if not membership.bills_again or membership.status.value not in ("active", "trialing"):
        raise NoUse(why=f"the membership is {membership.status.value} and does not renew")
    new_plan = facts.get("new_plan")
    return RenewalAhead(
        plan=_plan(session, notice, membership.plan_id),
        amount=facts["amount"],
        currency=facts["currency"],
        due_at=datetime.fromisoformat(facts["due_at"]),
        automatic=facts["automatic"],
        new_plan=_plan(session, notice, new_plan) if new_plan else "",
    )


def _sign_in(notice: Notice, seal: Seal) -> SignIn:
    if not notice.sealed:
        raise NoUse(why="the link is gone")
    sealed = orjson.loads(seal.open(notice.sealed))
    return SignIn(sealed["url"], notice.facts["minutes"])


def product_names(session: Session, network_id: int) -> dict[int, str]:
    """Every product's name by its id."""
    rows = session.exec(
        select(ProductRecord.id, ProductRecord.name).where(ProductRecord.network_id == network_id)
    )
    return dict(iter(rows))


def _plan(session: Session, notice: Notice, plan_id: int) -> str:
    return product_names(session, notice.network_id).get(plan_id, f"#{plan_id}")
