"""WordPress sites that speak XML-RPC: answers by method, or what two libraries recorded."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from xmlrpc.client import Fault, dumps, loads

from bridge.network.transport import Retries, Timeouts
from bridge.network.xmlrpc import SiteXmlRpc

from .hostile import Request, Script, Step, answer

RECORDINGS = Path(__file__).parents[2].parent / "shared" / "recordings" / "xmlrpc"
NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
XML = "text/xml; charset=UTF-8"
USER, PASSWORD = "superadmin", "abcd EFGH ijkl"

Answers = Mapping[str, Any]
"""By method: a value, an error, bytes as they go out, or a function of the parameters."""


def xml(value: object) -> bytes:
    """An answer with that value, or that error, as WordPress sends it: always with 200."""
    content = value if isinstance(value, Fault) else (value,)
    body = dumps(content, methodresponse=True, allow_none=True)
    return answer(body.encode(), content_type=XML)


def option(value: object) -> dict[str, object]:
    """An option as WordPress describes it."""
    return {"desc": "An option", "readonly": True, "value": value}


def options(home: str, **others: object) -> dict[str, dict[str, object]]:
    """The options of a site at an address."""
    told = {"blog_url": home, "home_url": home, "software_version": "6.9.4", **others}
    return {name: option(value) for name, value in told.items()}


def page_of(count: int, key: str, **fields: object) -> Callable[[list[Any]], object]:
    """A list of so many rows, by the ``number`` and ``offset`` asked for."""

    def rows(params: list[Any]) -> list[dict[str, object]]:
        wanted = params[3]
        last = min(count, wanted["offset"] + wanted["number"])
        return [{key: str(one), **fields} for one in range(wanted["offset"], last)]

    return rows


METHODS = ["wp.getOptions", "wp.getPostTypes", "wp.getPosts", "wp.getUsers"]
SITE: Answers = {
    "mt.supportedMethods": METHODS,
    "wp.getOptions": options(
        "http://127.0.0.1/site1", blog_title="Site 1", time_zone="5.5", stylesheet="twentyten"
    ),
    "wp.getPostTypes": {
        "post": {"name": "post", "public": True},
        "attachment": {"name": "attachment", "public": True},
        "wp_block": {"name": "wp_block", "public": False},
    },
    "wp.getPosts": page_of(2, "post_id"),
    "wp.getUsers": page_of(3, "user_id", roles=["editor"]),
}
"""A site with two entries of each type and three editors."""


def answering(answers: Answers) -> Script:
    """A server that answers each method as told."""

    def script(request: Request) -> Step:
        params, method = loads(request.body)
        told = answers[str(method)]
        if isinstance(told, bytes):
            return told
        value = told(list(params)) if callable(told) else told
        return value if isinstance(value, bytes) else xml(value)

    return script


def calls(requests: list[Request]) -> list[tuple[str, list[Any]]]:
    """What was called, with its parameters, but for the question which methods there are."""
    called = []
    for request in requests:
        params, method = loads(request.body)
        if method != "mt.supportedMethods":
            called.append((str(method), list(params)))
    return called


def recorded(library: str, site: str, user: str) -> dict[str, dict[str, Any]]:
    """What was recorded of one site as one user, by the name of the call."""
    found = (json.loads(path.read_text()) for path in sorted(RECORDINGS.glob(f"{library}_*.json")))
    return {each["name"]: each for each in found if (each["site"], each["user"]) == (site, user)}


def replaying(recordings: Mapping[str, dict[str, Any]]) -> Answers:
    """A site that answers as recorded.

    Entries were recorded for posts only, so pages are none; media are those that were
    recorded of the media library.
    """

    def sent(name: str) -> bytes:
        each = recordings[name]
        return answer(each["response_xml"].encode(), each["response_status"], content_type=XML)

    def entries(params: list[Any]) -> object:
        kind = params[3]["post_type"]
        if kind == "attachment":
            (library,), _ = loads(recordings["getMediaLibrary"]["response_xml"])
            return [{"post_id": each["attachment_id"]} for each in library]
        return sent("getPosts") if kind == "post" else []

    return {
        "mt.supportedMethods": sent("init_client"),
        "wp.getOptions": sent("getOptions_all"),
        "wp.getPostTypes": sent("getPostTypes"),
        "wp.getPosts": entries,
        "wp.getUsers": sent("getUsers"),
    }


def connect(url: str, *, attempts: int = 1, **others: Any) -> SiteXmlRpc:
    """A client that is quick to lose patience."""
    return SiteXmlRpc(
        url,
        USER,
        PASSWORD,
        network="lab",
        timeouts=Timeouts(connect=2, read=0.75, write=0.75, whole=1.5),
        retries=Retries(attempts=attempts, first=0, longest=0.01),
        clock=lambda: NOW,
        **others,
    )
