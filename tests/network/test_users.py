"""Reading WordPress' users: what is taken, and what is said when they are hidden."""

from __future__ import annotations

import json
from collections.abc import Callable
from urllib.parse import parse_qs, urlsplit

import pytest

from bridge.network.client import NetworkClient
from bridge.network.endpoint import Endpoint
from bridge.network.faults import BrokenAnswer, ServerFault
from bridge.network.transport import Retries
from bridge.network.users import SignIn, UsersClient, UsersHidden, WordPressUser

from .hostile import Server, Step, answer, error

PASSWORD = "abcd efgh ijkl"
ANN = {"id": 2, "username": "ann", "name": "Ann", "email": " Ann@example.test", "locale": "fr_FR"}
Ask = Callable[[Server], UsersClient]


@pytest.fixture
def ask() -> Ask:
    def make(server: Server) -> UsersClient:
        client = NetworkClient(
            Endpoint(server.url, "key", "secret"),
            name="lab",
            retries=Retries(attempts=1, first=0, longest=0),
            super_admin=SignIn("root", PASSWORD),
        )
        assert client.users is not None
        return client.users

    return make


def test_users_are_read_by_their_ids(serve: Callable[..., Server], ask: Ask) -> None:
    """A hundred a request; ids as numbers or as text, and nobody who was not asked for."""
    server = serve(answer([ANN, {**ANN, "id": "3"}, {**ANN, "id": 900}]), answer([]))
    found = ask(server).read(list(range(2, 202)))
    assert found[2] == WordPressUser(2, "ann", "Ann", "Ann@example.test", "fr_FR")
    assert found.keys() == {2, 3}
    first, _second = server.requests
    address = urlsplit(first.target)
    query = parse_qs(address.query)
    assert address.path == "/wp-json/wp/v2/users"
    assert query["context"] == ["edit"]
    assert query["include"][0].startswith("2,3,4")
    assert query["_fields"] == ["id,username,name,email,locale"]


def test_rows_without_an_address_are_not_taken(serve: Callable[..., Server], ask: Ask) -> None:
    """A plugin that takes the address away, rows that are none."""
    odd = [{"id": 2, "name": "Ann"}, {"email": "x@example.test"}, None, {"id": "x", "email": ""}]
    assert ask(serve(answer(odd))).read([2]) == {}


def test_warnings_around_the_rows_do_no_harm(serve: Callable[..., Server], ask: Ask) -> None:
    """As everywhere in reading."""
    warning = b"<br />\n<b>Warning</b>: oops on line <b>9</b>\n"
    server = serve(answer(warning + json.dumps([ANN]).encode()))
    assert ask(server).read([2]).keys() == {2}


@pytest.mark.parametrize(
    ("told", "what"),
    [
        (error("rest_forbidden_context", 401), "rest_forbidden_context"),
        (error("rest_forbidden_context", 403), "rest_forbidden_context"),
        (error("rest_no_route", 404), "no such interface"),
        (answer(b"<html>Blocked</html>", 403, content_type="text/html"), "HTTP 403"),
    ],
)
def test_hidden_users_are_one_clear_error(
    serve: Callable[..., Server], ask: Ask, told: Step, what: str
) -> None:
    """It names the user, never the password, and what to do."""
    with pytest.raises(UsersHidden) as caught:
        ask(serve(told)).read([2])
    sentence = str(caught.value)
    assert what in sentence
    assert "root" in sentence
    assert "network rotate" in sentence
    assert PASSWORD not in sentence
    assert PASSWORD not in repr(SignIn("root", PASSWORD))


def test_other_faults_are_what_they_are(serve: Callable[..., Server], ask: Ask) -> None:
    """A crash, and something that is no list."""
    with pytest.raises(ServerFault):
        ask(serve(answer(b"<html>Oops</html>", 500, content_type="text/html"))).read([2])
    with pytest.raises(BrokenAnswer):
        ask(serve(answer({"id": 2}))).read([2])
