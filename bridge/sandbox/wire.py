"""Requests and answers, apart from the socket they travel on."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field

from bridge.sandbox.forms import Json
from bridge.sandbox.php_query import parse_query

JSON_TYPE = "application/json; charset=UTF-8"
HTML_TYPE = "text/html; charset=UTF-8"

FATAL_PAGE = """<!DOCTYPE html>
<html lang="en-US">
<head><title>WordPress &rsaquo; Error</title></head>
<body id="error-page">
<div class="wp-die-message"><p>There has been a critical error on this website.</p></div>
</body>
</html>
"""
FATAL_MESSAGE = "<p>There has been a critical error on this website.</p>"


@dataclass(frozen=True, slots=True)
class Request:
    """One HTTP request. Header names are in lower case; ``path`` is without the query."""

    method: str
    path: str
    query_string: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""

    @property
    def query(self) -> dict[str, Json]:
        """The query as PHP's ``$_GET``: brackets nest."""
        return parse_query(self.query_string)

    @property
    def sent_as_json(self) -> bool:
        """Whether core parses the body as JSON, and so validates it."""
        media = self.headers.get("content-type", "").partition(";")[0].strip().lower()
        return media == "application/json" or media.endswith("+json")

    @property
    def json_body(self) -> Json:
        """The body as the plugin decodes it, whatever its type says; None if it is no JSON."""
        try:
            return json.loads(self.body)
        except ValueError:
            return None


@dataclass(frozen=True, slots=True)
class Answer:
    """One HTTP answer; ``content`` is its body as it goes out."""

    status: int
    content: bytes
    headers: Mapping[str, str] = field(default_factory=dict)


class Refused(Exception):
    """Thrown where a request stops; carries the answer."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(answer.status)
        self.answer = answer


def json_answer(
    body: Json, *, status: int = 200, headers: Mapping[str, str] | None = None
) -> Answer:
    """An answer with a JSON body."""
    content = json.dumps(body, separators=(",", ":")).encode()
    return Answer(status, content, {"content-type": JSON_TYPE, **(headers or {})})


def html_answer(page: str, *, status: int) -> Answer:
    """An answer that is a web page."""
    return Answer(status, page.encode(), {"content-type": HTML_TYPE, **_UNCACHED})


def error_answer(code: str, message: str, *, status: int, data: Json = None) -> Answer:
    """A WordPress error as JSON; ``data`` is null for errors that carry no status."""
    return json_answer({"code": code, "message": message, "data": data}, status=status)


def refused(code: str, message: str, *, status: int, **data: Json) -> Refused:
    """A refusal by core or by the REST layer, whose data repeats the status."""
    return Refused(error_answer(code, message, status=status, data={"status": status, **data}))


def fatal() -> Refused:
    """PHP died: the page that WordPress shows instead."""
    return Refused(html_answer(FATAL_PAGE, status=500))


def fatal_json() -> Refused:
    """PHP died while core was expecting JSON."""
    body = {
        "code": "internal_server_error",
        "message": FATAL_MESSAGE,
        "data": {"status": 500},
        "additional_errors": [],
    }
    return Refused(json_answer(body, status=500, headers=_UNCACHED))


_UNCACHED = {
    "expires": "Wed, 11 Jan 1984 05:00:00 GMT",
    "cache-control": "no-cache, must-revalidate, max-age=0, no-store, private",
}
