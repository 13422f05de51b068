"""What one network can do, found out by trying; its version number is never asked.

Every probe is a cheap read (domain/live-findings.md §2.1).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from bridge.domain.limits import Release
from bridge.network.answers import Answer
from bridge.network.entities import Entity
from bridge.network.faults import ApiOff, Blocked, HtmlInstead, NotWordPress, Refused, UnreadableRow
from bridge.network.listing import Filters, modified_after, page_params
from bridge.network.records import SiteRow
from bridge.network.schema import Argument, Schema
from bridge.network.transport import Transport

NO_SUCH_ID = 2147483647
_SITES_TRIED = 20
# Arguments of writes are published for these; others are never written against a wrong schema.
_WRITTEN = (Entity.MEMBERSHIP, Entity.PRODUCT, Entity.DISCOUNT_CODE, Entity.PAYMENT, Entity.SITE)


class Paging(StrEnum):
    """Which parameters page through a listing; we always send both."""

    PAGE = "page"
    OFFSET = "offset"


class SiteSearch(StrEnum):
    """How the sites of a membership are found."""

    COLUMN = "membership_id"
    META = "meta_query"
    NONE = "none"


@dataclass(frozen=True, slots=True, kw_only=True)
class Capabilities:
    """What a network can do. None means that it has nothing to try it on.

    ``clock_skew`` is the server's clock minus ours, in whole seconds; one is none.
    ``statuses`` are the membership statuses that a JSON body may carry;
    ``integer_amounts`` names the entities whose amounts a JSON body may only carry without
    cents. Both are worked round by writing ``text/plain``.
    """

    label: str = ""
    paging: Paging = Paging.OFFSET
    counts_rows: bool = False
    site_ids: bool | None = None
    site_links: bool | None = None
    site_search: SiteSearch = SiteSearch.NONE
    effective_limits: bool | None = None
    product_addons: bool | None = None
    modified_since: bool | None = None
    settings: bool = False
    clock_skew: int | None = None
    schemas: Mapping[Entity, Schema] = field(default_factory=dict)

    @property
    def statuses(self) -> tuple[str, ...]:
        """Membership statuses that the published schema lets through; empty means all."""
        return self._argument(Entity.MEMBERSHIP, "status").enum

    @property
    def wrong_statuses(self) -> bool:
        """The published membership statuses are those of payments."""
        return bool(self.statuses) and "active" not in self.statuses

    @property
    def integer_amounts(self) -> frozenset[Entity]:
        """Entities whose published amount or value is a whole number."""
        fields = {
            Entity.MEMBERSHIP: "amount",
            Entity.PRODUCT: "amount",
            Entity.DISCOUNT_CODE: "value",
        }
        return frozenset(
            entity
            for entity, name in fields.items()
            if self._argument(entity, name).type == "integer"
        )

    @property
    def likely_release(self) -> str:
        """The releases that behave like this, for people; nothing is decided by it."""
        if self.paging is Paging.PAGE:
            return "after 2.4.12"
        if Entity.MEMBERSHIP in self.integer_amounts:
            return "2.4.7 or earlier"
        return "2.4.11 or 2.4.12" if self.settings else "2.4.8 to 2.4.10"

    @property
    def limit_rules(self) -> Release:
        """Whose composition rules hold: they changed with the release that brought paging."""
        return Release.V2_4_13 if self.paging is Paging.PAGE else Release.V2_4_12

    def _argument(self, entity: Entity, name: str) -> Argument:
        schema = self.schemas.get(entity)
        return schema.arguments.get(name, Argument()) if schema else Argument()

    def as_json(self) -> dict[str, Any]:
        """A form that JSON can hold; `from_json` reads it back."""
        stored = asdict(self)
        for schema in stored["schemas"].values():
            schema["listing"] = sorted(schema["listing"])
        return stored

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> Capabilities:
        """Read what `as_json` made."""
        schemas = {
            Entity(entity): Schema(
                arguments={
                    name: Argument(
                        type=each["type"], enum=tuple(each["enum"]), required=each["required"]
                    )
                    for name, each in schema["arguments"].items()
                },
                listing=frozenset(schema["listing"]),
            )
            for entity, schema in stored["schemas"].items()
        }
        return cls(
            **{
                **stored,
                "paging": Paging(stored["paging"]),
                "site_search": SiteSearch(stored["site_search"]),
                "schemas": schemas,
            }
        )


def probe(transport: Transport, *, clock: Callable[[], datetime]) -> Capabilities:
    """Find out what a network can do; reads only, about a dozen small ones.

    Raises:
        Fault: the network cannot be used at all, by the first thing that is wrong.
    """
    auth, welcome = sign_in(transport)
    now, there = clock(), auth.sent_at
    product = _first(transport, Entity.PRODUCT)
    sites = _customer_sites(transport)
    return Capabilities(
        label=str(welcome.get("label") or ""),
        paging=Paging.OFFSET if product.total is None else Paging.PAGE,
        counts_rows=product.total is not None,
        site_ids=any(site.get("id") for site in sites) if sites else None,
        site_links=any(site.get("membership_id") is not None for site in sites) if sites else None,
        site_search=find_site_search(transport),
        effective_limits=_show_limits(sites),
        product_addons=(
            None if product.raw is None else product.raw.get("available_addons") is not None
        ),
        modified_since=_narrows_by_date(transport),
        settings=_offers(transport, "/settings"),
        clock_skew=None if there is None else _skew(there - now),
        schemas={
            entity: schema
            for entity in _WRITTEN
            if (schema := find_schema(transport, entity)) is not None
        },
    )


def sign_in(transport: Transport) -> tuple[Answer, dict[str, Any]]:
    """The plugin's welcome.

    Raises:
        Fault: the network cannot be used at all, by the first thing that is wrong.
    """
    answer, welcome = transport.read("/auth")
    if not isinstance(welcome, dict) or "success" not in welcome:
        raise NotWordPress(
            network=transport.network, url=answer.url, what="an answer that is not the plugin's"
        )
    return answer, welcome


def find_site_search(transport: Transport) -> SiteSearch:
    """How sites are found by membership: an unknown filter is ignored and shows all sites,
    so one that finds nothing for an id that cannot exist is honoured.
    """
    for how in (SiteSearch.COLUMN, SiteSearch.META):
        if _first(transport, Entity.SITE, site_filter(how, NO_SUCH_ID)).raw is None:
            return how
    return SiteSearch.NONE


def site_filter(how: SiteSearch, membership_id: int) -> Filters:
    """The filter for the sites of a membership."""
    if how is SiteSearch.COLUMN:
        return {"membership_id": membership_id}
    return {
        "meta_query[0][key]": "wu_membership_id",
        "meta_query[0][value]": membership_id,
    }


def find_schema(transport: Transport, entity: Entity) -> Schema | None:
    """The arguments that a network publishes for an entity, None where it does not tell."""
    try:
        _, published = transport.read(f"/{entity}", method="OPTIONS")
    except (ApiOff, Blocked, HtmlInstead, NotWordPress, Refused):
        return None  # some hosts answer OPTIONS in front of WordPress
    return Schema.parse(published) if isinstance(published, dict) else None


def _customer_sites(transport: Transport) -> list[dict[str, Any]]:
    """Some sites, those of customers where they can be told; old ones and new ones."""
    filters: Filters = {"type": "customer_owned"}
    params = page_params(Entity.SITE, number=1, per_page=_SITES_TRIED, filters=filters)
    found: list[dict[str, Any]] = []
    for order in ("ASC", "DESC"):
        _, rows = transport.read(f"/{Entity.SITE}", {**params, "order": order})
        found += [row for row in rows if isinstance(row, dict)] if isinstance(rows, list) else []
        if len(found) < _SITES_TRIED or _show_limits(found):
            break  # these are all, or tell enough
    return found


def _show_limits(sites: list[dict[str, Any]]) -> bool | None:
    """Whether any site shows limits: one whose membership was deleted has none, on a network
    that shows them as well (domain/live-findings.md §2.3).
    """
    if not sites:
        return None
    return any(_shows_limits(site) for site in sites)


def _shows_limits(site: dict[str, Any]) -> bool:
    try:
        return SiteRow.parse(site).effective_limits is not None
    except UnreadableRow:
        return False  # the sync names it; others may tell more


def _skew(difference: timedelta) -> int:
    """Whole seconds; HTTP tells no fractions, so one second may be none."""
    seconds = round(difference.total_seconds())
    return 0 if abs(seconds) <= 1 else seconds


@dataclass(frozen=True, slots=True)
class _Found:
    raw: dict[str, Any] | None
    total: int | None


def _first(transport: Transport, entity: Entity, filters: Filters | None = None) -> _Found:
    params = page_params(entity, number=1, per_page=1, filters=filters or {})
    answer, rows = transport.read(f"/{entity}", params)
    first = rows[0] if isinstance(rows, list) and rows else None
    return _Found(first if isinstance(first, dict) else None, answer.total)


def _narrows_by_date(transport: Transport) -> bool | None:
    """None where there is nothing to leave out."""
    if _first(transport, Entity.MEMBERSHIP).raw is None:
        return None
    never = modified_after(datetime.fromisoformat("2999-01-01T00:00:00+00:00"))
    return _first(transport, Entity.MEMBERSHIP, never).raw is None


def _offers(transport: Transport, path: str) -> bool:
    try:
        transport.read(path)
    except (ApiOff, Refused):
        return False
    return True
