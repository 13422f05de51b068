"""WordPress' own users: who they are, of which sites they are members, and ``wp/v2/users``.

As seen on a running network: a site lists its members only, and customers are members of
their own sites. Full rows are for those who may list users: super admins.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping, Sequence

from bridge.sandbox.forms import Json
from bridge.sandbox.network_state import NetworkState, Row
from bridge.sandbox.wire import Answer, Request, json_answer, refused

TABLE = "user"
MAIN_BLOG = 1
ADMIN = "sandbox-admin"
ADMIN_PASSWORD = "sand boxx appl icat ionp assw"  # noqa: S105 - it guards nothing
"""An application password; WordPress takes it with and without its spaces."""

_PUBLIC = ("id", "name", "url", "description", "link", "slug", "avatar_urls", "meta")
_MOST = 100
_ORDERED_BY = {"id": "id", "name": "name", "email": "email", "slug": "slug", "include": "include"}


def add_user(
    state: NetworkState,
    key: int,
    login: str,
    *,
    email: str,
    name: str = "",
    locale: str = "en_US",
    everywhere: bool = False,
    super_admin: bool = False,
    application_password: str = "",
) -> None:
    """Add a user, or put him in another's place.

    ``everywhere`` makes him a member of the main site, too.
    """
    state.save(
        TABLE,
        key,
        {
            "id": key,
            "login": login,
            "email": email,
            "name": name or login,
            "locale": locale,
            "registered": state.now(),
            "everywhere": everywhere,
            "super_admin": super_admin,
            "application_password": application_password,
        },
    )


def members(state: NetworkState, blog_id: int) -> list[Row]:
    """The members of a site by their ids: who owns it, or was added everywhere."""
    if blog_id == MAIN_BLOG:
        return [user for user in state.rows(TABLE) if user["everywhere"]]
    site = state.row("site", blog_id) or {}
    owner = state.row("customer", site.get("customer_id") or 0) or {}
    user = state.row(TABLE, owner.get("user_id") or 0)
    return [user] if user else []


def roles(state: NetworkState, blog_id: int, user: Row) -> list[str]:
    """His roles on a site: on his own, what its limits make of him."""
    if blog_id == MAIN_BLOG:
        return ["administrator" if user["super_admin"] else "subscriber"]
    given = state.site_limits(blog_id).get("customer_user_role", {}).get("limit")
    return [given if isinstance(given, str) and given != "default" else "administrator"]


def signed_in(state: NetworkState, login: str, password: str) -> Row | None:
    """The user whose application password that is."""
    given = re.sub(r"[^a-zA-Z0-9]", "", password)
    for user in state.rows(TABLE):
        if login in (user["login"], user["email"]):
            wanted = re.sub(r"[^a-zA-Z0-9]", "", user["application_password"])
            return user if wanted and wanted == given else None
    return None


def list_users(state: NetworkState, blog_id: int, request: Request, *, base: str) -> Answer:
    """``GET wp/v2/users`` of a site; ``base`` is its address without a slash at the end."""
    query = request.query
    _check(query)
    user = _caller(state, request)
    lists = user is not None and bool(user["super_admin"])
    if query.get("context") == "edit" and not lists:
        raise refused(
            "rest_forbidden_context",
            "Sorry, you are not allowed to edit users.",
            status=401 if user is None else 403,
        )
    found = members(state, blog_id) if lists else []  # others see who has published something
    include = _ids(query.get("include"))
    if include:
        found = [row for row in found if row["id"] in include]
    number, page = int(query.get("per_page", 10)), int(query.get("page", 1))
    order = str(query.get("orderby", "name"))
    if order == "include":
        found.sort(key=lambda row: include.index(row["id"]))
    else:
        found.sort(key=lambda row: row["login"] if order == "slug" else row[order])
    if query.get("order") == "desc":
        found.reverse()
    shown = [
        _shown(state, blog_id, row, query, base=base)
        for row in found[(page - 1) * number : page * number]
    ]
    pages = -(-len(found) // number)
    headers = {"x-wp-total": str(len(found)), "x-wp-totalpages": str(pages)}
    return json_answer(shown, headers={**headers, "allow": "GET, POST" if lists else "GET"})


def _check(query: Mapping[str, Json]) -> None:
    wrong: dict[str, Json] = {}
    number = str(query.get("per_page", 10))
    if not number.isdigit() or not 1 <= int(number) <= _MOST:
        wrong["per_page"] = "per_page must be between 1 (inclusive) and 100 (inclusive)"
    if not str(query.get("page", 1)).isdigit() or int(query.get("page", 1)) < 1:
        wrong["page"] = "page must be greater than or equal to 1"
    if str(query.get("orderby", "name")) not in _ORDERED_BY:
        wrong["orderby"] = (
            "orderby is not one of id, include, name, registered_date, slug, include_slugs, "
            "email, and url."
        )
    if wrong:
        message = f"Invalid parameter(s): {', '.join(wrong)}"
        raise refused("rest_invalid_param", message, status=400, params=wrong)


def _caller(state: NetworkState, request: Request) -> Row | None:
    scheme, _, encoded = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        login, _, password = base64.b64decode(encoded, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return None
    return signed_in(state, login, password)


def _ids(given: Json) -> Sequence[int]:
    """A list of ids as WordPress takes it: ``1,2``, or a list."""
    items = given.split(",") if isinstance(given, str) else given or []
    return [int(each) for each in items if str(each).strip().isdigit()]


def _shown(
    state: NetworkState, blog_id: int, user: Row, query: Mapping[str, Json], *, base: str
) -> dict[str, Json]:
    own = roles(state, blog_id, user)
    whole: dict[str, Json] = {
        "id": user["id"],
        "username": user["login"],
        "name": user["name"],
        "first_name": "",
        "last_name": "",
        "email": user["email"],
        "url": "",
        "description": "",
        "link": f"{base}/author/{user['login']}/",
        "locale": user["locale"],
        "nickname": user["login"],
        "slug": user["login"],
        "roles": own,
        "registered_date": f"{user['registered'].replace(' ', 'T')}+00:00",
        "capabilities": {"read": True, **dict.fromkeys(own, True)},
        "extra_capabilities": dict.fromkeys(own, True),
        "avatar_urls": {},
        "meta": {"persisted_preferences": []},
    }
    if query.get("context") != "edit":
        whole = {name: whole[name] for name in _PUBLIC}
    fields = str(query.get("_fields", ""))
    if fields:
        return {name: whole[name] for name in fields.split(",") if name in whole}
    own_url = f"{base}/wp-json/wp/v2/users"
    links = {"self": [{"href": f"{own_url}/{user['id']}"}], "collection": [{"href": own_url}]}
    return {**whole, "_links": links}
