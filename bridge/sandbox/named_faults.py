"""The faults that networks were seen to have, by name, for ``planbridge sandbox --faults``.

Each comes upon every request that it can come upon; narrow it with `only`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Final
from urllib.parse import urlencode

from bridge.errors import InvalidInput
from bridge.sandbox.faults import Fault, Faults
from bridge.sandbox.forms import Json
from bridge.sandbox.wire import HTML_TYPE, JSON_TYPE, Answer, Request

EXPIRED_CERTIFICATE: Final = "expired-certificate"
"""The one fault of the connection itself: the sandbox listens with such a certificate."""

_API = "/wp-json/wu/v2/"
_APIS = (_API, "/wp-json/wp/v2/")
_LOGIN = (
    '<!DOCTYPE html><html><body class="login"><form name="loginform" id="loginform" '
    'action="/wp-login.php" method="post"></form></body></html>'
)
_FIREWALL = "<!DOCTYPE html><html><body><h1>403 Forbidden</h1><p>Request blocked.</p></body></html>"
_WARNING = "<br />\n<b>Warning</b>:  Undefined array key 1 in <b>/srv/wp/a.php</b> on line <b>9</b>"
_ITEM = re.compile(r"/wu/v2/site/(\d+)$")
_PAGING = frozenset({"page", "per_page", "number", "offset"})


class UnknownFault(InvalidInput):
    """The sandbox knows no fault {name!r}."""

    hint = "It knows: {known}."


@dataclass(frozen=True, slots=True)
class NamedFault:
    """A fault and what it looks like in real life."""

    story: str
    upon: Faults


def only(faults: Faults, when: Callable[[Request], bool]) -> Faults:
    """The same faults, upon some requests."""
    return lambda request: faults(request) if when(request) else None


def named(names: Iterable[str]) -> Faults:
    """The faults of those names; upon each request the first that can come upon it.

    Raises:
        UnknownFault: there is none of a name.
    """
    chosen: list[Faults] = []
    for name in names:
        if name == EXPIRED_CERTIFICATE:
            continue
        if name not in NAMED:
            known = ", ".join([*NAMED, EXPIRED_CERTIFICATE])
            raise UnknownFault(name=name, known=known)
        chosen.append(NAMED[name].upon)

    def upon(request: Request) -> Fault | None:
        if not any(part in request.path for part in _APIS):
            return None
        found = (fault for each in chosen if (fault := each(request)) is not None)
        return next(found, None)

    return upon


def _always(fault: Fault) -> Faults:
    return lambda _request: fault


def _answer(change: Callable[[Answer], Answer]) -> Faults:
    return _always(Fault(answered=change))


def _body(change: Callable[[bytes], bytes]) -> Faults:
    return _answer(lambda answer: replace(answer, content=change(answer.content)))


def _json(change: Callable[[Json], Json]) -> Faults:
    """Change what successful answers say."""

    def altered(answer: Answer) -> Answer:
        if answer.status >= 300 or not answer.content:
            return answer
        content = json.dumps(change(json.loads(answer.content)), separators=(",", ":")).encode()
        return replace(answer, content=content)

    return _answer(altered)


def _deep(change: Callable[[str, Json], Json], value: Json, name: str = "") -> Json:
    """A document with every value in it changed, the inner ones first."""
    if isinstance(value, dict):
        value = {key: _deep(change, each, key) for key, each in value.items()}
    elif isinstance(value, list):
        value = [_deep(change, each, name) for each in value]
    return change(name, value)


def _quoted(_name: str, value: Json) -> Json:
    return str(value) if type(value) in (int, float) else value


def _bare(_name: str, value: Json) -> Json:
    return [] if value == {} else value


def _zero_date(name: str, value: Json) -> Json:
    return "0000-00-00 00:00:00" if name.startswith("date_") and value in (None, "") else value


def _is_listing(request: Request) -> bool:
    return request.method == "GET" and "/" not in request.path.removeprefix(_API)


def _without_authorization(request: Request) -> Request:
    headers = {name: value for name, value in request.headers.items() if name != "authorization"}
    return replace(request, headers=headers)


def _redirect(address: Callable[[str], str]) -> Faults:
    def upon(request: Request) -> Fault:
        host = request.headers.get("host", "")
        query = f"?{request.query_string}" if request.query_string else ""
        location = f"{address(host)}{request.path}{query}"
        return Fault(status=301, html="<html>moved</html>", headers={"location": location})

    return upon


def _first_page(request: Request) -> Request:
    kept = [(name, value) for name, value in request.query.items() if name not in _PAGING]
    flat = {name: value for name, value in kept if isinstance(value, str)}
    return replace(request, query_string=urlencode({**flat, "per_page": 100, "number": 100}))


def _list(change: Callable[[list[Json]], list[Json]]) -> Faults:
    """Change listings of rows, not those of ids, as when rows come and go meanwhile."""

    def changed(body: Json) -> Json:
        return change(body) if isinstance(body, list) and len(body) > 1 else body

    return only(
        _json(changed), lambda request: _is_listing(request) and "fields" not in request.query
    )


def _total(answer: Answer) -> Answer:
    if "x-wp-total" not in answer.headers:
        return answer
    return replace(answer, headers={**answer.headers, "x-wp-total": "12", "x-wp-totalpages": "1"})


def _upon_sites(fault: Fault, which: Callable[[int], bool]) -> Faults:
    def upon(request: Request) -> Fault | None:
        found = _ITEM.search(request.path)
        return fault if found and which(int(found[1])) else None

    return upon


def _error(code: str, message: str, status: int) -> Fault:
    body = json.dumps({"code": code, "message": message, "data": {"status": status}})
    return Fault(status=status, html=body, headers={"content-type": JSON_TYPE})


def _in_html(answer: Answer) -> Answer:
    page = b"<html><body><pre>" + answer.content + b"</pre></body></html>"
    return replace(answer, content=page, headers={**answer.headers, "content-type": HTML_TYPE})


def _is_write(request: Request) -> bool:
    return request.method not in ("GET", "HEAD", "OPTIONS")


NAMED: Final[Mapping[str, NamedFault]] = {
    "error": NamedFault("PHP dies: 500.", _always(Fault(status=500))),
    "bad-gateway": NamedFault(
        "The proxy finds no PHP: 502.", _always(Fault(status=502, html="<html>502</html>"))
    ),
    "gateway-timeout": NamedFault(
        "PHP takes too long for the proxy: 504.",
        _always(Fault(status=504, html="<html>504</html>")),
    ),
    "maintenance": NamedFault(
        "WordPress updates itself: 503, come back in ten minutes.",
        _always(Fault(status=503, headers={"retry-after": "600"})),
    ),
    "too-many": NamedFault("Too many requests: 429.", _always(Fault(status=429, html="slow"))),
    "too-many-wait": NamedFault(
        "Too many requests: 429, with the seconds to wait.",
        _always(Fault(status=429, html="slow", headers={"retry-after": "30"})),
    ),
    "no-authorization": NamedFault(
        "The web server drops the Authorization header: 401.",
        _always(Fault(asked=_without_authorization)),
    ),
    "firewall": NamedFault(
        "A firewall refuses with a page: 403.", _always(Fault(status=403, html=_FIREWALL))
    ),
    "no-route": NamedFault(
        "The API is switched off: 404 rest_no_route.",
        _always(_error("rest_no_route", "No route was found.", 404)),
    ),
    "to-https": NamedFault(
        "All of http is moved to https: 301.", _redirect(lambda host: f"https://{host}")
    ),
    "to-www": NamedFault(
        "The site is moved to www: 301.", _redirect(lambda host: f"http://www.{host}")
    ),
    "login-page": NamedFault("A plugin wants a login: 200.", _always(Fault(html=_LOGIN))),
    "html": NamedFault("JSON inside a web page.", _answer(_in_html)),
    "bom": NamedFault("A byte order mark first.", _body(lambda body: b"\xef\xbb\xbf" + body)),
    "warning": NamedFault(
        "A PHP warning first.", _body(lambda body: _WARNING.encode() + b"\n" + body)
    ),
    "comment": NamedFault(
        "A cache's comment last.", _body(lambda body: body + b"\n<!-- cached 12:00 -->")
    ),
    "truncated": NamedFault("Half of the JSON.", _body(lambda body: body[: len(body) // 2])),
    "empty": NamedFault("200 and nothing.", _body(lambda _body: b"")),
    "null": NamedFault("200 and null.", _body(lambda _body: b"null")),
    "quoted": NamedFault('"12" for 12.', _json(lambda body: _deep(_quoted, body))),
    "bare": NamedFault("[] for {}.", _json(lambda body: _deep(_bare, body))),
    "zero-dates": NamedFault(
        "0000-00-00 for no date.", _json(lambda body: _deep(_zero_date, body))
    ),
    "page-ignored": NamedFault(
        "A cache serves the first page for all.",
        only(_always(Fault(asked=_first_page)), _is_listing),
    ),
    "rows-repeated": NamedFault(
        "A row comes twice, and the last one not at all.", _list(lambda rows: [rows[0], *rows[:-1]])
    ),
    "rows-skipped": NamedFault("A row is left out.", _list(lambda rows: rows[1:])),
    "wrong-total": NamedFault("The count of rows is wrong.", _answer(_total)),
    "slow": NamedFault("One byte a second.", _always(Fault(bytes_per_second=1))),
    "reset": NamedFault("The connection breaks in the body.", _always(Fault(cut=True))),
    "answer-lost": NamedFault(
        "Writes are carried out, their answers lost.",
        only(_always(Fault(drop="after")), _is_write),
    ),
    "half-of-sites": NamedFault(
        "Every site with an odd id dies: 500.",
        _upon_sites(Fault(status=500), lambda blog_id: blog_id % 2 == 1),
    ),
    "site-gone": NamedFault(
        "Sites are listed, but deleted: 404.",
        _upon_sites(_error("wu_rest_site_invalid_id", "Item not found.", 404), lambda _id: True),
    ),
}
"""What goes wrong by name."""
