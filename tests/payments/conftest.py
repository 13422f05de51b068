"""A shop with everything in it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlalchemy import Engine

from tests.payments.shop import Shop


@pytest.fixture
def shop(sqlite_engine: Engine) -> Iterator[Shop]:
    """One member on Free, no card, nothing at Stripe."""
    with Shop(sqlite_engine) as opened:
        yield opened
