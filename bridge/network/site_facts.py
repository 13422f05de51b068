"""What a single site tells about itself, beyond what the network's REST interface shows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta

from bridge.domain.preflight import SiteUsage


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteFacts:
    """The facts of one site; None is what the site does not tell, and ``untold`` says why.

    Attributes:
        url: The address that was asked, without a trailing slash.
        home_url: The site's own idea of it: a custom domain, where one is mapped.
        utc_offset: Of the site's clock now, summer time included.
        theme: Stylesheet of the active theme.
        posts: Published and private entries by post type; media for ``attachment``. Has
            every public post type, and those that were asked for and exist on the site.
        users: Members of the site by role; one with two roles counts in both.
        members: All members of the site, each once.
        untold: By ``posts`` and ``users``: why they are None, in a sentence.
    """

    url: str
    home_url: str = ""
    title: str = ""
    tagline: str = ""
    wordpress_version: str = ""
    utc_offset: timedelta | None = None
    theme: str = ""
    posts: Mapping[str, int] | None = None
    users: Mapping[str, int] | None = None
    members: int | None = None
    untold: Mapping[str, str] = field(default_factory=dict)

    def usage(self, site_id: int) -> SiteUsage:
        """The part of it that limits apply to; disk, visits and domains it does not know."""
        return SiteUsage(
            site_id,
            name=self.title,
            posts=self.posts,
            users=self.users,
            theme=self.theme or None,
        )
