"""What sites use now, asked of the sites themselves and remembered for a moment."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

import structlog

from bridge.domain.limit_modules import items
from bridge.domain.preflight import SiteUsage
from bridge.network.faults import Fault
from bridge.network.xmlrpc import SiteXmlRpc
from bridge.store.tables import Network, SiteRecord

_log = structlog.get_logger(__name__)

ClientFor = Callable[[Network, SiteRecord], SiteXmlRpc | None]

UsageOf = Callable[[Network, SiteRecord, Mapping[str, Any]], SiteUsage | None]
"""What a site uses; the limits in force on it name the post types that are counted. None
where it does not tell."""


def ask_usage(
    client_for: ClientFor, network: Network, site: SiteRecord, limits: Mapping[str, Any]
) -> SiteUsage | None:
    """What a site says that it uses; None where no WordPress user is on record.

    ``limits`` are those in force on it: they name the post types that are counted.

    Raises:
        Fault: the site does not tell.
    """
    client = client_for(network, site)
    if client is None:
        return None
    with client:
        facts = client.facts(post_types=items(limits.get("post_types")))
    return facts.usage(site.id)


class SiteUses:
    """Asks, and keeps an answer for ``keep``, so that a form may ask at every click.

    A site that does not answer holds no customer up.
    """

    def __init__(
        self,
        client_for: ClientFor,
        *,
        clock: Callable[[], datetime],
        keep: timedelta = timedelta(seconds=20),
    ) -> None:
        self._client_for = client_for
        self._clock = clock
        self._keep = keep
        self._known: dict[tuple[int, int], tuple[datetime, SiteUsage | None]] = {}
        self._lock = threading.Lock()

    def of(self, network: Network, site: SiteRecord, limits: Mapping[str, Any]) -> SiteUsage | None:
        """What the site uses now; None where it does not tell."""
        key, now = (network.key, site.id), self._clock()
        with self._lock:
            self._known = {
                one: (at, usage)
                for one, (at, usage) in self._known.items()
                if now - at < self._keep
            }
            found = self._known.get(key)
        if found is not None:
            return found[1]
        try:
            usage = ask_usage(self._client_for, network, site, limits)
        except Fault as fault:
            _log.warning("use of a site not known", site=site.id, reason=str(fault))
            usage = None
        with self._lock:
            self._known[key] = now, usage
        return usage
