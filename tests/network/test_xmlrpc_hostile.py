"""Every hostile answer in place of XML-RPC gets its own error and one clear sentence."""

from __future__ import annotations

import gzip
import tracemalloc
import zlib
from collections.abc import Callable
from xmlrpc.client import Fault as SiteError

import pytest

from bridge.network.faults import (
    BrokenAnswer,
    ConnectionLost,
    Fault,
    HtmlInstead,
    LoginPage,
    Maintenance,
    RateLimited,
    Redirected,
    ServerFault,
    TimedOut,
    TooLarge,
)
from bridge.network.xmlrpc_faults import SiteSilent, UnsafeXml, XmlRpcOff, XmlRpcSignInRefused

from .hostile import Server, Step, answer, drip, reset, silence
from .xmlrpc_sites import METHODS, PASSWORD, SITE, XML, answering, connect, xml

Serve = Callable[..., Server]

HTML = b"<!DOCTYPE html><html><body>Hello</body></html>"
LOGIN = b'<html><body><form id="loginform" action="/wp-login.php"></form></body></html>'
WARNING = (
    b"<br />\n<b>Warning</b>: Undefined array key [0] in <b>/x.php</b> on line <b>3</b><br />\n"
)
DECLARATION = b'<?xml version="1.0"?>\n'
BEFORE, AFTER = (
    b"<methodResponse><params><param><value>",
    b"</value></param></params></methodResponse>",
)


def html(status: int = 200, body: bytes = HTML, **headers: str) -> bytes:
    return answer(body, status, content_type="text/html", headers=headers)


def sent(body: bytes, **headers: str) -> bytes:
    return answer(body, content_type=XML, headers=headers)


def wrapped(value: bytes, *, before: bytes = DECLARATION) -> bytes:
    return sent(before + BEFORE + value + AFTER)


def entities(levels: int = 9) -> bytes:
    """A billion laughs: each entity is ten of the one before."""
    lines = [b'<!ENTITY a0 "lol">']
    for level in range(1, levels + 1):
        lines.append(b'<!ENTITY a%d "%s">' % (level, b"&a%d;" % (level - 1) * 10))
    return b"<!DOCTYPE methodResponse [" + b"".join(lines) + b"]>"


BOMB = DECLARATION + entities() + BEFORE + b"<string>&a9;</string>" + AFTER
OUTSIDE = b'<!DOCTYPE methodResponse [<!ENTITY f SYSTEM "file:///etc/passwd">]>'
WELCOME = xml(METHODS)

