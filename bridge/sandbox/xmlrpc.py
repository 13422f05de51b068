"""A site's ``xmlrpc.php``: the calls that tell facts of one site, answered as WordPress 6.9 does.

Every error is an answer with status 200. Reading needs a user with an application password.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, TypeAlias
from xml.parsers.expat import ExpatError
from xmlrpc.client import Error, Fault, dumps, loads

from bridge.sandbox.forms import integer
from bridge.sandbox.network_state import NetworkState, Row
from bridge.sandbox.users import MAIN_BLOG, members, roles, signed_in
from bridge.sandbox.wire import Answer, Request

ENTRIES_KEY = "sandbox_entries"
"""Meta of a site: how many entries it has by post type, such as ``{"post": 3}``."""

WORDPRESS = "6.9.4"
_GONE = ("archived", "spam", "deleted")
_XML = "text/xml; charset=UTF-8"

POST_TYPES: Mapping[str, tuple[str, bool, bool]] = MappingProxyType(
    {
        "post": ("Posts", False, True),
        "page": ("Pages", True, True),
        "attachment": ("Media", False, True),
        "revision": ("Revisions", False, False),
        "nav_menu_item": ("Navigation Menu Items", False, False),
        "wp_block": ("Patterns", False, False),
    }
)
"""Label, whether hierarchical, whether public."""


@dataclass(frozen=True, slots=True)
class Site:
    """The site that was called."""

    state: NetworkState
    blog_id: int
    url: str

    def entries(self, post_type: str) -> int:
        """How many entries of a type it has; some unless set."""
        set_for_it = self.state.meta("site", self.blog_id).get(ENTRIES_KEY)
        if isinstance(set_for_it, dict):
            return integer(set_for_it.get(post_type, 0))
        some = {"post": 1 + self.blog_id % 4, "page": 1, "attachment": self.blog_id % 3}
        return some.get(post_type, 0)

    def may(self, user: Row, *wanted: str) -> bool:
        """Whether a user has one of some roles here; a super admin has every one."""
        if user["super_admin"]:
            return True
        here = any(each["id"] == user["id"] for each in members(self.state, self.blog_id))
        return here and bool(set(roles(self.state, self.blog_id, user)) & set(wanted))


Method: TypeAlias = Callable[[Site, Row, Sequence[Any]], object]


def answer_call(state: NetworkState, blog_id: int, request: Request, *, url: str) -> Answer:
    """The answer to a request for ``xmlrpc.php`` of the site at an address."""
    if request.method != "POST":
        text = b"XML-RPC server accepts POST requests only."
        headers = {"content-type": "text/plain;charset=UTF-8", "allow": "POST"}
        return Answer(405, text, headers)
    site = state.row("site", blog_id) or {}
    if any(str(site.get(flag)) == "1" for flag in _GONE):
        return Answer(200, b"", {"content-type": "text/html; charset=UTF-8"})
    try:
        params, name = loads(request.body)
        told: Any = _call(Site(state, blog_id, url), str(name), params)
    except Fault as fault:
        told = fault
    except (ExpatError, Error, ValueError, TypeError, LookupError):
        told = Fault(-32700, "parse error. not well formed")
    value = told if isinstance(told, Fault) else (told,)
    document = dumps(value, methodresponse=True)
    return Answer(200, document.encode(), {"content-type": _XML})


def _call(site: Site, name: str, params: Sequence[Any]) -> object:
    if name in _LISTS:
        return [*METHODS, *_LISTS, _HELLO]
    if name == _HELLO:
        return "Hello!"
    if name not in METHODS:
        raise Fault(-32601, f"server error. requested method {name} does not exist.")
    if not site.state.xmlrpc:
        raise Fault(405, "XML-RPC services are disabled on this site.")
    # Every call but one begins with the blog's id, which WordPress does not look at.
    given = list(params) if name == "wp.getUsersBlogs" else list(params[1:])
    login, password, *rest = [*given, "", ""] if len(given) < 2 else given
    user = signed_in(site.state, str(login), str(password))
    if user is None:
        raise Fault(403, "Incorrect username or password.")
    return METHODS[name](site, user, rest)


def _options(site: Site, _user: Row, rest: Sequence[Any]) -> object:
    row = site.state.row("site", site.blog_id) or {}
    told: dict[str, tuple[str, bool, object]] = {
        "software_name": ("Software Name", True, "WordPress"),
        "software_version": ("Software Version", True, WORDPRESS),
        "blog_url": ("WordPress Address (URL)", True, site.url),
        "home_url": ("Site Address (URL)", True, site.url),
        "login_url": ("Login Address (URL)", True, f"{site.url}/wp-login.php"),
        "admin_url": ("The URL to the admin area", True, f"{site.url}/wp-admin/"),
        "template": ("Template", True, "twentytwentyfive"),
        "stylesheet": ("Stylesheet", True, "twentytwentyfive"),
        "post_thumbnail": ("Post Thumbnail", True, True),
        "time_zone": ("Time Zone", False, "0"),
        "blog_title": ("Site Title", False, str(row.get("title") or "")),
        "blog_tagline": ("Site Tagline", False, str(row.get("description") or "")),
        "date_format": ("Date Format", False, "F j, Y"),
        "time_format": ("Time Format", False, "g:i a"),
        "users_can_register": ("Allow new users to sign up", False, True),
    }
    wanted = rest[0] if rest and rest[0] else list(told)
    names = [wanted] if isinstance(wanted, str) else wanted
    return {
        name: {"desc": told[name][0], "readonly": told[name][1], "value": told[name][2]}
        for name in names
        if name in told
    }


def _post_types(site: Site, user: Row, rest: Sequence[Any]) -> object:
    if not site.may(user, "administrator", "editor"):
        return []  # PHP's empty array, not an error
    return {
        name: {
            "name": name,
            "label": label,
            "hierarchical": hierarchical,
            "public": public,
            "show_ui": public,
            "_builtin": True,
            "has_archive": False,
            "supports": {"title": True, "author": True},
        }
        for name, (label, hierarchical, public) in POST_TYPES.items()
        if public or rest  # only public ones unless a filter is given, be it empty
    }


def _posts(site: Site, user: Row, rest: Sequence[Any]) -> object:
    wanted = rest[0] if rest and isinstance(rest[0], dict) else {}
    kind = str(wanted.get("post_type", "post"))
    if kind not in POST_TYPES:
        raise Fault(403, "Invalid post type.")
    if not site.may(user, "administrator", "editor", "author"):
        raise Fault(401, "Sorry, you are not allowed to edit posts in this post type.")
    status = "inherit" if kind == "attachment" else "publish"
    statuses = wanted.get("post_status") or [status]
    asked = [statuses] if isinstance(statuses, str) else statuses
    last = site.entries(kind) if status in asked else 0
    first = integer(wanted.get("offset", 0))
    until = min(last, first + integer(wanted.get("number", 10)))
    fields = rest[1] if len(rest) > 1 and rest[1] else None
    rows = []
    for position in range(first, until):
        # Ids are of the site, whatever the type.
        number = str(1 + position + 1000 * list(POST_TYPES).index(kind))
        row = {
            "post_id": number,
            "post_title": f"{POST_TYPES[kind][0]} {number}",
            "post_status": status,
            "post_type": kind,
        }
        rows.append(row if fields is None else {name: row[name] for name in row if name in fields})
    return rows


def _users(site: Site, user: Row, rest: Sequence[Any]) -> object:
    if not site.may(user, "administrator"):
        raise Fault(401, "Sorry, you are not allowed to list users.")
    wanted = rest[0] if rest and isinstance(rest[0], dict) else {}
    fields = rest[1] if len(rest) > 1 and rest[1] else None
    first, number = integer(wanted.get("offset", 0)), integer(wanted.get("number", 50))
    rows = []
    for each in members(site.state, site.blog_id)[first : first + number]:
        row = {
            "user_id": str(each["id"]),
            "username": each["login"],
            "email": each["email"],
            "display_name": each["name"],
            "roles": roles(site.state, site.blog_id, each),
        }
        rows.append(
            row if fields is None else {n: row[n] for n in row if n in ("user_id", *fields)}
        )
    return rows


def _blogs(site: Site, user: Row, _rest: Sequence[Any]) -> object:
    """Those that he is a member of: a super admin, too, sees few of a network's sites."""
    found = []
    for row in site.state.rows("site"):
        blog_id = integer(row["blog_id"])
        if any(each["id"] == user["id"] for each in members(site.state, blog_id)):
            url = f"{site.state.origin}{row['path']}"
            found.append(
                {
                    "isAdmin": "administrator" in roles(site.state, blog_id, user),
                    "isPrimary": blog_id == MAIN_BLOG,
                    "url": url,
                    "blogid": str(blog_id),
                    "blogName": str(row["title"]),
                    "xmlrpc": f"{url}xmlrpc.php",
                }
            )
    return found


_HELLO = "demo.sayHello"
_LISTS = ("mt.supportedMethods", "system.listMethods")
METHODS: Mapping[str, Method] = MappingProxyType(
    {
        "wp.getUsersBlogs": _blogs,
        "wp.getPosts": _posts,
        "wp.getUsers": _users,
        "wp.getOptions": _options,
        "wp.getPostTypes": _post_types,
    }
)
"""The calls that need a user."""
