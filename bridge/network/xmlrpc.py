"""The XML-RPC client of one site: the facts that the network's REST interface does not give."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from bridge.network.exchange import Timeouts
from bridge.network.faults import Fault, PagingIgnored
from bridge.network.manners import NO_LIMITS, Manners
from bridge.network.site_facts import SiteFacts
from bridge.network.transport import Retries
from bridge.network.xmlrpc_address import is_another_site
from bridge.network.xmlrpc_calls import SiteCalls
from bridge.network.xmlrpc_faults import TooManyToCount, WrongSite
from bridge.network.xmlrpc_library import Options, PostIds, PostTypes, Roles
from bridge.network.xmlrpc_transport import SITE_PATIENCE, SITE_PERSISTENCE, SiteTransport

# What the plugin counts against the limits (domain/limits.md §2).
_COUNTED = ("publish", "private")
_COUNTED_MEDIA = ("inherit",)
_ENTRIES_PER_CALL = 1000
_MEMBERS_PER_CALL = 200
_MOST_PAGES = 500
_MOST_TYPES = 200
_MOST_HOURS = 24


def _utc_now() -> datetime:
    return datetime.now(UTC)


class SiteXmlRpc:
    """Reads one site over its own ``xmlrpc.php``; it knows of no other site.

    ``url`` is the site's address (`bridge.network.xmlrpc_address.site_url`), ``network``
    what errors call the network. User name and password are to be a super admin's: from
    others WordPress hides entries and users, without saying so. ``clock`` gives aware UTC,
    ``manners`` let each call wait for its turn.
    """

    def __init__(
        self,
        url: str,
        username: str,
        application_password: str,
        *,
        network: str,
        timeouts: Timeouts = SITE_PATIENCE,
        retries: Retries = SITE_PERSISTENCE,
        most_bytes: int = 8 * 1024 * 1024,
        clock: Callable[[], datetime] = _utc_now,
        manners: Manners = NO_LIMITS,
    ) -> None:
        self.url = url
        self._network = network
        self._transport = SiteTransport(
            url,
            network=network,
            clock=clock,
            timeouts=timeouts,
            retries=retries,
            most_bytes=most_bytes,
            manners=manners,
        )
        self._calls = SiteCalls(
            self._transport,
            network=network,
            username=username,
            password=application_password,
        )

    def close(self) -> None:
        """Give the pooled connection back."""
        self._transport.close()

    def __enter__(self) -> SiteXmlRpc:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def facts(self, *, post_types: Iterable[str] = ()) -> SiteFacts:
        """Everything in one go: four calls, and one for each post type and 1,000 of it.

        Once the site has let us in, what else fails is left out of the facts and said there.

        Args:
            post_types: Types to count beside the public ones, such as those with a limit.

        Raises:
            XmlRpcOff: the site takes no calls.
            XmlRpcSignInRefused: wrong user name or password.
            WrongSite: the site is gone, and another one answered.
            Fault: what else kept it from answering.
        """
        told = self._options()
        untold: dict[str, str] = {}
        posts = users = None
        try:
            posts = self._posts(set(post_types))
        except Fault as error:
            untold["posts"] = str(error)
        try:
            users = self._users()
        except Fault as error:
            untold["users"] = str(error)
        return SiteFacts(
            url=self.url,
            home_url=told.get("home_url", ""),
            title=told.get("blog_title", ""),
            tagline=told.get("blog_tagline", ""),
            wordpress_version=told.get("software_version", ""),
            utc_offset=_hours(told.get("time_zone", "")),
            theme=told.get("stylesheet", ""),
            posts=posts,
            users=None if users is None else _by_role(users),
            members=None if users is None else len(users),
            untold=untold,
        )

    def _options(self) -> dict[str, str]:
        options = self._calls.call(Options())
        told = {option.name: _text(getattr(option, "value", "")) for option in options}
        addresses = [told[name] for name in ("blog_url", "home_url") if told.get(name)]
        if all(is_another_site(self.url, address) for address in addresses):
            answered = addresses[0] if addresses else "one that does not say where it is"
            raise WrongSite(network=self._network, url=self.url, told=answered)
        return told

    def _posts(self, wanted: set[str]) -> dict[str, int]:
        types = self._calls.call(PostTypes())
        counted = [name for name, kind in types.items() if name in wanted or _is_public(kind)]
        if not counted:
            raise self._calls.refusal("wp.getPostTypes", "it shows this user no post types")
        if len(counted) > _MOST_TYPES:
            raise self._too_many("post types")
        return {name: self._count(name) for name in counted}

    def _count(self, post_type: str) -> int:
        statuses = _COUNTED_MEDIA if post_type == "attachment" else _COUNTED

        def page(offset: int) -> PostIds:
            return PostIds(post_type, statuses=statuses, number=_ENTRIES_PER_CALL, offset=offset)

        return len(self._walk(page, per_call=_ENTRIES_PER_CALL, what=f"{post_type} entries"))

    def _users(self) -> dict[str, Sequence[str]]:
        def page(offset: int) -> Roles:
            return Roles(number=_MEMBERS_PER_CALL, offset=offset)

        rows = self._walk(page, per_call=_MEMBERS_PER_CALL, what="users")
        return {key: _names(getattr(row, "roles", None)) for key, row in rows.items()}

    def _walk(self, page: Callable[[int], Any], *, per_call: int, what: str) -> dict[str, Any]:
        """All rows by their id, however many calls it takes."""
        found: dict[str, Any] = {}
        for number in range(_MOST_PAGES):
            method = page(number * per_call)
            rows = self._calls.call(method)
            ids = [getattr(row, "id", None) for row in rows]
            if not all(isinstance(key, str | int) for key in ids):
                raise self._calls.broken(method, "rows without ids")
            before = len(found)
            found.update((str(key), row) for key, row in zip(ids, rows, strict=True))
            if len(rows) < per_call:
                return found
            if len(found) == before:
                raise PagingIgnored(
                    network=self._network,
                    entity=f"{what} of {self.url}",
                    page=number + 1,
                    what="repeats the ones before",
                )
        raise self._too_many(what)

    def _too_many(self, what: str) -> TooManyToCount:
        return TooManyToCount(network=self._network, url=self.url, what=what)


def _is_public(post_type: Any) -> bool:
    return bool(getattr(post_type, "public", False))


def _by_role(users: dict[str, Sequence[str]]) -> dict[str, int]:
    return dict(Counter(role for roles in users.values() for role in roles))


def _text(value: object) -> str:
    return str(value) if isinstance(value, str | int | float) else ""


def _names(roles: object) -> list[str]:
    # PHP sends a list with gaps as a map, and WordPress leaves gaps where a user has
    # capabilities of his own beside his roles.
    found = list(roles.values()) if isinstance(roles, dict) else roles
    return [role for role in found if isinstance(role, str)] if isinstance(found, list) else []


def _hours(text: str) -> timedelta | None:
    """WordPress' ``gmt_offset``: hours, such as ``0``, ``5.5`` or ``-3``."""
    try:
        hours = float(text or "nan")
    except ValueError:
        return None
    return timedelta(hours=hours) if math.fabs(hours) <= _MOST_HOURS else None