HOSTILE: dict[str, tuple[Step, type[Fault], str]] = {
    "entity bomb": (sent(BOMB), UnsafeXml, "a document type of its own"),
    "entity bomb without a declaration": (
        wrapped(b"<string>&a9;</string>", before=entities()),
        UnsafeXml,
        "not read further",
    ),
    "entity from a file": (wrapped(b"<string>&f;</string>", before=OUTSIDE), UnsafeXml, "lab"),
    "document type only": (wrapped(b"<int>1</int>", before=b"<!DOCTYPE x>"), UnsafeXml, "lab"),
    "document type of another site": (
        wrapped(b"<int>1</int>", before=b'<!DOCTYPE x SYSTEM "http://x.example/x.dtd">'),
        UnsafeXml,
        "lab",
    ),
    "entity without a document type": (
        wrapped(b"<string>&a;</string>"),
        BrokenAnswer,
        "undefined entity",
    ),
    "web page": (html(), HtmlInstead, "xmlrpc.php"),
    "login page": (html(body=LOGIN), LoginPage, "its login page"),
    "only the words for GET": (
        answer(b"XML-RPC server accepts POST requests only.", content_type="text/plain"),
        BrokenAnswer,
        "no XML",
    ),
    "401 of the web server": (html(401), XmlRpcOff, "HTTP 401"),
    "403 of a firewall": (html(403), XmlRpcOff, "HTTP 403"),
    "404": (html(404), XmlRpcOff, "HTTP 404"),
    "405": (
        answer(b"XML-RPC server accepts POST requests only.", 405, content_type="text/plain"),
        XmlRpcOff,
        "does not take XML-RPC calls (HTTP 405)",
    ),
    "410": (html(410), XmlRpcOff, "HTTP 410"),
    "429": (html(429), RateLimited, "fewer requests"),
    "500": (html(500), ServerFault, "crashed on mt.supportedMethods"),
    "502": (html(502), ServerFault, "HTTP 502"),
    "503": (html(503), Maintenance, "maintenance"),
    "304 without content": (answer(b"", 304), BrokenAnswer, "HTTP 304"),
    "empty, as of an archived site": (sent(b""), SiteSilent, "archived, suspended or deleted"),
    "white space": (sent(b" \r\n "), SiteSilent, "nothing at all"),
    "JSON": (answer({"code": "rest_no_route"}), BrokenAnswer, "no XML"),
    "feed": (sent(DECLARATION + b"<rss><channel/></rss>"), BrokenAnswer, "no XML"),
    "truncated": (sent(DECLARATION + BEFORE + b"<string>a"), BrokenAnswer, "cut off"),
    "damaged": (wrapped(b"<string>a</int>"), BrokenAnswer, "mismatched tag"),
    "UTF-16": (
        sent((DECLARATION + BEFORE + b"<int>1</int>" + AFTER).decode().encode("utf-16")),
        BrokenAnswer,
        "no XML",
    ),
    "no number": (wrapped(b"<int>many</int>"), BrokenAnswer, "no answer of XML-RPC"),
    "endless number": (wrapped(b"<int>" + b"9" * 100_000 + b"</int>"), BrokenAnswer, "no answer"),
    "no value": (sent(b"<methodResponse><params></params></methodResponse>"), BrokenAnswer, "un"),
    "a call": (wrapped(b"<foo/>"), BrokenAnswer, "no answer of XML-RPC"),
    "an error without a code": (
        sent(b"<methodResponse><fault><value><int>1</int></value></fault></methodResponse>"),
        BrokenAnswer,
        "no answer of XML-RPC",
    ),
    "deep nesting": (
        wrapped(b"<array><data><value>" * 50_000 + b"</value></data></array>" * 50_000),
        BrokenAnswer,
        "another shape",
    ),
    "10 MB": (
        wrapped(b"<string>" + b"x" * 10 * 1024 * 1024 + b"</string>"),
        TooLarge,
        "more than 8388608 bytes",
    ),
    "redirect to another host": (
        html(301, Location="https://user:pass@www.elsewhere.example/xmlrpc.php?k=v"),
        Redirected,
        "to https://www.elsewhere.example/xmlrpc.php.",
    ),
    "redirect that keeps the method": (
        html(308, Location="https://www.elsewhere.example/xmlrpc.php"),
        Redirected,
        "does not carry credentials",
    ),
    "redirect on the host": (html(302, Location="/wp-login.php?x=1"), Redirected, "wp-login.php"),
    "reset before the answer": (reset(), ConnectionLost, "broke off"),
    "reset in the body": (reset(WELCOME[:-9]), ConnectionLost, "broke off"),
    "not HTTP": (b"SSH-2.0-OpenSSH\r\nConnection: close\r\n\r\n", ConnectionLost, "broke off"),
    "silence": (silence, TimedOut, "within 0.75 seconds"),
    "a byte at a time": (drip(wrapped(b"x" * 9999), first=120), TimedOut, "within 1.5 seconds"),
    "a byte at a time from the first": (
        drip(b"HTTP/1.1 200 OK\r\n" + b"X-A: b\r\n" * 90, first=1),
        TimedOut,
        "within 1.5 seconds",
    ),
    "103 as last word": (
        b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n" + WELCOME,
        BrokenAnswer,
        "interim answer",
    ),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_answer_has_its_own_sentence(name: str, serve: Serve) -> None:
    step, kind, words = HOSTILE[name]
    server = serve(step)
    with connect(f"{server.url}/site1") as site, pytest.raises(Fault) as caught:
        site.facts()
    assert type(caught.value) is kind
    sentence = str(caught.value)
    assert words in sentence
    assert "lab" in sentence
    assert "?" not in sentence  # no field of the sentence is missing, no query is quoted
    assert "pass@" not in sentence
    assert PASSWORD not in sentence
    assert "\n" not in sentence


def test_nothing_is_sent_to_where_a_redirect_leads(serve: Serve) -> None:
    elsewhere = serve(WELCOME)
    server = serve(html(307, Location=f"{elsewhere.url}/xmlrpc.php"))
    with connect(server.url) as site, pytest.raises(Redirected):
        site.facts()
    assert len(server.requests) == 1
    assert elsewhere.requests == []


@pytest.mark.parametrize("times", [1, 2])
def test_a_compression_bomb_takes_no_memory(times: int, serve: Serve) -> None:
    """256 MB of zeros in 250 kB, and those compressed once more."""
    packer = zlib.compressobj(level=1, wbits=31)
    bomb = b"".join(packer.compress(b"0" * 2**20) for _ in range(256)) + packer.flush()
    for _ in range(times - 1):
        bomb = gzip.compress(bomb)
    encoding = ", ".join(["gzip"] * times)
    server = serve(sent(bomb, **{"Content-Encoding": encoding}))
    tracemalloc.start()
    try:
        with connect(server.url) as site, pytest.raises(TooLarge):
            site.facts()
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 40 * 2**20


def test_an_answer_that_is_compressed_fairly_is_read(serve: Serve) -> None:
    packed = gzip.compress(WELCOME.partition(b"\r\n\r\n")[2])
    answers = {**SITE, "mt.supportedMethods": sent(packed, **{"Content-Encoding": "gzip"})}
    server = serve(script=answering(answers))
    with connect(f"{server.url}/site1") as site:
        assert site.facts().title == "Site 1"


@pytest.mark.parametrize(
    ("before", "after"),
    [(b"\xef\xbb\xbf", b""), (b"\n\n", b"\n"), (WARNING, b""), (b"", b"<!-- cached -->")],
)
def test_what_php_prints_around_an_answer_is_left_out(
    before: bytes, after: bytes, serve: Serve
) -> None:
    whole = WELCOME.partition(b"\r\n\r\n")[2]
    server = serve(script=answering({**SITE, "mt.supportedMethods": sent(before + whole + after)}))
    with connect(f"{server.url}/site1") as site:
        assert site.facts().title == "Site 1"


def test_the_sites_own_error_counts_more_than_the_status(serve: Serve) -> None:
    """Some plugins send it with the status that it stands for."""
    error = xml(SiteError(403, "Incorrect username or password.")).replace(b" 200 ", b" 403 ", 1)
    server = serve(script=answering({**SITE, "wp.getOptions": error}))
    with connect(f"{server.url}/site1") as site, pytest.raises(XmlRpcSignInRefused):
        site.facts()


def test_cookies_and_basic_credentials_are_never_sent(serve: Serve) -> None:
    cookie = sent(WELCOME.partition(b"\r\n\r\n")[2], **{"Set-Cookie": "a=b; Path=/"})
    server = serve(script=answering({**SITE, "mt.supportedMethods": cookie}))
    with connect(f"{server.url}/site1") as site:
        site.facts()
    for request in server.requests:
        assert request.method == "POST"
        assert "cookie" not in request.headers
        assert "authorization" not in request.headers
        assert request.headers["content-type"] == "text/xml"
    assert PASSWORD.encode() not in server.requests[0].body
