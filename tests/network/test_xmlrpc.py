"""The facts of a site by XML-RPC: as recorded of real sites, page by page, and what is not told."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from xmlrpc.client import Fault as SiteError

import pytest

from bridge.domain.preflight import SiteUsage
from bridge.network.faults import Fault, ServerFault
from bridge.network.xmlrpc_faults import (
    WrongSite,
    XmlRpcForbidden,
    XmlRpcOff,
    XmlRpcSignInRefused,
)

from .hostile import Server, answer
from .xmlrpc_sites import (
    METHODS,
    PASSWORD,
    SITE,
    USER,
    answering,
    calls,
    connect,
    option,
    options,
    page_of,
    recorded,
    replaying,
    xml,
)

Serve = Callable[..., Server]


class TestRecorded:
    """The answers of a real network (WordPress 6.9.4) over a real socket."""

    @pytest.mark.parametrize("library", ["stock", "patched"])
    @pytest.mark.parametrize("user", ["super+app", "super+pw"])
    def test_the_main_site(self, library: str, user: str, serve: Serve) -> None:
        recordings = recorded(library, "/", user)
        server = serve(script=answering(replaying(recordings)))
        with connect(server.url) as site:
            facts = site.facts()
        media = recordings["getMediaLibrary"]["response_xml"].count("<name>attachment_id</name>")
        assert facts.title == "Lab Network"
        assert facts.home_url == "http://127.0.0.1:8082"
        assert facts.wordpress_version == "6.9.4"
        assert facts.utc_offset == timedelta(0)
        assert facts.theme == "twentytwentyfive"
        assert facts.posts == {"post": 1, "page": 0, "attachment": media}
        assert media > 0
        assert facts.users == {"administrator": 1}
        assert facts.members == 1
        assert facts.untold == {}

    def test_a_sub_site_as_super_admin(self, serve: Serve) -> None:
        server = serve(script=answering(replaying(recorded("patched", "/site1/", "super+app"))))
        with connect(f"{server.url}/site1") as site:
            facts = site.facts()
        assert {request.target for request in server.requests} == {"/site1/xmlrpc.php"}
        assert facts.title == "Site 1"
        assert facts.posts == {"post": 3, "page": 0, "attachment": 2}
        assert facts.users == {"administrator": 1}
        assert facts.usage(5) == SiteUsage(
            5,
            name="Site 1",
            posts={"post": 3, "page": 0, "attachment": 2},
            users={"administrator": 1},
            theme="twentytwentyfive",
        )

    def test_a_sub_site_as_somebody_without_rights_there(self, serve: Serve) -> None:
        """WordPress answers [] for post types and refuses the users."""
        server = serve(script=answering(replaying(recorded("patched", "/site2/", "foreign"))))
        with connect(f"{server.url}/site2") as site:
            facts = site.facts()
        assert facts.title == "Site 2"
        assert facts.posts is None
        assert "shows this user no post types" in facts.untold["posts"]
        assert facts.users is None
        assert facts.members is None
        assert "not allowed to list users" in facts.untold["users"]
        assert facts.usage(6) == SiteUsage(6, name="Site 2", theme="twentytwentyfive")

    def test_the_options_are_asked_for_as_the_library_was_recorded_to(self, serve: Serve) -> None:
        recordings = recorded("patched", "/", "super+app")
        server = serve(script=answering(replaying(recordings)))
        with connect(server.url) as site:
            site.facts()
        asked = server.requests[1].body.decode()
        assert asked == recordings["getOptions_all"]["request_xml"].replace(
            "{{APP_PASSWORD}}", PASSWORD
        )


def facts_of(serve: Serve, *, post_types: tuple[str, ...] = (), **changed: Any) -> Any:
    answers = {**SITE, **{f"wp.{name}": told for name, told in changed.items()}}
    server = serve(script=answering(answers))
    with connect(f"{server.url}/site1") as site:
        return site.facts(post_types=post_types)


class TestCounting:
    def test_all_pages_are_counted(self, serve: Serve) -> None:
        facts = facts_of(
            serve,
            getPosts=page_of(2000, "post_id"),
            getUsers=page_of(401, "user_id", roles=["author"]),
        )
        assert facts.posts == {"post": 2000, "attachment": 2000}
        assert facts.users == {"author": 401}

    def test_what_the_plugin_counts_is_asked_for(self, serve: Serve) -> None:
        server = serve(script=answering(SITE))
        with connect(f"{server.url}/site1") as site:
            site.facts()
        asked = {
            params[3]["post_type"]: params[3]["post_status"]
            for method, params in calls(server.requests)
            if method == "wp.getPosts"
        }
        assert asked == {"post": ["publish", "private"], "attachment": ["inherit"]}

    def test_one_call_each_and_ids_only(self, serve: Serve) -> None:
        server = serve(script=answering(SITE))
        with connect(f"{server.url}/site1") as site:
            site.facts()
        made = calls(server.requests)
        assert [method for method, _ in made] == [
            "wp.getOptions",
            "wp.getPostTypes",
            "wp.getPosts",
            "wp.getPosts",
            "wp.getUsers",
        ]
        assert all(params[:3] == [0, USER, PASSWORD] for _, params in made)
        assert made[2][1][4] == ["post_id"]
        assert made[4][1][4] == ["roles"]

    def test_a_type_that_is_not_public_is_counted_on_request(self, serve: Serve) -> None:
        facts = facts_of(serve, post_types=("wp_block", "no_such_type"))
        assert facts.posts == {"post": 2, "attachment": 2, "wp_block": 2}

    def test_a_member_with_two_roles_counts_in_both_and_one_without_in_none(
        self, serve: Serve
    ) -> None:
        rows = [
            {"user_id": "1", "roles": ["editor", "shop_manager"]},
            {"user_id": "2", "roles": []},
            {"user_id": "3"},
        ]
        facts = facts_of(serve, getUsers=rows)
        assert facts.users == {"editor": 1, "shop_manager": 1}
        assert facts.members == 3

    def test_roles_that_php_sends_as_a_map_count_too(self, serve: Serve) -> None:
        """So it does for a user who has a capability of his own before his role."""
        facts = facts_of(serve, getUsers=[{"user_id": "1", "roles": {"1": "editor"}}])
        assert facts.users == {"editor": 1}

    def test_pages_that_repeat_are_not_counted_for_ever(self, serve: Serve) -> None:
        first = [{"post_id": str(number)} for number in range(1000)]
        facts = facts_of(serve, getPosts=first)
        assert facts.posts is None
        assert "repeats the ones before" in facts.untold["posts"]

    def test_more_types_than_any_site_has_are_not_counted(self, serve: Serve) -> None:
        many = {f"type{number}": {"public": True} for number in range(1000)}
        facts = facts_of(serve, getPostTypes=many)
        assert facts.posts is None
        assert "more post types than can be counted" in facts.untold["posts"]

    @pytest.mark.parametrize(
        ("told", "offset"),
        [
            ("0", timedelta(0)),
            ("5.5", timedelta(hours=5, minutes=30)),
            ("-3", timedelta(hours=-3)),
            (-3, timedelta(hours=-3)),
            ("", None),
            ("Europe/Paris", None),
            ("1e300", None),
        ],
    )
    def test_the_clock_of_the_site(
        self, told: object, offset: timedelta | None, serve: Serve
    ) -> None:
        home = "http://127.0.0.1/site1"
        facts = facts_of(serve, getOptions=options(home, time_zone=told))
        assert facts.utc_offset == offset


class TestWhoAnswers:
    def test_the_main_site_in_place_of_one_that_is_gone(self, serve: Serve) -> None:
        with pytest.raises(WrongSite, match=r"/site1 of the network lab answered, but http://127"):
            facts_of(serve, getOptions=options("http://127.0.0.1:8082"))

    def test_a_site_with_a_custom_domain_is_itself(self, serve: Serve) -> None:
        facts = facts_of(serve, getOptions=options("https://shop.example"))
        assert facts.home_url == "https://shop.example"

    def test_core_in_a_directory_of_its_own(self, serve: Serve) -> None:
        told = {
            **options("http://127.0.0.1/site1"),
            "blog_url": option("http://127.0.0.1/site1/wordpress"),
        }
        assert facts_of(serve, getOptions=told).home_url == "http://127.0.0.1/site1"

    @pytest.mark.parametrize("nothing", [[], {}, {"blog_title": option("X")}])
    def test_one_that_does_not_say_where_it_is(self, nothing: object, serve: Serve) -> None:
        with pytest.raises(WrongSite, match="does not say where it is"):
            facts_of(serve, getOptions=nothing)


OFF: dict[str, tuple[dict[str, Any], str]] = {
    "as a whole": (
        {"wp.getOptions": SiteError(405, "XML-RPC services are disabled on this site.")},
        "XML-RPC services are disabled on this site",
    ),
    "even the question for methods": (
        {"mt.supportedMethods": SiteError(405, "XML-RPC services are disabled on this site.")},
        "services are disabled",
    ),
    "every method": (
        {"mt.supportedMethods": SiteError(-32601, "server error. requested method …")},
        "requested method",
    ),
    "this method, listed": (
        {"wp.getOptions": SiteError(-32601, "requested method wp.getOptions does not exist")},
        "wp.getOptions does not exist",
    ),
    "this method, not listed": (
        {"mt.supportedMethods": ["demo.sayHello"]},
        "it has no wp.getOptions",
    ),
    "PHP without XML": (
        {"mt.supportedMethods": SiteError(-32700, "parse error. not well formed")},
        "parse error",
    ),
}


@pytest.mark.parametrize("name", OFF)
def test_a_site_that_has_it_switched_off_says_so_in_one_sentence(name: str, serve: Serve) -> None:
    changed, words = OFF[name]
    server = serve(script=answering({**SITE, **changed}))
    with connect(f"{server.url}/site1") as site, pytest.raises(XmlRpcOff) as caught:
        site.facts()
    sentence = str(caught.value)
    assert words in sentence
    assert "does without these facts" in sentence
    assert PASSWORD not in sentence


def test_a_wrong_password_is_told_from_a_lack_of_rights(serve: Serve) -> None:
    refusal = SiteError(403, "Incorrect username or password.")
    with pytest.raises(XmlRpcSignInRefused, match="the WordPress user superadmin") as caught:
        facts_of(serve, getOptions=refusal)
    assert "--wp-password-file" in str(caught.value)
    assert PASSWORD not in str(caught.value)
    facts = facts_of(serve, getUsers=refusal)
    assert facts.users is None
    assert "let superadmin call wp.getUsers" in facts.untold["users"]


def test_a_fault_after_the_first_answer_costs_only_what_it_hides(serve: Serve) -> None:
    facts = facts_of(serve, getPosts=SiteError(500, "There has been a critical error."))
    assert facts.title == "Site 1"
    assert facts.posts is None
    assert "crashed on wp.getPosts" in facts.untold["posts"]
    assert facts.users == {"editor": 3}


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (SiteError(500, "Fatal."), ServerFault),
        (SiteError(401, "Sorry."), XmlRpcSignInRefused),
        (SiteError(4, "?"), Fault),
    ],
)
def test_errors_of_the_first_call(error: SiteError, kind: type[Fault], serve: Serve) -> None:
    with pytest.raises(kind):
        facts_of(serve, getOptions=error)


SHAPES: dict[str, tuple[str, object]] = {
    "methods": ("mt.supportedMethods", 12),
    "methods in a map": ("mt.supportedMethods", {"a": "b"}),
    "options in a list": ("wp.getOptions", ["a"]),
    "options as text": ("wp.getOptions", "none"),
    "an option as text": ("wp.getOptions", {"blog_url": "x"}),
}


@pytest.mark.parametrize("name", SHAPES)
def test_an_answer_of_another_shape_is_a_broken_answer(name: str, serve: Serve) -> None:
    method, value = SHAPES[name]
    server = serve(script=answering({**SITE, method: value}))
    with connect(f"{server.url}/site1") as site:
        with pytest.raises(Fault, match="another shape") as caught:
            site.facts()
        assert type(caught.value).__name__ == "BrokenAnswer"


@pytest.mark.parametrize(
    "told",
    [
        {"getPosts": [{"post_id": None}]},
        {"getPosts": [{}]},
        {"getPosts": ["1", "2"]},
        {"getPosts": {"post_id": "1"}},
        {"getPosts": "1"},
        {"getPosts": [{"post_id": ["1"]}]},
        {"getPostTypes": ["post"]},
        {"getPostTypes": {"post": "post"}},
    ],
)
def test_entries_of_another_shape_are_not_counted(told: dict[str, Any], serve: Serve) -> None:
    facts = facts_of(serve, **told)
    assert facts.posts is None
    assert "unreadable" in facts.untold["posts"]


def test_an_option_that_is_no_text_is_not_told(serve: Serve) -> None:
    deep: list[object] = []
    for _ in range(200):
        deep = [deep]
    told = options("http://127.0.0.1/site1", blog_title=deep, blog_tagline=None)
    assert facts_of(serve, getOptions=told).title == ""


def test_which_methods_there_are_is_asked_once(serve: Serve) -> None:
    server = serve(script=answering(SITE))
    with connect(f"{server.url}/site1") as site:
        site.facts()
        site.facts()
    asked = [request for request in server.requests if b"mt.supportedMethods" in request.body]
    assert len(asked) == 1


def test_a_read_that_failed_is_made_again(serve: Serve) -> None:
    broken = [answer(b"Service unavailable", 502), xml(METHODS)]
    script = answering(
        {**SITE, "mt.supportedMethods": lambda _: broken.pop(0)},
    )
    server = serve(script=script)
    with connect(f"{server.url}/site1", attempts=2) as site:
        assert site.facts().title == "Site 1"
    assert not broken


def test_forbidden_names_what_was_asked(serve: Serve) -> None:
    facts = facts_of(serve, getPosts=SiteError(401, "Sorry, you are not allowed to edit posts."))
    expected = XmlRpcForbidden(
        network="lab",
        url=facts.url,
        user=USER,
        request="wp.getPosts",
        message="Sorry, you are not allowed to edit posts.",
    )
    assert facts.untold["posts"] == str(expected)
