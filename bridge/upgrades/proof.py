"""Proof: every site read back from the network, its limits equal to the computed ones."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bridge.domain.limit_diff import differences
from bridge.domain.limit_overrides import hiding_overrides
from bridge.domain.limits import has_limits
from bridge.network.client import NetworkClient
from bridge.network.entities import Entity
from bridge.network.records import SiteRow
from bridge.store.changes import ChangeRepository
from bridge.store.limits import EFFECTIVE, LimitsOwner, save_limits
from bridge.store.tables import ChangeState
from bridge.upgrades.apply import find_sites
from bridge.upgrades.expected import Expected, KnownRows
from bridge.upgrades.job import Job, read_membership
from bridge.upgrades.outcomes import BEFORE, CHECK, Again, Done, Outcome
from bridge.upgrades.target import has_products


def prove(job: Job) -> Outcome:
    """Read membership and sites back and compare; equal on all of them is proof."""
    membership = read_membership(job).to_domain()
    if not has_products(job.change.target, membership):
        return Again(
            f"Membership {membership.id} shows plan {membership.plan_id} and add-ons "
            f"{dict(membership.addons)}: somebody has changed it there. "
            "Put it right on the network, then retry.",
            stuck=True,
        )
    expected = _expected(job)
    sites = [_reread(job, found) for found in find_sites(job)]
    before = _shown_before(job)
    reports = {
        str(site.id): {"before": before.get(str(site.id)), **_report(site, expected)}
        for site in sites
    }
    _keep_shown(job, sites)
    detail = {"sites": reports}
    if not sites:
        return Done(detail, ChangeState.PROVEN, "The membership was read back; it has no sites.")
    if hidden := [site for site in sites if not _shows_limits(site)]:
        return Done(detail, ChangeState.APPLIED, _limits_hidden(hidden))
    if expected.unknown:
        return Done(detail, ChangeState.APPLIED, _limits_unknown(expected, job.client))
    wrong = [
        _told(site, reports[str(site.id)]) for site in sites if reports[str(site.id)]["differences"]
    ]
    if wrong:
        return Again(" ".join(wrong), detail)
    return Done(detail, ChangeState.PROVEN, _proven(len(sites)))


def _expected(job: Job) -> Expected:
    target = job.change.target
    with job.session() as session:
        rows = KnownRows.load(session, job.change.network_id)
    return rows.expected(
        membership_id=job.change.membership_id,
        plan_id=target["plan_id"],
        addons={int(product): count for product, count in target["addons"].items()},
    )


def _report(site: SiteRow, expected: Expected) -> dict[str, Any]:
    """What a site shows, and in which sentences it differs from what is expected."""
    shown = dict(site.effective_limits or {})
    report: dict[str, Any] = {
        "title": site.title,
        "after": shown,
        "differences": [],
        "overrides": [],
    }
    if expected.products is None or not _shows_limits(site) or not _limited(site):
        return report
    own = expected.sites.get(site.id)
    hiding = hiding_overrides(
        planned=expected.products,
        membership=expected.membership,
        site=own,
        current=expected.products,
        shown=shown,
    )
    report["differences"] = [
        difference.sentence for difference in differences(expected.on(site.id), shown)
    ]
    report["overrides"] = [one.sentence for one in hiding]
    return report


def _reread(job: Job, found: SiteRow) -> SiteRow:
    site = job.client.get(Entity.SITE, found.id)
    assert isinstance(site, SiteRow)
    return site


def _keep_shown(job: Job, sites: list[SiteRow]) -> None:
    shown = {
        LimitsOwner("site", site.id): site.effective_limits
        for site in sites
        if site.effective_limits is not None
    }
    if not shown:
        return
    with job.session() as session, session.begin():
        save_limits(
            session,
            job.change.network_id,
            shown,
            kind=EFFECTIVE,
            source="read",
            now=job.clock(),
        )


def _shown_before(job: Job) -> dict[str, Any]:
    with job.session() as session:
        step = ChangeRepository(session).step(job.change.id, CHECK)
    return dict(step.detail.get(BEFORE, {})) if step else {}


def _told(site: SiteRow, report: Mapping[str, Any]) -> str:
    sentence = f"Site {site.id} ({site.title}): {'; '.join(report['differences'])}."
    if report["overrides"]:
        sentence += " An override of the membership or the site seems to hide the new products."
    return sentence


def _shows_limits(site: SiteRow) -> bool:
    """Up to 2.4.12 a site tells neither its membership nor its limits (live-findings.md §2.1)."""
    return site.effective_limits is not None or site.membership_id is not None


def _limited(site: SiteRow) -> bool:
    return not site.type or has_limits(site.type)


def _limits_unknown(expected: Expected, client: NetworkClient) -> str:
    named = ", ".join(expected.unknown)
    return (
        f"The membership is written. There is no proof, since the limits of {named} are "
        f"unknown: `planbridge catalogue import {client.name} FILE` or `planbridge catalogue "
        f"learn {client.name}`, then retry."
    )


def _limits_hidden(hidden: list[SiteRow]) -> str:
    named = ", ".join(str(site.id) for site in hidden)
    return (
        f"The membership is written. There is no proof, since this network does not show the "
        f"limits in force on its sites ({named}): a release after 2.4.12 or the companion "
        "plugin would."
    )


def _proven(count: int) -> str:
    sites = "Its site was" if count == 1 else f"All {count} sites were"
    return f"{sites} read back with the new limits."
