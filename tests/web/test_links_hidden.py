"""Sign-in links never reach the log of requests."""

from __future__ import annotations

import logging

from bridge.web.pages.hidden import LinksHidden


def line(*args: object) -> str:
    record = logging.LogRecord("uvicorn.access", 20, "", 0, '%s "%s %s" %d', args, None)
    assert LinksHidden().filter(record)
    return record.getMessage()


def test_the_token_is_left_out() -> None:
    """Path and status stay, what opens an account does not."""
    said = line("127.0.0.1", "GET", "/account/main/enter?token=eyJh.eyJh.abc&lang=fr", 200)
    assert said == '127.0.0.1 "GET /account/main/enter?…" 200'


def test_other_lines_are_as_they_were() -> None:
    """Nothing else is touched."""
    said = line("127.0.0.1", "GET", "/account/main/memberships/1?done=card", 200)
    assert said == '127.0.0.1 "GET /account/main/memberships/1?done=card" 200'
