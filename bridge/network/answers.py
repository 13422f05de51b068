"""What came back, and what it means: the JSON in it, or the fault it stands for."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import Any, TypeAlias

import orjson

from bridge.network.faults import (
    ApiOff,
    BadCredentials,
    Blocked,
    BrokenAnswer,
    Fault,
    Gone,
    HtmlInstead,
    LoginPage,
    Maintenance,
    NothingChanged,
    NotWordPress,
    RateLimited,
    Refused,
    ServerFault,
)

Json: TypeAlias = dict[str, Any] | list[Any] | str | int | float | bool | None

_BOM = b"\xef\xbb\xbf"
_HTML = re.compile(rb"<(?:!doctype\s+html|html|head|body)\b", re.IGNORECASE)
_LOGIN = re.compile(rb"wp-login\.php|id=[\"']loginform[\"']", re.IGNORECASE)
_JSON_START = re.compile(r"[\[{]")
_OBJECT_START = re.compile(r'\[?\s*\{\s*"')
_TAG = re.compile(r"<[^>]*>")
_MOST_STARTS = 64  # noise with more brackets than that is not a PHP warning
_DECODER = json.JSONDecoder()
_MOST_DIGITS = 18
_LONGEST_REST = 7 * 24 * 3600.0
"""Nobody means more seconds than a week; far more of them have no date."""


@dataclass(frozen=True, slots=True)
class Answer:
    """One HTTP answer: ``request`` is ``GET /membership/8`` (no query, no secrets)."""

    request: str
    url: str
    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def total(self) -> int | None:
        """``X-WP-Total``, which only newer networks send, and which may be wrong."""
        return whole_number(self.headers.get("X-WP-Total", ""))

    @property
    def sent_at(self) -> datetime | None:
        """The server's own clock when it answered."""
        return _http_date(self.headers.get("Date"))


def whole_number(text: str) -> int | None:
    """A number in plain digits, None for anything else; str.isdigit knows more than those."""
    plain = text.isascii() and text.isdigit() and len(text) <= _MOST_DIGITS
    return int(text) if plain else None


def decode(answer: Answer, *, network: str, salvage: bool) -> Json:
    """The JSON of an answer.

    A byte order mark is skipped. With ``salvage`` (reads), JSON between PHP warnings and
    comments is taken if it is whole; a web page around JSON never is.

    Raises:
        BrokenAnswer: empty, truncated or unreadable.
        LoginPage, HtmlInstead: a web page.
    """
    body = answer.body.removeprefix(_BOM).strip()
    if not body:
        raise _broken(answer, network, "nothing at all")
    try:
        return _json(orjson.loads(body))
    except orjson.JSONDecodeError:
        pass
    page = web_page(answer, network=network)
    if page is not None:
        raise page
    if not salvage:
        raise _broken(answer, network, "no clean JSON")
    return _salvaged(answer, body.decode("utf-8", "replace"), network)


def web_page(answer: Answer, *, network: str) -> HtmlInstead | None:
    """The fault of an answer that is a web page, None for any other."""
    if not _HTML.search(answer.body):
        return None
    kind = LoginPage if _LOGIN.search(answer.body) else HtmlInstead
    return kind(network=network, request=answer.request)


def _salvaged(answer: Answer, text: str, network: str) -> Json:
    position = 0
    for _ in range(_MOST_STARTS):
        start = _JSON_START.search(text, position)
        if start is None:
            break
        try:
            value, end = _DECODER.raw_decode(text, start.start())
        except (ValueError, RecursionError):
            # An object that does not end is a truncated answer: what stands inside it must
            # not be taken for the whole. Brackets of a warning's text are just skipped.
            if _OBJECT_START.match(text, start.start()):
                raise _broken(answer, network, "JSON that is cut off or damaged") from None
            position = start.end()
            continue
        if not text[end:].strip() or text[end:].lstrip().startswith("<"):
            return _strict(value, answer, network)
        position = end
    raise _broken(answer, network, "no JSON")


