"""A network that answers from recordings, on a real socket.

Exchanges are matched by method, path, query, body and content type. Writes were recorded in
order and depend on each other, so of several recordings of one request the next one after
the last served is taken. Listings that were not recorded as asked are cut from the recorded
full listing by the rules that the same recordings show: the head pages by ``page`` and
``per_page`` and counts, the releases by ``number`` and ``offset``; the releases ignore the
site filters.
"""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

SHARED = Path(__file__).parents[2].parent / "shared"
HEAD, V2412, V247 = "recordings", "recordings_v2412", "recordings_v247"
RELEASES = (HEAD, V2412, V247)
KEY, SECRET = "key-of-the-lab", "secret-of-the-lab"

_BASE = "/wp-json/wu/v2"
_PAGING = {"page", "per_page", "number", "offset", "orderby", "order"}
_CREDENTIALS = {"api_key", "api_secret"}
_IGNORED_SITE_FILTERS = {"membership_id", "customer_id", "type", "template_id"}
_META_KEY, _META_VALUE = "meta_query[0][key]", "meta_query[0][value]"
_AFTER = "date_query[0][after]"


@dataclass(frozen=True)
class Exchange:
    """One recorded exchange."""

    file: Path
    number: int
    method: str
    path: str
    query: tuple[tuple[str, str], ...]
    content_type: str
    body: Any
    status: int
    headers: Mapping[str, str]
    answer: Any

    @property
    def filters(self) -> dict[str, str]:
        return {name: value for name, value in self.query if name not in _PAGING}


def load(release: str, entity: str) -> list[Exchange]:
    """The exchanges of one entity in the order in which they were recorded."""
    found = [_exchange(path) for path in (SHARED / release / entity).glob("*.json")]
    return sorted(found, key=lambda each: each.number)


def _exchange(path: Path) -> Exchange:
    recorded = json.loads(path.read_text())
    request, response = recorded["request"], recorded["response"]
    parts = urlsplit(request["path"])
    return Exchange(
        file=path,
        number=int(path.name.split("_")[0]),
        method=request["method"],
        path=parts.path.removeprefix(_BASE),
        query=tuple(sorted(parse_qsl(parts.query, keep_blank_values=True))),
        content_type=request["headers"].get("Content-Type", ""),
        body=request["body"],
        status=response["status"],
        headers=response["headers"],
        answer=response["body"],
    )


