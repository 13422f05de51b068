"""What WordPress itself answers at the address of each site, beside the plugin's routes."""

from __future__ import annotations

from bridge.sandbox.network_state import NetworkState
from bridge.sandbox.users import MAIN_BLOG, list_users
from bridge.sandbox.wire import Answer, Request, refused
from bridge.sandbox.xmlrpc import answer_call

_USERS = "/wp-json/wp/v2/users"
_XMLRPC = "/xmlrpc.php"


def core_answer(state: NetworkState, request: Request) -> Answer | None:
    """The answer of a site's own WordPress; None for what is none of its routes.

    Raises:
        Refused: core refuses the request.
    """
    if request.path.endswith(_XMLRPC):
        place = request.path.removesuffix(_XMLRPC)
        blog_id = site_at(state, place)
        if blog_id is None:  # WordPress answers for the main site then
            place, blog_id = "", MAIN_BLOG
        return answer_call(state, blog_id, request, url=state.origin + place)
    place, found, rest = request.path.partition(_USERS)
    blog_id = site_at(state, place) if found and not rest.strip("/") else None
    if blog_id is None:
        return None
    if request.method not in ("GET", "HEAD"):
        raise refused(
            "rest_no_route",
            "No route was found matching the URL and request method.",
            status=404,
        )
    return list_users(state, blog_id, request, base=state.origin + place)


def site_at(state: NetworkState, path: str) -> int | None:
    """The blog id of the site at a path of the network's own domain; None without one."""
    wanted = f"/{path.strip('/')}/".replace("//", "/")
    for row in state.rows("site"):
        if (row["domain"], row["path"]) == (state.domain, wanted):
            return int(row["blog_id"])
    return None
