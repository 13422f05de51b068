"""What WordPress itself answers at the address of each site, beside the plugin's routes."""

from __future__ import annotations

from bridge.sandbox.network_state import NetworkState
from bridge.sandbox.users import list_users
from bridge.sandbox.wire import Answer, Request, refused

_USERS = "/wp-json/wp/v2/users"


def core_answer(state: NetworkState, request: Request) -> Answer | None:
    """The answer of a site's own WordPress; None for what is none of its routes.

    Raises:
        Refused: core refuses the request.
    """
    place, found, rest = request.path.partition(_USERS)
    if not found or rest.strip("/"):
        return None
    blog_id = site_at(state, place)
    if blog_id is None:
        return None
    if request.method not in ("GET", "HEAD"):
        raise refused(
            "rest_no_route",
            "No route was found matching the URL and request method.",
            status=404,
        )
    return list_users(state, blog_id, request, base=f"http://{state.host}{place}")


def site_at(state: NetworkState, path: str) -> int | None:
    """The blog id of the site at a path of the network's own domain; None without one."""
    wanted = f"/{path.strip('/')}/".replace("//", "/")
    for row in state.rows("site"):
        if (row["domain"], row["path"]) == (state.domain, wanted):
            return int(row["blog_id"])
    return None
