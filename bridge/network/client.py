"""The REST client of one network."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from typing import Any

from bridge.network.capabilities import (
    NO_SUCH_ID,
    Capabilities,
    SiteSearch,
    find_schema,
    find_site_search,
    probe,
    sign_in,
    site_filter,
)
from bridge.network.endpoint import Endpoint
from bridge.network.entities import Entity
from bridge.network.faults import (
    ApiOff,
    BrokenAnswer,
    CannotTell,
    Gone,
    PagingIgnored,
    UnreadableRow,
)
from bridge.network.listing import (
    Filters,
    Page,
    RawPage,
    count_rows,
    read_ids,
    read_page,
    walk_ids,
    walk_raw,
    walk_rows,
)
from bridge.network.manners import NO_LIMITS, Manners
from bridge.network.records import SiteRow
from bridge.network.row import Row
from bridge.network.rows import parse_row
from bridge.network.schema import Schema
from bridge.network.transport import (
    PATIENCE,
    PERSISTENCE,
    Body,
    Retries,
    Timeouts,
    Transport,
)
from bridge.network.users import WORDPRESS, SignIn, UsersClient
from bridge.network.writes import Writer, encode

__all__ = ["Entity", "NetworkClient", "Page"]


_AT_ONCE = 100  # the most that any release shows on a page


def _utc_now() -> datetime:
    return datetime.now(UTC)


class NetworkClient:
    """Reads and writes one network; ``name`` is what we call it, and what errors say.

    Every method raises a `bridge.network.faults.Fault` for what the network does. Give the
    ``capabilities`` of an earlier `probe` to save finding out again. ``clock`` gives aware
    UTC, ``sleep`` waits seconds, ``manners`` let each request wait for its
    turn. ``super_admin`` is who asks WordPress itself, where such a user is on record. Safe
    to share between threads.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        *,
        name: str,
        capabilities: Capabilities | None = None,
        timeouts: Timeouts = PATIENCE,
        retries: Retries = PERSISTENCE,
        most_bytes: int = 64 * 1024 * 1024,
        pool: int = 8,
        clock: Callable[[], datetime] = _utc_now,
        sleep: Callable[[float], None] = time.sleep,
        manners: Manners = NO_LIMITS,
        super_admin: SignIn | None = None,
    ) -> None:
        self.name = name
        self.endpoint = endpoint
        self._clock = clock
        self._site_search = capabilities.site_search if capabilities else None
        self._schemas: dict[Entity, Schema | None] = dict(
            capabilities.schemas if capabilities else {}
        )
        transport = partial(
            Transport,
            network=name,
            clock=clock,
            timeouts=timeouts,
            retries=retries,
            most_bytes=most_bytes,
            pool=pool,
            manners=manners,
        )
        self._transport = transport(endpoint)
        self.users: UsersClient | None = None
        if super_admin is not None:
            place = Endpoint(endpoint.url, super_admin.username, super_admin.password)
            self.users = UsersClient(
                transport(place, base=place.url + WORDPRESS), username=super_admin.username
            )
        self._writer = Writer(
            self._transport,
            read=self.get,
            find=self._find_as_sent,
            schema=self._schema,
            sleep=sleep,
        )

    def close(self) -> None:
        """Give the pooled connections back."""
        self._transport.close()
        if self.users is not None:
            self.users.close()

    def __enter__(self) -> NetworkClient:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def probe(self) -> Capabilities:
        """Find out what the network can do, by reads only.

        ``GET /auth`` comes first, so a wrong address, wrong credentials and a switched-off
        API each raise their own error.
        """
        capabilities = probe(self._transport, clock=self._clock)
        self._site_search = capabilities.site_search
        self._schemas = dict(capabilities.schemas)
        return capabilities

    def try_write(self) -> None:
        """Ask for a write of a membership that cannot exist, to see whether it gets through.

        Raises:
            Fault: something other than its not being there keeps it from being done.
        """
        body = Body(data=b'{"times_billed":0}')
        try:
            self._transport.send("PUT", f"/{Entity.MEMBERSHIP}/{NO_SUCH_ID}", body=body)
        except Gone:
            return
        raise BrokenAnswer(
            network=self.name,
            request=f"PUT /{Entity.MEMBERSHIP}/{NO_SUCH_ID}",
            what="a success, though there is no such membership",
        )

    def pages(
        self,
        entity: Entity,
        *,
        start_page: int = 1,
        per_page: int = 100,
        filters: Filters | None = None,
    ) -> Iterator[Page]:
        """All rows in the order of their ids, a page at a time; 100 is the most per page.

        Raises:
            PagingIgnored: the network serves the same or other pages than asked for.
        """
        return walk_rows(
            self._transport,
            entity,
            start_page=start_page,
            per_page=per_page,
            filters=filters or {},
        )

    def raw_pages(
        self, entity: Entity, *, start_page: int = 1, filters: Filters | None = None
    ) -> Iterator[RawPage]:
        """The same pages before their rows are read, which `read` does: for one thread that
        asks for a page while another reads the one before.
        """
        return walk_raw(
            self._transport,
            entity,
            start_page=start_page,
            per_page=_AT_ONCE,
            filters=filters or {},
        )

    def read(self, entity: Entity, raw: RawPage) -> Page:
        """Read the rows of a page."""
        return read_page(entity, raw, network=self.name)

    def greet(self) -> None:
        """Sign in, and nothing else: the right error of a network that cannot be used."""
        sign_in(self._transport)

    def ids(
        self, entity: Entity, *, per_page: int = 100, filters: Filters | None = None
    ) -> Iterator[int]:
        """All ids in ascending order: thirty times cheaper than rows."""
        return walk_ids(self._transport, entity, per_page=per_page, filters=filters or {})

    def count(self, entity: Entity, *, filters: Filters | None = None) -> int | None:
        """How many rows there are; None where the network does not count."""
        return count_rows(self._transport, entity, filters or {})

    def id_page(
        self, entity: Entity, *, page: int, per_page: int = 100, newest_first: bool = False
    ) -> list[int]:
        """One page of ids, ascending unless ``newest_first``; empty behind the last one."""
        return read_ids(
            self._transport, entity, page=page, per_page=per_page, newest_first=newest_first
        )

    def rows(self, entity: Entity, ids: Sequence[int]) -> tuple[list[Row], list[UnreadableRow]]:
        """The rows of some ids that there are, and those of them that cannot be read.

        A hundred a request; what a request does not show is asked for one by one, as
        everything is where the search by ids is not honoured.
        """
        rows: list[Row] = []
        unreadable: list[UnreadableRow] = []
        for start in range(0, len(ids), _AT_ONCE):
            wanted = set(ids[start : start + _AT_ONCE])
            shown = self._shown_of(entity, wanted) if len(wanted) > 1 else []
            rows += shown
            for row_id in sorted(wanted - {row.id for row in shown}):
                try:
                    rows.append(self.get(entity, row_id))
                except Gone:
                    continue
                except UnreadableRow as error:
                    unreadable.append(error)
        return rows, unreadable

    def _shown_of(self, entity: Entity, wanted: set[int]) -> list[Row]:
        filters: Filters = {f"{entity.id_column}__in": sorted(wanted)}
        try:
            page = next(self.pages(entity, filters=filters))
        except PagingIgnored:
            return []
        return [row for row in page.rows if row.id in wanted]

    def get(self, entity: Entity, row_id: int) -> Row:
        """One row.

        Raises:
            Gone: the network has none of that id.
        """
        answer, raw = self._transport.read(f"/{entity}/{row_id}")
        row = parse_row(entity, raw, network=self.name) if isinstance(raw, dict) else None
        if row is None or row.id != row_id:
            raise BrokenAnswer(network=self.name, request=answer.request, what="another thing")
        return row

    def find(self, entity: Entity, **filters: Any) -> list[Row]:
        """Rows whose columns have the given values, checked again here: a network ignores
        a filter that it does not know and answers with everything.

        Raises:
            CannotTell: the network does not show the column.
        """
        return self._find_as_sent(entity, encode(filters))

    def _find_as_sent(self, entity: Entity, wanted: Mapping[str, object]) -> list[Row]:
        sent = {name: v if isinstance(v, (bool, int)) else str(v) for name, v in wanted.items()}
        found = [row for page in self.pages(entity, filters=sent) for row in page.rows]
        return [row for row in found if self._matches(row, wanted)]

    def _matches(self, row: Row, wanted: Mapping[str, object]) -> bool:
        for name, value in wanted.items():
            same = row.shows(name, value)
            if same is None:
                raise CannotTell(network=self.name, what=f"{name} of a {row.entity}")
            if not same:
                return False
        return True

    def sites_of(self, membership_id: int, *, customer_id: int | None = None) -> list[SiteRow]:
        """The sites of a membership, and of that customer where the network shows him.

        Up to 2.4.12 rows do not say whose they are: the search by meta is believed there if
        it was seen to narrow.

        Raises:
            CannotTell: no search for it is honoured.
        """
        if self._site_search is None:
            self._site_search = find_site_search(self._transport)
        if self._site_search is SiteSearch.NONE:
            raise CannotTell(network=self.name, what="which sites belong to a membership")
        filters = site_filter(self._site_search, membership_id)
        pages = self.pages(Entity.SITE, filters=filters)
        sites = [row for page in pages for row in page.rows if isinstance(row, SiteRow)]
        return [
            site
            for site in sites
            if site.membership_id in (None, membership_id)
            and (customer_id is None or site.customer_id in (None, customer_id))
        ]

    def update(
        self, entity: Entity, row_id: int, fields: Mapping[str, object], *, plain: bool = False
    ) -> Row:
        """Set fields of a row in one request, and return the row as read back.

        Values: amounts in major units as Decimal (`bridge.domain.money.to_major`), aware
        times, maps of add-on and quantity; None clears. JSON is sent, or ``text/plain``
        where the network's schema would refuse it wrongly, or if ``plain``. An answer that
        proves nothing (Code 2, time-out, broken connection) is settled by reading back,
        and the write repeated once if it was not stored.

        Raises:
            WriteNotStored: what is stored differs from what was asked for, field by field.
            Refused: the network's own code and message; nothing was stored but ``meta``.
        """
        return self._writer.update(entity, row_id, fields, plain=plain)

    def write_limits(self, entity: Entity, row_id: int, row: Mapping[str, object]) -> Row:
        """Replace the limits of a product, membership or site by ``row``, the WHOLE row.

        Modules that are missing from it are wiped, and stock REST never shows the row that
        is there (domain/live-findings.md §2.3), so give every module. An empty row takes
        an override away. What is returned proves that the write arrived, not the limits:
        read the sites' effective limits for that.
        """
        return self.update(entity, row_id, {"meta": {"wu_limitations": dict(row) or []}})

    def create(
        self,
        entity: Entity,
        fields: Mapping[str, object],
        *,
        once_by: Sequence[str] = (),
        plain: bool = False,
    ) -> Row:
        """Create a row and return it as read back; values as in `update`.

        ``once_by`` names fields which tell that row from all others, such as
        ``gateway_payment_id``: if the network has it already, that row is returned, so that
        repeating after a lost answer is safe.

        Raises:
            AnswerLost: it may have been created, and ``once_by`` did not help to find out.
            NotCreated: a success was answered but nothing stored.
            WriteNotStored: created, but the network dropped or altered fields.
        """
        return self._writer.create(entity, fields, once_by=once_by, plain=plain)

    def settings(self) -> dict[str, Any] | None:
        """The plugin's settings, or None where the network does not offer them (< 2.4.11)."""
        try:
            _, body = self._transport.read("/settings")
        except ApiOff:
            return None
        settings = body.get("settings") if isinstance(body, dict) else None
        return settings if isinstance(settings, dict) else None

    def _schema(self, entity: Entity) -> Schema | None:
        if entity not in self._schemas:
            self._schemas[entity] = find_schema(self._transport, entity)
        return self._schemas[entity]
