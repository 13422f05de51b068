"""The client against the three recorded releases, over real sockets."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from bridge.network.capabilities import Capabilities, Paging, SiteSearch
from bridge.network.client import NetworkClient
from bridge.network.endpoint import Endpoint
from bridge.network.entities import Entity
from bridge.network.faults import (
    ApiOff,
    BadCredentials,
    CannotTell,
    Gone,
    Refused,
    WriteNotStored,
)
from bridge.network.listing import modified_after
from bridge.network.rows import MembershipRow, PaymentRow, ProductRow, SiteRow

from .replay import HEAD, KEY, RELEASES, SECRET, V247, V2412, Replay, load

COUNTS = {
    Entity.PRODUCT: 16,
    Entity.MEMBERSHIP: 60,
    Entity.CUSTOMER: 50,
    Entity.SITE: 33,
    Entity.DISCOUNT_CODE: 4,
    Entity.PAYMENT: 20,
    Entity.DOMAIN: 6,
    Entity.EVENT: 0,
    Entity.WEBHOOK: 0,
}

Connect = Callable[[Replay], NetworkClient]
Start = Callable[[str], Replay]


def amounts(rows: list[Any]) -> int:
    return sum(row.amount if isinstance(row, MembershipRow) else row.total for row in rows)


@pytest.mark.parametrize(("release", "entity"), [(r, e) for r in RELEASES for e in COUNTS])
def test_the_stand_in_answers_filters_as_recorded(release: str, entity: Entity) -> None:
    """What the replay cuts from the full listing is what the network sent for that filter."""
    stand_in = Replay(release)
    recorded = [
        each
        for each in load(release, entity)
        if each.method == "GET" and each.path == f"/{entity}" and each.status == 200
        if each.number < 100 and each.filters and not _unsupported(each.filters)
    ]
    for each in recorded:
        status, _, cut = stand_in._cut(entity, dict(each.query))
        column = "blog_id" if entity is Entity.SITE else "id"
        assert status == 200
        same = [row[column] for row in cut] == [row[column] for row in each.answer]
        assert same, each.file.name


def _unsupported(filters: dict[str, str]) -> bool:
    names = set(filters)
    return bool(names & {"search", "count", "_fields", "fields"}) or any(
        "[]" in name or "order" in name for name in names
    )


@pytest.mark.parametrize("per_page", [7, 10, 100])
@pytest.mark.parametrize("entity", COUNTS)
def test_a_listing_is_complete_and_in_order(
    client: NetworkClient, entity: Entity, per_page: int
) -> None:
    pages = list(client.pages(entity, per_page=per_page))
    ids = [row.id for page in pages for row in page.rows]
    assert len(ids) == COUNTS[entity]
    assert ids == sorted(set(ids))
    assert [page.number for page in pages] == list(range(1, len(pages) + 1))
    assert not any(page.unreadable for page in pages)


def test_only_the_head_counts_rows(client: NetworkClient, replay: Replay) -> None:
    page = next(client.pages(Entity.MEMBERSHIP))
    assert page.total == (60 if replay.release == HEAD else None)


def test_a_listing_resumes_at_a_page(client: NetworkClient) -> None:
    pages = client.pages(Entity.MEMBERSHIP, per_page=25, start_page=2)
    assert [row.id for page in pages for row in page.rows] == list(range(26, 61))


def test_values_are_the_same_on_all_releases(start: Start, connect: Connect) -> None:
    seen = set()
    for release in RELEASES:
        client = connect(start(release))
        memberships = [r for p in client.pages(Entity.MEMBERSHIP) for r in p.rows]
        payments = [r for p in client.pages(Entity.PAYMENT) for r in p.rows]
        seen.add((amounts(memberships), amounts(payments)))
    assert len(seen) == 1
    assert next(iter(seen))[0] > 0


def test_ids_are_listed_without_rows(client: NetworkClient) -> None:
    """The count is wrong there on the head (1 for 60), so it does not end the listing."""
    assert list(client.ids(Entity.MEMBERSHIP, per_page=25)) == list(range(1, 61))


def test_rows_changed_since_a_moment_are_listed(client: NetworkClient) -> None:
    since = datetime(2026, 11, 23, 20, 47, 37, tzinfo=UTC)
    ids = list(client.ids(Entity.MEMBERSHIP, filters=modified_after(since)))
    assert 0 < len(ids) < 60


class TestProbe:
    """The releases are told apart by what they do."""

    def test_the_head(self, start: Start, connect: Connect) -> None:
        found = connect(start(HEAD)).probe()
        assert found.label == "Lab Network"
        assert (found.paging, found.counts_rows) == (Paging.PAGE, True)
        assert (found.site_ids, found.site_links, found.effective_limits) == (True, True, True)
        assert found.site_search is SiteSearch.COLUMN
        assert (found.product_addons, found.modified_since, found.settings) == (True, True, True)
        assert found.wrong_statuses
        assert found.integer_amounts == {Entity.PRODUCT, Entity.DISCOUNT_CODE}
        assert found.likely_release == "after 2.4.12"

    @pytest.mark.parametrize("release", [V2412, V247])
    def test_both_releases(self, release: str, start: Start, connect: Connect) -> None:
        found = connect(start(release)).probe()
        assert (found.paging, found.counts_rows) == (Paging.OFFSET, False)
        assert (found.site_ids, found.site_links, found.effective_limits) == (False, False, False)
        assert found.site_search is SiteSearch.META
        assert (found.product_addons, found.modified_since) == (False, True)

    def test_2_4_12(self, start: Start, connect: Connect) -> None:
        found = connect(start(V2412)).probe()
        assert found.settings
        assert found.wrong_statuses
        assert found.integer_amounts == {Entity.PRODUCT, Entity.DISCOUNT_CODE}
        assert found.likely_release == "2.4.11 or 2.4.12"

    def test_2_4_7(self, start: Start, connect: Connect) -> None:
        found = connect(start(V247)).probe()
        assert not found.settings
        assert not found.wrong_statuses
        assert found.statuses[:2] == ("pending", "active")
        assert found.integer_amounts == {
            Entity.MEMBERSHIP,
            Entity.PRODUCT,
            Entity.DISCOUNT_CODE,
        }
        assert found.likely_release == "2.4.7 or earlier"

    def test_it_reads_only_and_survives_storage(
        self, client: NetworkClient, replay: Replay
    ) -> None:
        found = client.probe()
        assert {method for method, _, _ in replay.served} == {"GET", "OPTIONS"}
        assert len(replay.served) < 20
        assert Capabilities.from_json(json.loads(json.dumps(found.as_json()))) == found


class TestFirstContact:
    """What is wrong is said by the first request."""

    def test_bad_credentials(self, replay: Replay) -> None:
        client = NetworkClient(Endpoint(replay.url, KEY, "wrong"), name="lab")
        with pytest.raises(BadCredentials, match="refused the API key and secret") as error:
            client.probe()
        assert "wrong" not in str(error.value)

    def test_credentials_in_the_query_where_the_header_is_dropped(self, replay: Replay) -> None:
        client = NetworkClient(Endpoint(replay.url, KEY, SECRET, in_query=True), name="lab")
        assert client.get(Entity.MEMBERSHIP, 60).id == 60

    def test_an_unknown_route_is_an_api_that_is_off(self, client: NetworkClient) -> None:
        with pytest.raises(ApiOff, match="Switch the API on"):
            client._transport.read("/products")


class TestReads:
    def test_a_missing_row_is_gone(self, client: NetworkClient) -> None:
        with pytest.raises(Gone, match="no membership 999999"):
            client.get(Entity.MEMBERSHIP, 999999)

    def test_find_by_a_column(self, client: NetworkClient) -> None:
        [product] = client.find(Entity.PRODUCT, slug="premium")
        assert isinstance(product, ProductRow)
        assert product.amount == 9900
        assert {m.id for m in client.find(Entity.MEMBERSHIP, customer_id=3)} == {3, 53}

    def test_find_sorts_out_what_an_ignored_filter_lets_through(
        self, start: Start, connect: Connect
    ) -> None:
        """Attribute ``group`` is no column: the network ignores it and answers everything."""
        client = connect(start(HEAD))
        assert [row.id for row in client.find(Entity.PRODUCT, group="High End")] == [8, 9]

    def test_find_refuses_what_it_cannot_check(self, start: Start, connect: Connect) -> None:
        client = connect(start(V2412))
        with pytest.raises(CannotTell, match="customer_id of a site"):
            client.find(Entity.SITE, customer_id=2)

    def test_sites_of_a_membership(self, client: NetworkClient, replay: Replay) -> None:
        [site] = client.sites_of(2)
        assert isinstance(site, SiteRow)
        assert site.id == 5
        assert (site.effective_limits is not None) == (replay.release == HEAD)
        assert client.sites_of(999) == []

    def test_sites_of_another_customer_are_not_his(self, start: Start, connect: Connect) -> None:
        client = connect(start(HEAD))
        assert [site.id for site in client.sites_of(2, customer_id=2)] == [5]
        assert client.sites_of(2, customer_id=3) == []

    def test_settings_where_they_are_offered(self, client: NetworkClient, replay: Replay) -> None:
        settings = client.settings()
        if replay.release == V247:
            assert settings is None
        else:
            assert settings is not None
            assert "stripe" in settings["active_gateways"]


class TestWrites:
    def test_a_status_is_written_past_the_wrong_enum(
        self, client: NetworkClient, replay: Replay
    ) -> None:
        """As text/plain where the enum is that of payments, as JSON where it is right."""
        row = client.update(Entity.MEMBERSHIP, 18, {"status": "active"})
        assert isinstance(row, MembershipRow)
        assert row.status == "active"
        assert not replay.not_recorded
        assert [m for m, _, _ in replay.served if m != "OPTIONS"] == ["PUT", "GET"]

    @pytest.mark.parametrize("release", [HEAD, V2412])
    def test_what_is_stored_is_returned_not_what_is_echoed(
        self, release: str, start: Start, connect: Connect
    ) -> None:
        """29.99999 is echoed and 30 stored: the same at the network's four decimals."""
        client = connect(start(release))
        row = client.update(Entity.MEMBERSHIP, 8, {"amount": Decimal("29.99999")})
        assert isinstance(row, MembershipRow)
        assert row.amount == 3000

    def test_an_echoed_value_that_was_not_stored_is_an_error(self, client: NetworkClient) -> None:
        with pytest.raises(WriteNotStored, match="date_expiration '2027-01-31 23:59:59'"):
            client.update(Entity.MEMBERSHIP, 8, {"date_expiration": "tomorrow-ish"})

    def test_code_2_with_limits_is_written(
        self, client: NetworkClient, replay: Replay, naps: list[float]
    ) -> None:
        limits = {
            "disk_space": {"enabled": True, "limit": 777},
            "visits": {"enabled": True, "limit": 12345},
        }
        row = client.write_limits(Entity.MEMBERSHIP, 8, limits)
        assert row.id == 8
        assert [m for m, _, _ in replay.served if m != "OPTIONS"] == ["PUT", "GET"]
        assert naps == []

    def test_code_2_with_the_same_values_is_settled_by_reading(
        self, client: NetworkClient, naps: list[float]
    ) -> None:
        row = client.update(Entity.PRODUCT, 9, {"group": "High End"})
        assert isinstance(row, ProductRow)
        assert row.group == "High End"
        assert naps == []

    @pytest.mark.parametrize(
        ("fields", "code"),
        [
            ({"plan_id": 99999}, "plan_id"),
            ({"foo": "bar"}, "wu_rest_membership_invalid_set_method"),
            ({"duration_unit": "fortnight"}, "rest_invalid_param"),
        ],
    )
    def test_a_refusal_carries_the_code_and_message(
        self, client: NetworkClient, replay: Replay, fields: dict[str, object], code: str
    ) -> None:
        with pytest.raises(Refused) as error:
            client.update(Entity.MEMBERSHIP, 8, fields)
        assert error.value.fields["code"] == code
        assert str(error.value.fields["message"]) in str(error.value)
        assert [m for m, _, _ in replay.served if m != "OPTIONS"] == ["PUT"]

    def test_a_gateway_that_refuses_is_a_refusal(self, client: NetworkClient) -> None:
        with pytest.raises(Refused, match="No gateway subscription ID"):
            client.update(Entity.MEMBERSHIP, 6, {"amount": 10}, plain=False)

    def test_a_write_to_a_missing_row_is_gone(self, client: NetworkClient) -> None:
        with pytest.raises(Gone):
            client.update(Entity.MEMBERSHIP, 999999, {"plan_id": 9})

    def test_a_create_repeats_required_fields_where_the_body_is_not_looked_at(
        self, replay: Replay, client: NetworkClient
    ) -> None:
        """The recorded exchange of that form is the one that is answered."""
        fields = {
            "customer_id": 50,
            "plan_id": 10,
            "amount": Decimal("29.99"),
            "status": "active",
            "duration": 1,
            "duration_unit": "month",
            "recurring": True,
            "date_expiration": datetime(2027, 2, 1, tzinfo=UTC),
            "gateway": "manual",
        }
        made = 61 if replay.release == V247 else 62
        with pytest.raises(Refused, match="not_recorded"):
            client.create(Entity.MEMBERSHIP, fields)  # its read-back was not recorded
        assert replay.served[-1][:2] == ("GET", f"/membership/{made}")
        assert [line.split()[0] for line in replay.not_recorded] == ["GET"] * len(
            replay.not_recorded
        )

    def test_a_payment_is_created_once(self, client: NetworkClient, replay: Replay) -> None:
        """A payment that the network has is found by its id at the gateway, not made again."""
        fields = {"customer_id": 1, "gateway_payment_id": "ch_lab20", "total": Decimal(5)}
        row = client.create(Entity.PAYMENT, fields, once_by=("gateway_payment_id",))
        assert isinstance(row, PaymentRow)
        assert row.id == 20
        assert "POST" not in {method for method, _, _ in replay.served}


def test_nothing_secret_is_shown(client: NetworkClient) -> None:
    endpoint = replace(client.endpoint, in_query=True)
    assert SECRET not in repr(endpoint)
    assert KEY not in repr(endpoint)
