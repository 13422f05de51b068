"""What sites use, asked of each of them: the mirror has no counts of posts or users."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import Engine
from sqlmodel import Session

from bridge.domain.limit_modules import items
from bridge.network.faults import Fault
from bridge.network.site_facts import SiteFacts
from bridge.network.xmlrpc import SiteXmlRpc
from bridge.store.drift import sites_to_look_at
from bridge.store.limits import effective_limits
from bridge.store.networks import id_of
from bridge.store.tables import Network, SiteRecord
from bridge.store.uses import save_use
from sync.drift import PER_SECOND
from sync.pace import Pace
from sync.schedules import JobStopped

_TOGETHER: Final = 200
_IN_A_ROW: Final = 5


OpenSite = Callable[[Network, SiteRecord], SiteXmlRpc | None]
"""A client of a site; None where nobody is on record to sign in with."""


@dataclass(slots=True)
class Asked:
    """How many sites told what they use, and how many did not."""

    told: int = 0
    untold: int = 0


def read_uses(
    engine: Engine,
    network: Network,
    *,
    open_site: OpenSite,
    clock: Callable[[], datetime],
    go_on: Callable[[], bool],
    pace: Pace | None = None,
) -> Asked | None:
    """Ask every customer's site; None where nobody is on record to ask with.

    Raises:
        JobStopped: ``go_on`` said no.
        Fault: so many sites failed in a row that the network must be the reason.
    """
    network_id = id_of(network)
    asked, after, in_a_row = Asked(), 0, 0
    pace = pace or Pace(PER_SECOND)
    while True:
        with Session(engine, expire_on_commit=False) as session:
            batch = [
                (site, effective_limits(session, network_id, site.id) or {})
                for site in sites_to_look_at(session, network_id, after=after, limit=_TOGETHER)
            ]
        if not batch:
            return asked
        for site, limits in batch:
            if not go_on():
                raise JobStopped
            after = site.id
            try:
                client = open_site(network, site)
                if client is None:
                    return None
                pace.wait()
                with client as opened:
                    facts = opened.facts(post_types=items(limits.get("post_types")))
            except Fault as fault:
                in_a_row += 1
                if in_a_row >= _IN_A_ROW:
                    raise
                asked.untold += 1
                _keep(engine, network_id, site.id, None, str(fault), now=clock())
                continue
            in_a_row = 0
            asked.told += 1
            _keep(engine, network_id, site.id, facts, " ".join(facts.untold.values()), now=clock())


def _keep(
    engine: Engine,
    network_id: int,
    site_id: int,
    facts: SiteFacts | None,
    untold: str,
    *,
    now: datetime,
) -> None:
    with Session(engine) as session, session.begin():
        save_use(
            session,
            network_id,
            site_id,
            posts=facts.posts if facts else None,
            users=facts.users if facts else None,
            untold=untold,
            now=now,
        )