def _strict(value: object, answer: Answer, network: str) -> Json:
    """The same as the strict reader has it: the lenient one takes half characters, numbers of
    any length and NaN, which nothing behind it could keep.
    """
    try:
        text = json.dumps(value, ensure_ascii=False)
        return _json(orjson.loads(text.encode("utf-8", "replace")))
    except (ValueError, RecursionError):
        raise _broken(answer, network, "JSON that is cut off or damaged") from None


def _json(value: object) -> Json:
    if value is None or isinstance(value, (dict, list, str, int, float)):
        return value
    raise TypeError(type(value).__name__)  # no JSON decoder makes anything else


def _broken(answer: Answer, network: str, what: str) -> BrokenAnswer:
    return BrokenAnswer(network=network, request=answer.request, what=what)


def fault_of(answer: Answer, *, network: str, now: datetime) -> Fault | None:
    """The fault that an answer's status stands for, or None for a success."""
    if 200 <= answer.status < 300:
        return None
    error = _error_body(answer, network)
    code = str((error or {}).get("code") or "")
    match answer.status:
        case 401:
            return BadCredentials(network=network, code=code or "HTTP 401")
        case 429:
            return RateLimited(network=network, retry_after=_retry_after(answer, now))
        case 503:
            return Maintenance(network=network, retry_after=_retry_after(answer, now))
    if not error or not code:
        return _without_code(answer, network)
    return _with_code(answer, network, code, _sentence(error))


def _without_code(answer: Answer, network: str) -> Fault:
    """An error that is no WordPress error object: a proxy, a firewall, another program."""
    if answer.status < 200:
        what = f"an interim answer (HTTP {answer.status}) as its last word"
        return _broken(answer, network, what)
    if answer.status == 403:
        return Blocked(network=network, request=answer.request, status=403)
    if answer.status >= 500:
        return _crash(answer, network, "no details")
    return NotWordPress(network=network, url=answer.url, what=f"HTTP {answer.status}")


def _with_code(answer: Answer, network: str, code: str, message: str) -> Fault:
    """An error object of WordPress or the plugin."""
    if code == "internal_server_error":
        return _crash(answer, network, message)
    if answer.status == 404 and code == "rest_no_route":
        return ApiOff(network=network, request=answer.request)
    if answer.status == 404 and code.startswith("wu_rest_") and code.endswith("_invalid_id"):
        _, entity, number = answer.request.split("/", 2)
        return Gone(network=network, entity=entity, id=number)
    unchanged = code.startswith("wu_rest_") and "Code 2" in message
    return (NothingChanged if unchanged else Refused)(
        network=network,
        request=answer.request,
        status=answer.status,
        code=code,
        message=message,
    )


def _crash(answer: Answer, network: str, what: str) -> ServerFault:
    return ServerFault(network=network, request=answer.request, status=answer.status, what=what)


def _error_body(answer: Answer, network: str) -> dict[str, Any] | None:
    try:
        body = decode(answer, network=network, salvage=True)
    except Fault:
        return None
    return body if isinstance(body, dict) and "code" in body else None


def _sentence(error: Mapping[str, Any]) -> str:
    """The plugin's message without markup, with what WordPress says about each parameter."""
    parts = [str(error.get("message") or "no message")]
    data = error.get("data")
    params = data.get("params") if isinstance(data, dict) else None
    if isinstance(params, dict):
        parts += [str(text) for text in params.values()]
    text = " ".join(_TAG.sub(" ", " ".join(parts)).split())
    return text if len(text) <= 300 else text[:299] + "…"


def _retry_after(answer: Answer, now: datetime) -> float | None:
    value = answer.headers.get("Retry-After", "").strip()
    seconds: float | None = whole_number(value)
    if seconds is None:
        moment = _http_date(value)
        seconds = max(0.0, (moment - now).total_seconds()) if moment else None
    return None if seconds is None else float(min(seconds, _LONGEST_REST))


def _http_date(value: str | None) -> datetime | None:
    try:
        moment = parsedate_to_datetime(value or "")
    except (ValueError, OverflowError):
        return None
    return moment if moment.tzinfo else None
