"""The running service with network and Stripe, asked over HTTP."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.pages.stage import Stage, open_stage


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """Service, network and Stripe, shared by the tests of a module."""
    with open_stage(tmp_path_factory.mktemp("stage")) as opened:
        yield opened
