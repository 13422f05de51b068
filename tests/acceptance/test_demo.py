"""``make run``: a page where a newcomer can click through everything."""

from __future__ import annotations

import re
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from tests.acceptance.conftest import COMMAND


@pytest.fixture
def printed(environment: dict[str, str], tmp_path: Path) -> Iterator[str]:
    """What the demonstration prints before it serves; it is ended with Ctrl-C, which is good."""
    with subprocess.Popen(
        [str(COMMAND), "demo", "--memberships", "3"],
        cwd=tmp_path,
        env=environment,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        told = ""
        try:
            while "Ctrl-C" not in told:
                line = process.stdout.readline()
                assert line, f"it ended after: {told}"
                told += line
            yield told
            process.send_signal(signal.SIGINT)
            assert process.wait(timeout=30) == 0
        finally:
            process.kill()


def test_a_newcomer_becomes_a_customer_by_a_click(printed: str) -> None:
    """The page makes a sign-in link of its own each time; the link opens the account."""
    start = re.search(r"customer:\s+(\S+)", printed)
    assert start
    browser = requests.Session()
    page = browser.get(start[1], timeout=10)
    assert "Customer 1" in page.text
    token = re.search(r'name="_token" value="([^"]+)"', page.text)
    assert token
    fields = {"_token": token[1], "customer": "1", "language": "fr"}
    links = {
        browser.post(start[1], data=fields, allow_redirects=False, timeout=10).headers["location"]
        for _ in range(2)
    }
    assert len(links) == 2
    service = start[1].removesuffix("/demo")
    opened = browser.get(f"{service}{links.pop()}", timeout=10)
    link = re.search(r'name="token" value="([^"]+)"', opened.text)
    own = re.search(r'name="_token" value="([^"]+)"', opened.text)
    assert link
    assert own
    account = browser.post(
        f"{service}/account/demo/enter", data={"token": link[1], "_token": own[1]}, timeout=10
    )
    assert account.status_code == 200
    assert "Votre adhésion" in account.text
    change = browser.get(f"{service}/account/demo/memberships/1/change", timeout=10)
    assert "Premium" in change.text


def test_a_form_of_another_page_makes_no_link(printed: str) -> None:
    start = re.search(r"customer:\s+(\S+)", printed)
    assert start
    answer = requests.post(start[1], data={"customer": "1"}, timeout=10)
    assert answer.status_code == 403
