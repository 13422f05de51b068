"""``wp/v2/users``: answered as a running WordPress 6.9 multisite answered it."""

from __future__ import annotations

from typing import Any

import pytest
import requests

from bridge.sandbox.server import SandboxNetwork
from bridge.sandbox.users import add_user

SHOWN_TO_EDITORS = {
    "id",
    "username",
    "name",
    "first_name",
    "last_name",
    "email",
    "url",
    "description",
    "link",
    "locale",
    "nickname",
    "slug",
    "roles",
    "registered_date",
    "capabilities",
    "extra_capabilities",
    "avatar_urls",
    "meta",
    "_links",
}


def ask(
    network: SandboxNetwork,
    site: str = "",
    *,
    user: tuple[str, str] | None = None,
    **query: object,
) -> requests.Response:
    params: Any = query
    return requests.get(
        f"{network.url}{site}/wp-json/wp/v2/users", params=params, auth=user, timeout=5
    )


def admin(network: SandboxNetwork) -> tuple[str, str]:
    return network.wp_username, network.wp_password


def test_a_site_lists_its_members_only(network: SandboxNetwork) -> None:
    """Customers are members of their own sites, not of the main one."""
    main = ask(network, user=admin(network), context="edit", per_page=100)
    assert [each["id"] for each in main.json()] == [1]
    assert main.headers["X-WP-Total"] == "1"
    elsewhere = ask(network, user=admin(network), context="edit", include="2,3,99")
    assert elsewhere.json() == []
    own = ask(network, "/site3", user=admin(network), context="edit", include="2,3,99")
    assert [each["email"] for each in own.json()] == ["customer1@example.test"]


def test_a_full_row_has_what_wordpress_shows(network: SandboxNetwork) -> None:
    """The keys of a recorded row; ``_fields`` narrows it."""
    (row,) = ask(network, "/site3", user=admin(network), context="edit").json()
    assert row.keys() == SHOWN_TO_EDITORS
    assert (row["locale"], row["name"]) == ("fr_FR", "Customer 1")
    few = ask(network, "/site3", user=admin(network), context="edit", _fields="id,email").json()
    assert few == [{"id": 2, "email": "customer1@example.test"}]


@pytest.mark.parametrize(
    "user", [None, ("sandbox-admin", "wrong"), ("nobody", "wrong"), ("sandbox-key", "x")]
)
def test_strangers_see_nothing(network: SandboxNetwork, user: tuple[str, str] | None) -> None:
    """401, whether there are no credentials or wrong ones."""
    answer = ask(network, user=user, context="edit")
    assert answer.status_code == 401
    assert answer.json() == {
        "code": "rest_forbidden_context",
        "message": "Sorry, you are not allowed to edit users.",
        "data": {"status": 401},
    }
    assert ask(network, user=user).json() == []


def test_who_may_not_list_users_is_told_so(network: SandboxNetwork) -> None:
    """A customer with an application password of his own: 403, on his own site, too."""
    add_user(network.state, 2, "ann", email="a@example.test", application_password="abcd efgh")
    for site in ("", "/site3"):
        answer = ask(network, site, user=("ann", "abcdefgh"), context="edit")
        assert answer.status_code == 403
        assert answer.json()["code"] == "rest_forbidden_context"


def test_an_application_password_counts_without_its_spaces(network: SandboxNetwork) -> None:
    """WordPress shows it in groups of four."""
    bare = network.wp_password.replace(" ", "")
    assert ask(network, user=(network.wp_username, bare), context="edit").ok


def test_pages_have_a_hundred_rows_at_most(network: SandboxNetwork) -> None:
    """Others are refused, before anybody is asked who he is."""
    for wrong in (0, 101):
        answer = ask(network, context="edit", per_page=wrong)
        assert answer.status_code == 400
        assert answer.json()["data"]["params"] == {
            "per_page": "per_page must be between 1 (inclusive) and 100 (inclusive)"
        }
    assert ask(network, context="edit", orderby="nonsense").status_code == 400


def test_there_is_no_site_there(network: SandboxNetwork) -> None:
    """The main site's page that says so."""
    answer = ask(network, "/gone", user=admin(network), context="edit")
    assert answer.status_code == 404
    assert answer.headers["Content-Type"].startswith("text/html")


def test_a_customer_made_by_rest_has_a_user(network: SandboxNetwork) -> None:
    """Of the name and the address given."""
    body = {
        "user_id": 0,
        "email": "new@example.test",
        "username": "new",
        "email_verification": "none",
        "type": "customer",
    }
    made = requests.post(
        f"{network.url}/wp-json/wu/v2/customer",
        json=body,
        auth=(network.api_key, network.api_secret),
        timeout=5,
    ).json()
    user = network.state.row("user", made["user_id"])
    assert user is not None
    assert (user["login"], user["email"]) == ("new", "new@example.test")
