"""Every hostile answer to a read gets its own error and one clear sentence."""

from __future__ import annotations

import logging
import socket
import ssl
import subprocess
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from bridge.network.client import NetworkClient
from bridge.network.entities import Entity
from bridge.network.faults import (
    ApiOff,
    BadCredentials,
    Blocked,
    BrokenAnswer,
    ConnectionLost,
    Fault,
    Gone,
    HtmlInstead,
    LoginPage,
    Maintenance,
    NotWordPress,
    RateLimited,
    Redirected,
    Refused,
    ServerFault,
    TimedOut,
    TlsFailed,
    TooLarge,
    Unreachable,
)

from .conftest import KEY, SECRET
from .hostile import Server, Step, answer, drip, error, reset, silence

Serve = Callable[..., Server]
Connect = Callable[..., NetworkClient]

HTML = b"<!DOCTYPE html><html><body>Hello</body></html>"
LOGIN = b'<html><body><form id="loginform" action="/wp-login.php"></form></body></html>'
WELCOME = {"success": True, "label": "Lab", "message": "Welcome to our API"}
ROW = {"id": "8", "model": "domain", "blog_id": "5", "domain": "a.example", "active": "1"}
WARNING = (
    b"<br />\n<b>Warning</b>: Undefined array key [0] in <b>/x.php</b> on line <b>3</b><br />\n"
)


def html(status: int = 200, body: bytes = HTML, **headers: str) -> bytes:
    return answer(body, status, content_type="text/html", headers=headers)


