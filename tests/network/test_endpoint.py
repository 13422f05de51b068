"""Addresses are understood however they are pasted, and secrets are never shown."""

from __future__ import annotations

import pytest

from bridge.network.endpoint import Endpoint, InvalidEndpoint


@pytest.mark.parametrize(
    ("given", "url"),
    [
        ("https://host.example", "https://host.example"),
        ("https://host.example/", "https://host.example"),
        ("  HTTPS://Host.Example/  ", "https://host.example"),
        ("host.example", "https://host.example"),
        ("http://127.0.0.1:8080", "http://127.0.0.1:8080"),
        ("https://host.example/wp-json", "https://host.example"),
        ("https://host.example/wp-json/", "https://host.example"),
        ("https://host.example/wp-json/wu/v2/", "https://host.example"),
        ("https://host.example/blogs", "https://host.example/blogs"),
        ("https://host.example/blogs/wp-json/", "https://host.example/blogs"),
        ("https://host.example/Blogs/wp-admin/network/", "https://host.example/Blogs"),
        ("https://host.example/wp-login.php", "https://host.example"),
        ("https://host.example/wp-jsonish", "https://host.example/wp-jsonish"),
        ("https://[::1]:8443/", "https://[::1]:8443"),
    ],
)
def test_the_base_is_found_in_any_form(given: str, url: str) -> None:
    endpoint = Endpoint(given, "key", "secret")
    assert endpoint.url == url
    assert endpoint.api == f"{url}/wp-json/wu/v2"


@pytest.mark.parametrize(
    "given",
    [
        "",
        "https://",
        "ftp://host.example",
        "https://host.example:port",
        "https://host.example:0",
        "https://host.example/?rest_route=/",
        "https://host.example/#top",
        "https://a b.example",
        "https://[::1",
    ],
)
def test_what_is_no_address_is_refused(given: str) -> None:
    with pytest.raises(InvalidEndpoint, match="is not the address of a network"):
        Endpoint(given, "key", "secret")


def test_credentials_in_the_address_are_refused_and_not_repeated() -> None:
    with pytest.raises(InvalidEndpoint) as error:
        Endpoint("https://admin:hunter2@host.example", "key", "secret")
    assert "hunter2" not in str(error.value)


def test_key_and_secret_are_not_in_the_repr() -> None:
    shown = repr(Endpoint("host.example", "the-key", "the-secret"))
    assert "the-key" not in shown
    assert "the-secret" not in shown