@dataclass
class Replay:
    """The answers of one recorded release."""

    release: str
    served: list[tuple[str, str, Any]] = field(default_factory=list)
    not_recorded: list[str] = field(default_factory=list)
    url: str = ""
    _cursor: dict[str, int] = field(default_factory=dict)
    _loaded: dict[str, list[Exchange]] = field(default_factory=dict)

    def exchanges(self, entity: str) -> list[Exchange]:
        if entity not in self._loaded:
            folder = entity if (SHARED / self.release / entity).is_dir() else "auth"
            self._loaded[entity] = load(self.release, folder)
        return self._loaded[entity]

    def answer(
        self, method: str, target: str, *, content_type: str, body: Any
    ) -> tuple[int, Mapping[str, str], Any]:
        parts = urlsplit(target)
        path = parts.path.removeprefix(_BASE)
        sent = parse_qsl(parts.query, keep_blank_values=True)
        query = tuple(sorted(pair for pair in sent if pair[0] not in _CREDENTIALS))
        self.served.append((method, path, body))
        entity = path.strip("/").split("/")[0]
        same = [
            each
            for each in self.exchanges(entity)
            if (each.method, each.path, each.query, each.body) == (method, path, query, body)
            and (body is None or each.content_type == content_type)
            and each.status != 401
        ]
        if same:
            cursor = self._cursor.get(entity, 0)
            chosen = next((each for each in same if each.number > cursor), same[-1])
            self._cursor[entity] = max(cursor, chosen.number) if body is not None else cursor
            return chosen.status, chosen.headers, chosen.answer
        if method == "GET" and path == f"/{entity}":
            return self._cut(entity, dict(query))
        self.not_recorded.append(f"{method} {target} {body}")
        return 500, {}, {"code": "not_recorded", "message": "not recorded", "data": None}

    def _cut(self, entity: str, query: dict[str, str]) -> tuple[int, Mapping[str, str], Any]:
        column = "blog_id" if entity == "site" else "id"
        filters = {name: value for name, value in query.items() if name not in _PAGING}
        ids_only = filters.pop("fields", "") == "ids"
        rows = [row for row in self.listing(entity) if self._passes(entity, row, filters)]
        rows.sort(key=lambda row: int(row[column]), reverse=query.get("order") != "ASC")
        headers = {}
        if self.release == HEAD:
            size = int(query.get("per_page", "10"))
            first = (int(query.get("page", "1")) - 1) * size
            # with fields=ids the count is wrong (membership/22_filter_fields_ids)
            headers["X-WP-Total"] = "1" if ids_only else str(len(rows))
        else:
            size, first = int(query.get("number", "100")), int(query.get("offset", "0"))
        cut = rows[first : first + size]
        return 200, headers, [row[column] for row in cut] if ids_only else cut

    def listing(self, entity: str) -> list[dict[str, Any]]:
        """All rows, as recorded before any write."""
        full = next(e for e in self.exchanges(entity) if e.file.stem.endswith("list_pp100"))
        rows: list[dict[str, Any]] = list(full.answer)
        return rows

    def _passes(self, entity: str, row: dict[str, Any], filters: dict[str, str]) -> bool:
        for name, value in filters.items():
            if name == _META_VALUE:
                if str(_membership_of_site(row)) != value:
                    return False
            elif name == _AFTER:
                if str(row["date_modified"]) <= value:
                    return False
            elif entity == "site" and name in _IGNORED_SITE_FILTERS and self.release != HEAD:
                continue
            elif name in row and _column(row[name]) != value:
                return False
        return True


def _column(shown: Any) -> str:
    """A value as it stands in the database."""
    return str(int(shown)) if isinstance(shown, bool) else str(shown)


def _membership_of_site(row: dict[str, Any]) -> Any:
    """The releases do not show it; the three were recorded on the same network."""
    return _owners().get(str(row["blog_id"]))


@cache
def _owners() -> dict[str, Any]:
    head = next(e for e in load(HEAD, "site") if e.file.stem.endswith("list_pp100"))
    return {str(each["blog_id"]): each["membership_id"] for each in head.answer}


@contextmanager
def running(release: str) -> Iterator[Replay]:
    """The release on a socket of its own."""
    replay = Replay(release)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = 1 << 16  # headers and body in one packet: no 40 ms wait for its ACK

        def log_message(self, *_: object) -> None:
            pass

        def _serve(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            sent = self.rfile.read(length)
            body = json.loads(sent) if sent else None
            if _signed_in(self.headers.get("Authorization", ""), self.path):
                status, headers, answer = replay.answer(
                    self.command,
                    self.path,
                    content_type=self.headers.get("Content-Type", ""),
                    body=body,
                )
            else:
                bad = next(e for e in replay.exchanges("membership") if e.status == 401)
                status, headers, answer = bad.status, bad.headers, bad.answer
            content = answer.encode() if isinstance(answer, str) else json.dumps(answer).encode()
            self.send_response(status)
            for name, value in headers.items():
                if name.lower() in ("content-type", "x-wp-total", "x-wp-totalpages", "allow"):
                    self.send_header(name, value)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

    for verb in ("GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"):
        setattr(Handler, f"do_{verb}", Handler._serve)
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    replay.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield replay
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _signed_in(authorization: str, target: str) -> bool:
    basic = "Basic " + base64.b64encode(f"{KEY}:{SECRET}".encode()).decode()
    query = dict(parse_qsl(urlsplit(target).query))
    in_query = (query.get("api_key"), query.get("api_secret")) == (KEY, SECRET)
    return authorization == basic or in_query
