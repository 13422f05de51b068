"""Taking what a site shows for what was sold: its override becomes a known one.

Not every limit changed by hand is a mistake; a support agent may have given more. The row
that makes the difference is kept as the site's own, so that scans expect it and a repair
writes it again, whole.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import Engine
from sqlmodel import Session

from bridge.domain.limit_diff import LimitDifference, differences
from bridge.domain.limits import LimitsRow
from bridge.errors import Conflict
from bridge.network.client import NetworkClient
from bridge.store import drift as store
from bridge.store.limits import OWN, LimitsOwner, save_limits
from bridge.store.locks import exclusive
from bridge.store.networks import id_of
from bridge.store.tables import Network
from bridge.upgrades.expected import KnownRows
from sync.judged import Verdict
from sync.judgement import Judge
from sync.results import Clock


class NothingToAccept(Conflict):
    """Site {site} of {network} has no difference that could be accepted: {why}"""


class NoSuchOverride(Conflict):
    """No override of site {site} makes what it shows of what its products give: {left}."""

    hint = "Something else differs; `planbridge limits explain {network} {site}` shows where from."


def accept(
    engine: Engine,
    network: Network,
    client: NetworkClient,
    *,
    site_id: int,
    clock: Clock,
    dry_run: bool = False,
) -> LimitsRow:
    """Keep the override that explains what a site shows now, and return its whole row.

    Raises:
        NothingToAccept: the site is as computed, gone, or cannot be judged.
        NoSuchOverride: an override alone does not explain it.
        Fault: the network did not answer.
        Locked: a scan or repair of this network is under way.
    """
    network_id = id_of(network)
    with exclusive(engine, f"drift-{network_id}", what=f"A search for drift on {network.name}"):
        with Session(engine) as session:
            rows = KnownRows.load(session, network_id)
        judge = Judge(engine=engine, network_id=network_id, client=client, clock=clock, rows=rows)
        judged = judge.look(site_id)
        if judged.verdict is not Verdict.DIFFERENT:
            why = judged.note or "its limits are as computed."
            raise NothingToAccept(site=site_id, network=network.name, why=why)
        known = rows.sites.get(site_id, {})
        found = differences(judged.expected, judged.shown)
        for row in (_leaves(known, found), _modules(known, found, judged.shown)):
            sites = {**rows.sites, site_id: row}
            if replace(judge, rows=replace(rows, sites=sites)).look(site_id).verdict is (
                Verdict.EQUAL
            ):
                break
        else:
            raise NoSuchOverride(
                site=site_id, network=network.name, left="; ".join(judged.differences)
            )
        if not dry_run:
            with Session(engine) as session, session.begin():
                owner = LimitsOwner("site", site_id)
                save_limits(
                    session, network_id, {owner: row}, kind=OWN, source="accepted", now=clock()
                )
                store.settle(session, network_id, site_id)
        return row


def _leaves(known: LimitsRow, found: Sequence[LimitDifference]) -> dict[str, Any]:
    """The smallest row: nothing else is frozen against later changes of the plan."""
    row = copy.deepcopy(dict(known))
    for one in found:
        if one.shown is None:
            continue  # an override cannot take a limit out
        place = row.setdefault(one.module, {"enabled": True})
        for key in one.path[:-1]:
            place = place.setdefault(key, {})
        place[one.path[-1]] = one.shown
    return row


def _modules(
    known: LimitsRow, found: Sequence[LimitDifference], shown: Mapping[str, Any]
) -> dict[str, Any]:
    """Whole modules, where single leaves do not do."""
    modules = {one.module for one in found}
    return {**known, **{module: shown[module] for module in modules if module in shown}}
