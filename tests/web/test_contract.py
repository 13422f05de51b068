"""What the OpenAPI document says of the routes is what they do, whatever they are sent."""

from __future__ import annotations

from contextlib import suppress

import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis.errors import Unsatisfiable
from schemathesis.checks import not_a_server_error
from schemathesis.generation import GenerationMode
from schemathesis.specs.openapi import checks

from bridge.web.server import BackgroundService
from tests.web.conftest import TOKEN, Caller

CHECKED = [
    not_a_server_error,
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_headers_conformance,
    checks.response_schema_conformance,
]

CONFIG = schemathesis.Config.from_dict(
    {
        "seed": 1,
        "headers": {"Authorization": f"Bearer {TOKEN}"},
        "parameters": {"network": "main"},
        "generation": {"database": "none"},
    }
)


def test_every_answer_is_one_that_is_documented(service: BackgroundService) -> None:
    """Valid and invalid requests, to a network that exists; a 500 is never right."""
    document = schemathesis.openapi.from_url(f"{service.url}/openapi.json", config=CONFIG)
    tried: set[str] = set()
    for found in document.get_all_operations():
        operation = found.ok()
        for mode in GenerationMode:

            @seed(1)
            @settings(
                max_examples=3,
                database=None,
                deadline=None,
                phases=[Phase.explicit, Phase.generate],
                suppress_health_check=list(HealthCheck),
            )
            @given(case=operation.as_strategy(generation_mode=mode))
            def answers(case: schemathesis.Case) -> None:
                tried.add(case.operation.label)
                case.call_and_validate(checks=CHECKED, timeout=30)

            with suppress(Unsatisfiable):  # there is nothing that such a route could be sent wrong
                answers()
    assert len(tried) >= 25


def test_every_error_is_a_problem_document(call: Caller) -> None:
    """And every route under /v1 names the token's, too."""
    document = call("GET", "/openapi.json").json()
    for path, operations in document["paths"].items():
        for operation in operations.values():
            for status, response in operation["responses"].items():
                if status[0] in "45":
                    assert list(response["content"]) == ["application/problem+json"], path
            assert ("401" in operation["responses"]) >= path.startswith("/v1"), path
    assert "HTTPValidationError" not in document["components"]["schemas"]
