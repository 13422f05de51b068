"""The page of event types is what the code says."""

from __future__ import annotations

from pathlib import Path

from webhooks.event_table import PLUGIN_ACTS_ON, markdown, rows
from webhooks.stripe_events import HANDLERS, TOLD_BY

PAGE = Path(__file__).parents[2] / "webhooks" / "EVENTS.md"


def test_the_page_is_current() -> None:
    """``planbridge events table --markdown > webhooks/EVENTS.md`` makes it."""
    assert PAGE.read_text() == markdown()


def test_every_type_that_the_plugin_handles_is_listed() -> None:
    """And each with what planbridge does instead."""
    assert set(HANDLERS) | set(TOLD_BY) >= PLUGIN_ACTS_ON
    for kind, _, effect in rows():
        assert len(effect) > 20, kind
