"""Where events may go: public addresses, as looked up, and nowhere else."""

from __future__ import annotations

import socket
from collections.abc import Sequence
from pathlib import Path

import pytest

from bridge.hooks.targets import (
    Courier,
    InvalidEndpoint,
    NotDelivered,
    PrivateTarget,
    check_url,
)
from tests.certificates import tls_contexts
from tests.hooks.receiver import Receiver, Says

PRIVATE = [
    "127.0.0.1",
    "10.1.2.3",
    "172.16.0.1",
    "192.168.1.1",
    "169.254.169.254",
    "100.64.0.1",
    "0.0.0.0",
    "224.0.0.1",
    "255.255.255.255",
    "::1",
    "::",
    "fe80::1",
    "fe80::1%eth0",
    "fd00::1",
    "ff02::1",
    "::ffff:127.0.0.1",
    "::ffff:10.0.0.1",
    "64:ff9b::7f00:1",
    "2002:7f00:1::1",
]


@pytest.mark.parametrize("address", PRIVATE)
def test_a_name_that_leads_inside_is_refused(address: str) -> None:
    """Nobody who may add an endpoint reaches the metadata of the cloud or the database."""
    courier = Courier(resolve=lambda _host, _port: [address])
    with pytest.raises(PrivateTarget, match="PLANBRIDGE_HOOKS_PRIVATE"):
        courier.post("https://looks-fine.example.com/", b"", {})


def test_one_private_address_among_public_ones_is_enough() -> None:
    """Who answers with both would be tried with the other one next."""
    courier = Courier(resolve=lambda _host, _port: ["93.184.215.14", "10.0.0.1"])
    with pytest.raises(PrivateTarget):
        courier.post("https://both.example.com/", b"", {})


def test_a_number_as_host_is_looked_at_like_a_name() -> None:
    """Also in the spellings that only resolvers understand."""
    for host in ("127.0.0.1", "2130706433", "[::1]"):
        with pytest.raises(NotDelivered):
            Courier(connect=1, read=1).post(f"https://{host}/", b"", {})


def test_the_name_is_looked_up_once(receiver: Receiver) -> None:
    """What was checked is what is connected to, and the host keeps its name."""
    asked: list[str] = []

    def resolve(host: str, _port: int) -> Sequence[str]:
        asked.append(host)
        return ["127.0.0.1"]

    courier = Courier(private=True, resolve=resolve)
    answer = courier.post(f"http://hooks.example.com:{receiver.port}/a?b=c", b"{}", {})
    assert (answer.status, answer.text) == (200, "thanks")
    assert asked == ["hooks.example.com"]
    [taken] = receiver.taken
    assert taken.path == "/a?b=c"
    assert taken.headers["host"] == f"hooks.example.com:{receiver.port}"


def test_the_certificate_has_to_be_of_the_name(tmp_path: Path) -> None:
    """Though the connection is made to an address."""
    server, client = tls_contexts(tmp_path, "hooks.example.com")
    with Receiver(server) as receiver:
        courier = Courier(private=True, resolve=lambda _host, _port: ["127.0.0.1"], tls=client)
        url = f"https://hooks.example.com:{receiver.port}/"
        assert courier.post(url, b"{}", {}).status == 200
        with pytest.raises(NotDelivered, match=r"doesn't match|not valid for|mismatch"):
            courier.post(f"https://other.example.com:{receiver.port}/", b"{}", {})
        stranger = Courier(private=True, resolve=lambda _host, _port: ["127.0.0.1"])
        with pytest.raises(NotDelivered, match="CERTIFICATE_VERIFY_FAILED"):
            stranger.post(url, b"{}", {})
        assert len(receiver.taken) == 1


def test_a_redirect_is_an_answer_and_not_a_way(receiver: Receiver) -> None:
    """Nobody is led inside, and no signature to somebody else."""
    receiver.answer = lambda _taken: Says(307, "", {"location": "http://127.0.0.1:9/"})
    answer = Courier(private=True).post(receiver.url, b"{}", {})
    assert answer.status == 307
    assert len(receiver.taken) == 1


def test_a_long_answer_is_cut(receiver: Receiver) -> None:
    """The beginning is enough to see what is wrong."""
    receiver.answer = lambda _taken: Says(500, "x" * 100_000)
    answer = Courier(private=True).post(receiver.url, b"{}", {})
    assert 0 < len(answer.text) <= 1024


def test_a_bomb_is_not_opened(receiver: Receiver) -> None:
    """What calls itself compressed is kept as it came."""
    receiver.answer = lambda _taken: Says(200, "not gzip", {"content-encoding": "gzip"})
    assert Courier(private=True).post(receiver.url, b"{}", {}).text == "not gzip"


def test_nobody_there_and_nobody_answering() -> None:
    """Both are said, soon."""
    with pytest.raises(NotDelivered):
        Courier(private=True, connect=1).post("http://127.0.0.1:9/", b"", {})
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        port = silent.getsockname()[1]
        with pytest.raises(NotDelivered, match="timed out"):
            Courier(private=True, connect=1, read=0.2).post(f"http://127.0.0.1:{port}/", b"", {})


@pytest.mark.parametrize(
    "url",
    [
        "",
        "example.com",
        "ftp://example.com/",
        "http://example.com/",
        "https://",
        "https://user:pa55word@example.com/",
        "https://example.com/#part",
        "https://example.com/a b",
        "https://example.com:99999/",
        "https://example.com:0/",
        "https://example.com/\r\nHost: x",
    ],
)
def test_what_is_no_address_for_events(url: str) -> None:
    """Refused when it is added, without repeating a password."""
    with pytest.raises(InvalidEndpoint) as refused:
        check_url(url, private=False)
    assert "pa55word" not in str(refused.value)


def test_http_is_for_ones_own_network() -> None:
    """By setting."""
    assert check_url("http://intern:8080/x", private=True)
    assert check_url("https://example.com/x?y=z", private=False)
