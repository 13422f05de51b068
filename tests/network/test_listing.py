"""A listing cannot be led in circles, and loses nothing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from bridge.network.capabilities import SiteSearch
from bridge.network.client import NetworkClient, Page
from bridge.network.entities import Entity
from bridge.network.faults import BrokenAnswer, CannotTell, PagingIgnored

from .hostile import Request, Server, Step, answer, error

Serve = Callable[..., Server]
Connect = Callable[..., NetworkClient]


def row(number: int) -> dict[str, Any]:
    return {"id": str(number), "model": "domain", "blog_id": "1", "domain": f"{number}.example"}


def rows(*numbers: int) -> list[dict[str, Any]]:
    return [row(number) for number in numbers]


def listed(pages: list[Page]) -> list[int]:
    return [each.id for page in pages for each in page.rows]


def walk(server: Server, connect: Connect, per_page: int = 3) -> list[Page]:
    return list(connect(server).pages(Entity.DOMAIN, per_page=per_page))


def test_both_ways_of_paging_are_asked_for(serve: Serve, connect: Connect) -> None:
    server = serve(answer(rows(4)))
    pages = connect(server).pages(Entity.DOMAIN, start_page=2, per_page=3, filters={"active": True})
    assert listed(list(pages)) == [4]
    query = parse_qs(urlsplit(server.requests[0].target).query)
    assert {name: value[0] for name, value in query.items()} == {
        "page": "2",
        "per_page": "3",
        "number": "3",
        "offset": "3",
        "orderby": "id",
        "order": "ASC",
        "active": "1",
    }


def test_sites_are_sorted_by_blog_id(serve: Serve, connect: Connect) -> None:
    server = serve(answer([]))
    assert list(connect(server).pages(Entity.SITE)) == [Page(1, [], None)]
    assert "orderby=blog_id" in server.requests[0].target


def test_lists_are_sent_the_php_way(serve: Serve, connect: Connect) -> None:
    server = serve(answer([]))
    list(connect(server).pages(Entity.MEMBERSHIP, filters={"status__in": ["active", "pending"]}))
    query = parse_qs(urlsplit(server.requests[0].target).query)
    assert query["status__in[]"] == ["active", "pending"]


@pytest.mark.parametrize("total", ["1", "7", "1000000", "", "many"])
def test_a_wrong_count_neither_ends_nor_prolongs_it(
    total: str, serve: Serve, connect: Connect
) -> None:
    head = {"X-WP-Total": total}
    server = serve(
        answer(rows(1, 2, 3), headers=head),
        answer(rows(4, 5, 6), headers=head),
        answer(rows(7), headers=head),
        answer([], headers=head),
    )
    assert listed(walk(server, connect)) == [1, 2, 3, 4, 5, 6, 7]


def test_a_network_that_gives_less_than_asked_is_followed_by_its_count(
    serve: Serve, connect: Connect
) -> None:
    head = {"X-WP-Total": "4"}
    server = serve(answer(rows(1, 2), headers=head), answer(rows(3, 4), headers=head))
    assert listed(walk(server, connect)) == [1, 2, 3, 4]


def test_a_full_last_page_is_followed_by_an_empty_one(serve: Serve, connect: Connect) -> None:
    server = serve(answer(rows(1, 2, 3)), answer([]))
    assert listed(walk(server, connect)) == [1, 2, 3]
    assert len(server.requests) == 2


def test_the_same_page_again_is_an_error(serve: Serve, connect: Connect) -> None:
    server = serve(answer(rows(1, 2, 3)))
    with pytest.raises(PagingIgnored, match="page 2 repeats rows"):
        walk(server, connect)


def test_everything_at_once_is_an_error(serve: Serve, connect: Connect) -> None:
    server = serve(answer(rows(*range(1, 61))))
    with pytest.raises(PagingIgnored, match="has 60 rows, not 3"):
        walk(server, connect)


@pytest.mark.parametrize("pages", [[(3, 2, 1)], [(4, 5, 6), (1, 2, 3)]])
def test_another_order_is_an_error(
    pages: list[tuple[int, ...]], serve: Serve, connect: Connect
) -> None:
    server = serve(*[answer(rows(*page)) for page in pages])
    with pytest.raises(PagingIgnored, match="not in the order"):
        walk(server, connect)


def test_rows_that_come_twice_are_taken_once(serve: Serve, connect: Connect) -> None:
    server = serve(answer(rows(1, 2, 2)), answer(rows(2, 3, 4)), answer(rows(5)))
    assert listed(walk(server, connect)) == [1, 2, 3, 4, 5]


@pytest.mark.parametrize("body", [{"0": row(1), "2": row(2)}, [row(1), row(2)]])
def test_a_php_array_with_gaps_is_a_list(body: object, serve: Serve, connect: Connect) -> None:
    assert listed(walk(serve(answer(body)), connect)) == [1, 2]


def test_an_empty_object_is_an_empty_list(serve: Serve, connect: Connect) -> None:
    assert listed(walk(serve(answer({})), connect)) == []


@pytest.mark.parametrize("body", [{"code": "x"}, "x", 60, None, [1], [None], [{"id": "x"}]])
def test_what_is_no_list_of_rows_is_an_error(body: object, serve: Serve, connect: Connect) -> None:
    with pytest.raises(BrokenAnswer):
        walk(serve(answer(body)), connect)


def test_an_unreadable_row_is_reported_and_the_others_read(serve: Serve, connect: Connect) -> None:
    server = serve(answer([row(1), {**row(2), "active": "perhaps"}, row(3)]), answer([]))
    pages = walk(server, connect)
    assert listed(pages) == [1, 3]
    [unreadable] = pages[0].unreadable
    assert "lab shows domain 2 with active = 'perhaps', expected yes or no" in str(unreadable)


def test_ids_are_walked_like_rows(serve: Serve, connect: Connect) -> None:
    server = serve(answer(["1", "2"]), answer([3, 4]), answer(["5"]))
    assert list(connect(server).ids(Entity.DOMAIN, per_page=2)) == [1, 2, 3, 4, 5]
    assert "fields=ids" in server.requests[0].target


def test_ids_that_are_rows_are_an_error(serve: Serve, connect: Connect) -> None:
    with pytest.raises(BrokenAnswer):
        list(connect(serve(answer(rows(1)))).ids(Entity.DOMAIN))


class TestEmptyNetwork:
    """On a network with nothing to try it on, the answer is unknown, not no."""

    @staticmethod
    def script(request: Request) -> Step:
        path = urlsplit(request.target).path.removeprefix("/wp-json/wu/v2")
        if path == "/auth":
            return answer({"success": True, "label": "New"})
        if path == "/settings":
            return error("rest_no_route", 404)
        if request.method == "OPTIONS":
            return answer(b"<html><body>no</body></html>", 403, content_type="text/html")
        return answer([], headers={"X-WP-Total": "0"})

    def test_the_probe(self, serve: Serve, connect: Connect) -> None:
        found = connect(serve(script=self.script)).probe()
        assert (found.site_ids, found.site_links, found.effective_limits) == (None, None, None)
        assert (found.product_addons, found.modified_since) == (None, None)
        assert (found.settings, found.statuses, found.schemas) == (False, (), {})


def test_no_search_for_sites_is_trusted_that_does_not_narrow(
    serve: Serve, connect: Connect
) -> None:
    server = serve(answer([{"id": 0, "blog_id": "1", "model": "site"}]))
    with pytest.raises(CannotTell, match="which sites belong to a membership"):
        connect(server).sites_of(2)


def test_sites_of_others_are_sorted_out_where_the_rows_show_it(
    serve: Serve, connect: Connect
) -> None:
    def script(request: Request) -> Step:
        if "2147483647" in request.target:
            return answer([])
        sites = [
            {"id": 5, "blog_id": "5", "model": "site", "membership_id": "2", "customer_id": "1"},
            {"id": 6, "blog_id": "6", "model": "site", "membership_id": "3", "customer_id": "1"},
            {"id": 7, "blog_id": "7", "model": "site", "membership_id": False},
        ]
        return answer(sites)

    server = serve(script=script)
    client = connect(server)
    assert [site.id for site in client.sites_of(2)] == [5]
    assert client._site_search is SiteSearch.COLUMN
