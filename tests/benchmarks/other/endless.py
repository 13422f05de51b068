"""A sandbox whose memberships are made when they are asked for, so that it can have a million."""

from __future__ import annotations

from collections.abc import Iterator
from multiprocessing.connection import Connection
from typing import Any

import orjson

from bridge.sandbox.faults import Fault
from bridge.sandbox.network_models import MODELS
from bridge.sandbox.server import SandboxNetwork
from bridge.sandbox.views import read
from bridge.sandbox.wire import Answer, Request

_LISTING = "/wp-json/wu/v2/membership"
_MADE_UP = 100


class EndlessNetwork(SandboxNetwork):
    """Its listing of memberships has ``size`` rows, by ascending id from 1 on.

    Each is a made-up membership of the sandbox with an id and a customer of its own. All
    else, and whatever is asked of the listing but rows, ids and their number, is the
    sandbox's own.
    """

    def __init__(self, size: int) -> None:
        super().__init__(memberships=_MADE_UP)
        self._size = size
        model = MODELS["membership"]
        self._patterns = [read(self.state, model, row) for row in self.state.rows("membership")]

    def handle(self, request: Request, fault: Fault) -> Answer | None:
        """Answer a page of the listing, or anything else as the sandbox does."""
        if request.method != "GET" or request.path.rstrip("/") != _LISTING:
            return super().handle(request, fault)
        query = request.query
        if query.get("count"):
            return self._answer(self._size)
        if str(query.get("order", "ASC")).upper() != "ASC" or "date_query" in query:
            return super().handle(request, fault)
        per_page = int(query.get("per_page", 10))
        start = (int(query.get("page", 1)) - 1) * per_page
        ids = range(start + 1, min(start + per_page, self._size) + 1)
        if query.get("fields") == "ids":
            return self._answer([str(each) for each in ids])
        return self._answer(list(self._rows(ids)))

    def _rows(self, ids: range) -> Iterator[dict[str, Any]]:
        for each in ids:
            pattern = self._patterns[each % len(self._patterns)]
            yield {**pattern, "id": str(each), "customer_id": each, "user_id": each + 1}

    def _answer(self, body: object) -> Answer:
        headers = {"content-type": "application/json", "x-wp-total": str(self._size)}
        return Answer(200, orjson.dumps(body), headers)


def serve(size: int, told: Connection) -> None:
    """Be such a network until terminated; says its URL."""
    network = EndlessNetwork(size)
    told.send(network.url)
    network.serve()
