"""Which membership a site belongs to, where the rows do not say.

Up to 2.4.12 a site is shown without its membership and customer. A search by the site's
meta is honoured there, one membership at a time (domain/live-findings.md §2.1), so it is
made only while there are sites whose owner nobody knows yet.
"""

from __future__ import annotations

from sqlmodel import Session

from bridge.network.capabilities import Capabilities, SiteSearch
from bridge.store.owners import membership_ids, ownerless_sites, settle_owner, settle_without_owner
from sync.job import Job
from sync.results import PageDone

CANNOT_TELL = (
    "The network does not tell which sites belong to a membership, so limits cannot be "
    "proven site by site: update the plugin."
)


def resolve_owners(job: Job, capabilities: Capabilities) -> str | None:
    """Find the owners of sites that have none on record; a sentence when it is impossible.

    Newest memberships first, since new sites are mostly theirs. Sites that no membership
    has are settled as having none.

    Raises:
        NetworkError: the network kept it from its end; what was found is kept.
    """
    with Session(job.engine) as session:
        left = ownerless_sites(session, job.network_id)
        if not left:
            return None
        if capabilities.site_search is SiteSearch.NONE:
            return CANNOT_TELL
        memberships = membership_ids(session, job.network_id)
    for done, (membership_id, customer_id) in enumerate(memberships, start=1):
        sites = job.client.sites_of(membership_id)
        with Session(job.engine) as session, session.begin():
            for site in sites:
                settle_owner(
                    session,
                    job.network_id,
                    site.id,
                    membership_id=membership_id,
                    customer_id=customer_id,
                )
        left -= {site.id for site in sites}
        job.progress(
            PageDone("site owners", page=done, rows=done, total=len(memberships), complete=not left)
        )
        if not left:
            return None
    with Session(job.engine) as session, session.begin():
        settle_without_owner(session, job.network_id)
    return None