HOSTILE: dict[str, tuple[Step, type[Fault], str]] = {
    "web page": (html(), HtmlInstead, "a web page instead of data"),
    "login page": (html(body=LOGIN), LoginPage, "its login page"),
    "401": (error("rest_forbidden", 401), BadCredentials, "drops the Authorization header"),
    "401 of the web server": (html(401), BadCredentials, "HTTP 401"),
    "403 of a firewall": (html(403), Blocked, "allow its address"),
    "404 rest_no_route": (error("rest_no_route", 404), ApiOff, "Switch the API on"),
    "404 web page": (html(404), NotWordPress, "no WordPress REST interface"),
    "404 of another program": (answer({"detail": "?"}, 404), NotWordPress, "main site"),
    "another program": (answer({"hello": "world"}), NotWordPress, "not the plugin's"),
    "429": (html(429), RateLimited, "fewer requests"),
    "500 web page": (html(500), ServerFault, "crashed on GET /auth"),
    "500 PHP fatal": (
        error("internal_server_error", 500, "<p>critical error</p>"),
        ServerFault,
        "HTTP 500: critical error",
    ),
    "502": (html(502), ServerFault, "HTTP 502"),
    "503": (html(503), Maintenance, "down for maintenance"),
    "504": (html(504), ServerFault, "HTTP 504"),
    "400": (error("rest_invalid_param", 400, "Bad."), Refused, "Bad. (rest_invalid_param"),
    "truncated": (answer(b'{"success": true, "label": {"a": 1}'), BrokenAnswer, "cut off"),
    "truncated behind a warning": (
        answer(WARNING + b'[{"a": {"b": 1}}, {"c'),
        BrokenAnswer,
        "cut off",
    ),
    "empty": (answer(b""), BrokenAnswer, "nothing at all"),
    "only a BOM": (answer(b"\xef\xbb\xbf"), BrokenAnswer, "nothing at all"),
    "null": (answer(b"null"), NotWordPress, "not the plugin's"),
    "garbage": (answer(b"\x00\xff[[[{{{"), BrokenAnswer, "unreadable"),
    "deep nesting": (answer(b"[" * 100_000), BrokenAnswer, "unreadable"),
    "JSON inside a web page": (
        html(body=b'<!doctype html><script>{"success": true}</script>'),
        HtmlInstead,
        "web page",
    ),
    "103 as last word": (
        b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n" + answer(WELCOME),
        BrokenAnswer,
        "interim answer",
    ),
    "reset before the answer": (reset(), ConnectionLost, "broke off"),
    "reset in the body": (reset(answer(WELCOME)[:-9]), ConnectionLost, "broke off"),
    "closed in the body": (
        answer(WELCOME, headers={"Content-Length": "999"}),
        ConnectionLost,
        "broke off",
    ),
    "closed in a chunk": (
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\nff\r\n{",
        ConnectionLost,
        "broke off",
    ),
    "not HTTP": (b"SSH-2.0-OpenSSH\r\nConnection: close\r\n\r\n", ConnectionLost, "broke off"),
    "damaged gzip": (
        answer(b"\x1f\x8bnonsense", headers={"Content-Encoding": "gzip"}),
        ConnectionLost,
        "broke off",
    ),
    "silence": (silence, TimedOut, "within 0.75 seconds"),
    "a byte at a time": (drip(answer([0] * 99999), first=120), TimedOut, "within 1.5 seconds"),
    "a byte at a time from the first": (
        drip(b"HTTP/1.1 200 OK\r\n" + b"X-A: b\r\n" * 90, first=1),
        TimedOut,
        "within 1.5 seconds",
    ),
    "oversized": (answer(b'["' + b"x" * 2_000_000 + b'"]'), TooLarge, "more than 1000000 bytes"),
    "redirect to another host": (
        html(301, Location="https://www.elsewhere.example/wp-json/wu/v2/auth"),
        Redirected,
        "https://www.elsewhere.example",
    ),
    "redirect to the login page": (html(302, Location="/wp-login.php?x=1"), LoginPage, "login"),
    "redirect to no address": (html(302, Location="http://[x"), BrokenAnswer, "is no address"),
    "redirect to no port": (html(302, Location="http://x:99999/"), BrokenAnswer, "is no address"),
    "redirect in a loop": (html(302, Location="?again=1"), Redirected, "in a loop"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_answer_has_its_own_sentence(name: str, serve: Serve, connect: Connect) -> None:
    step, kind, words = HOSTILE[name]
    server = serve(step)
    with pytest.raises(Fault) as caught:
        connect(server).probe()
    assert type(caught.value) is kind
    sentence = str(caught.value)
    assert words in sentence
    assert "lab" in sentence
    assert "?" not in sentence.replace("/?", "")  # no field of the sentence is missing
    assert SECRET not in sentence
    assert "\n" not in sentence


def test_a_decompression_bomb_is_stopped(serve: Serve, connect: Connect) -> None:
    import gzip

    bomb = gzip.compress(b"0" * 20_000_000)
    server = serve(answer(bomb, headers={"Content-Encoding": "gzip"}))
    with pytest.raises(TooLarge):
        connect(server).probe()


def test_a_closed_port_is_unreachable(connect: Connect) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    with pytest.raises(Unreachable, match="Connection refused"):
        connect(f"http://127.0.0.1:{port}").probe()


def test_an_unknown_host_is_unreachable(connect: Connect) -> None:
    with pytest.raises(Unreachable, match="Check the address, DNS"):
        connect("https://no-such-host.invalid").probe()


def test_a_certificate_that_is_not_valid_is_never_ignored(tmp_path: Path, connect: Connect) -> None:
    key, certificate = tmp_path / "key.pem", tmp_path / "cert.pem"
    subject = ["-subj", "/CN=localhost", "-days", "1", "-nodes"]
    files = ["-keyout", str(key), "-out", str(certificate)]
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", *subject, *files],
        check=True,
        capture_output=True,
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def handshake() -> None:
            connection, _ = listener.accept()
            with connection, pytest.raises(OSError, match=r"alert|EOF|reset"):
                context.wrap_socket(connection, server_side=True)

        thread = threading.Thread(target=handshake)
        thread.start()
        with pytest.raises(TlsFailed, match="certificate"):
            connect(f"https://localhost:{listener.getsockname()[1]}").probe()
        thread.join()


class TestSalvage:
    """Whole JSON in dirty wrapping is taken for reads."""

    @pytest.mark.parametrize(
        "body",
        [
            b"\xef\xbb\xbf%s",
            b"\n\n  %s",
            WARNING + b"%s",
            b"%s\n<!-- cached in 0.01s -->",
            b"\xef\xbb\xbf" + WARNING + b"%s" + b"<!-- {} -->",
            b"Deprecated: foo() {closure} in /a [b] on line 3\n%s",
        ],
    )
    def test_the_row_is_read(self, body: bytes, serve: Serve, connect: Connect) -> None:
        import json

        dirty = answer(body.replace(b"%s", json.dumps(ROW).encode()), content_type="text/html")
        assert connect(serve(dirty)).get(Entity.DOMAIN, 8).raw == ROW

    def test_another_row_than_asked_for_is_refused(self, serve: Serve, connect: Connect) -> None:
        """A cache that serves one answer for all must not mix rows up."""
        with pytest.raises(BrokenAnswer):
            connect(serve(answer(ROW))).get(Entity.DOMAIN, 9)

    @pytest.mark.parametrize("body", [b"[]", b"{}", b"null", b"8", b'"x"'])
    def test_what_is_no_row_is_refused(self, body: bytes, serve: Serve, connect: Connect) -> None:
        with pytest.raises(BrokenAnswer):
            connect(serve(answer(body))).get(Entity.DOMAIN, 8)


class TestRetries:
    """Reads are tried again while that may help."""

    @pytest.mark.parametrize("step", [reset(), answer(b""), answer(b'[{"a'), html(502)])
    def test_a_passing_fault_is_ridden_out(
        self, step: Step, serve: Serve, connect: Connect
    ) -> None:
        server = serve(step, answer(ROW))
        assert connect(server, attempts=3).get(Entity.DOMAIN, 8).id == 8
        assert len(server.requests) == 2

    @pytest.mark.parametrize("step", [html(), error("rest_forbidden", 401), html(403)])
    def test_a_lasting_fault_is_not_repeated(
        self, step: Step, serve: Serve, connect: Connect
    ) -> None:
        server = serve(step)
        with pytest.raises(Fault):
            connect(server, attempts=3).get(Entity.DOMAIN, 8)
        assert len(server.requests) == 1

    def test_the_attempts_end(self, serve: Serve, connect: Connect) -> None:
        server = serve(html(502))
        with pytest.raises(ServerFault):
            connect(server, attempts=3).get(Entity.DOMAIN, 8)
        assert len(server.requests) == 3

    @pytest.mark.parametrize(
        ("value", "seconds"),
        [
            ("600", 600.0),
            ("Tue, 24 Nov 2026 12:10:00 GMT", 600.0),
            ("99999999", 604_800.0),
            ("9" * 30, None),
            ("\xb2", None),
            ("Tue, 24 Nov 99999 12:10:00 GMT", None),
            ("soon", None),
            ("", None),
        ],
    )
    def test_a_long_wait_is_left_to_the_caller(
        self, value: str, seconds: float | None, serve: Serve, connect: Connect
    ) -> None:
        server = serve(html(503, **{"Retry-After": value}))
        with pytest.raises(Maintenance) as caught:
            connect(server, attempts=2).get(Entity.DOMAIN, 8)
        assert caught.value.retry_after == seconds
        assert len(server.requests) == (1 if seconds else 2)

    def test_after_an_interim_answer_the_connection_is_not_used_again(
        self, serve: Serve, connect: Connect
    ) -> None:
        """The late real answer must not be taken for that to the next request."""
        late = answer({**ROW, "id": "1"}, headers={"Connection": "keep-alive"})
        server = serve(
            b"HTTP/1.1 103 Early Hints\r\n\r\n" + late,
            answer(ROW),
        )
        assert connect(server, attempts=2).get(Entity.DOMAIN, 8).raw == ROW


class TestRedirects:
    """Credentials stay with the host they were given for."""

    def test_within_the_host_a_read_follows(self, serve: Serve, connect: Connect) -> None:
        server = serve(html(301, Location="/moved/wp-json/wu/v2/domain/8"), answer(ROW))
        assert connect(server).get(Entity.DOMAIN, 8).id == 8
        assert server.requests[1].target == "/moved/wp-json/wu/v2/domain/8"
        assert server.requests[1].headers["authorization"]

    def test_to_another_port_nothing_is_sent(self, serve: Serve, connect: Connect) -> None:
        other = serve(answer(ROW))
        server = serve(html(307, Location=f"{other.url}/wp-json/wu/v2/domain/8"))
        with pytest.raises(Redirected):
            connect(server).get(Entity.DOMAIN, 8)
        assert other.requests == []

    @pytest.mark.parametrize("status", [301, 302, 303])
    def test_a_write_is_never_turned_into_a_read(
        self, status: int, serve: Serve, connect: Connect
    ) -> None:
        server = serve(html(status, Location="/elsewhere"))
        with pytest.raises(Redirected, match=r"sends PUT /domain/8 on to http://127\.0\.0\.1"):
            connect(server).update(Entity.DOMAIN, 8, {"active": True})
        assert server.methods == ["PUT"]

    def test_a_redirect_that_keeps_the_verb_is_followed(
        self, serve: Serve, connect: Connect
    ) -> None:
        moved = html(308, Location="/v/domain/8")
        server = serve(moved, answer(ROW), answer(ROW))
        connect(server).update(Entity.DOMAIN, 8, {"active": True})
        assert server.methods == ["PUT", "PUT", "GET"]
        assert server.requests[1].json == {"active": True}


class TestSecrets:
    def test_basic_credentials_go_out_in_the_header_only(
        self, serve: Serve, connect: Connect
    ) -> None:
        server = serve(answer(ROW))
        connect(server).get(Entity.DOMAIN, 8)
        [request] = server.requests
        assert request.headers["authorization"].startswith("Basic ")
        assert "api_" not in request.target

    @pytest.mark.parametrize("step", [reset(), b"HTTP/1.1 200 OK\r\nConnection: close\r\nX-"])
    def test_in_the_query_they_reach_no_error_and_no_log(
        self, step: Step, serve: Serve, connect: Connect, caplog: pytest.LogCaptureFixture
    ) -> None:
        server = serve(step)
        with caplog.at_level(logging.DEBUG), pytest.raises(Fault) as caught:
            connect(server, in_query=True, attempts=2).get(Entity.DOMAIN, 8)
        assert f"api_key={KEY}" in server.requests[0].target
        assert "authorization" not in server.requests[0].headers
        shown = f"{caught.value} {caught.value!r} {caught.value.fields} {caplog.text}"
        assert SECRET not in shown

    def test_no_password_is_taken_from_netrc(
        self, serve: Serve, connect: Connect, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        netrc = tmp_path / "netrc"
        netrc.write_text("machine 127.0.0.1 login other password other\n")
        monkeypatch.setenv("NETRC", str(netrc))
        server = serve(answer(ROW))
        connect(server, in_query=True).get(Entity.DOMAIN, 8)
        assert "authorization" not in server.requests[0].headers


def test_no_cookie_is_kept(serve: Serve, connect: Connect) -> None:
    """With a login cookie WordPress would ask for a nonce."""
    server = serve(answer(ROW, headers={"Set-Cookie": "wordpress_logged_in=1; Path=/"}))
    client = connect(server)
    client.get(Entity.DOMAIN, 8)
    client.get(Entity.DOMAIN, 8)
    assert "cookie" not in server.requests[1].headers


def test_a_missing_row_is_gone_not_an_api_that_is_off(serve: Serve, connect: Connect) -> None:
    with pytest.raises(Gone, match="no domain 8"):
        connect(serve(error("wu_rest_domain_invalid_id", 404))).get(Entity.DOMAIN, 8)
