"""The super admin's password goes to the network's own hosts and to nobody else."""

from __future__ import annotations

import pytest

from bridge.network.xmlrpc_address import is_another_site, site_url
from bridge.network.xmlrpc_faults import ForeignSite


@pytest.mark.parametrize(
    ("network", "domain", "path", "url"),
    [
        ("https://n.example", "n.example", "/", "https://n.example"),
        ("https://n.example", "n.example", "/shop/", "https://n.example/shop"),
        ("https://n.example", "N.Example", "shop", "https://n.example/shop"),
        ("https://n.example", "shop.n.example", "/", "https://shop.n.example"),
        ("https://www.n.example", "shop.n.example", "/", "https://shop.n.example"),
        ("https://n.example/wp", "n.example", "/wp/shop/", "https://n.example/wp/shop"),
        ("http://127.0.0.1:8080", "127.0.0.1:8080", "/site1/", "http://127.0.0.1:8080/site1"),
    ],
)
def test_a_site_of_the_network(network: str, domain: str, path: str, url: str) -> None:
    assert site_url(network, network="lab", domain=domain, path=path) == url


@pytest.mark.parametrize(
    "domain",
    [
        "shop.example",
        "evil-n.example",
        "n.example.evil.test",
        "n.example:8443",
        "n.example@evil.test",
        "user:pass@n.example",
        "evil.test/n.example",
        "evil.test?n.example",
        "evil.test#n.example",
        "example",
        "",
        "n.example:port",
        "[::1",
    ],
)
def test_any_other_place_is_refused(domain: str) -> None:
    with pytest.raises(ForeignSite, match="own host and its sub-domains") as caught:
        site_url("https://n.example", network="lab", domain=domain, path="/")
    assert "pass" not in str(caught.value).replace("password", "")


@pytest.mark.parametrize(
    ("asked", "told", "another"),
    [
        ("https://n.example", "https://n.example", False),
        ("https://n.example/a", "https://n.example/a/", False),
        ("https://n.example/a", "http://www.n.example/a", False),
        ("https://n.example/a", "https://n.example", True),
        ("https://n.example/a", "https://n.example/b", True),
        ("https://a.n.example", "https://n.example", True),
        ("https://n.example", "https://a.n.example", True),
        ("https://a.n.example", "https://shop.example", False),
        ("https://n.example/a", "https://shop.example", False),
        ("https://n.example/a", "no address", False),
    ],
)
def test_who_answered(asked: str, told: str, another: bool) -> None:
    assert is_another_site(asked, told) is another
