"""The OpenAPI document: what FastAPI says of the routes, and how each answers an error."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from fastapi import FastAPI

from bridge.web.problems import MEDIA_TYPE

_METHODS: Final = ("get", "post", "put", "patch", "delete")
_REPLACED: Final = ("HTTPValidationError", "ValidationError")
_REFERENCE: Final = {"$ref": "#/components/schemas/Problem"}

_PROBLEM: Final = {
    "title": "Problem",
    "description": "What went wrong and what to do (RFC 9457). ``title`` is the kind; some kinds "
    "have further members, such as ``errors`` of an input that is not valid.",
    "type": "object",
    "required": ["type", "title", "status", "detail"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["where", "what"],
                "properties": {"where": {"type": "string"}, "what": {"type": "string"}},
            },
        },
    },
}

_UNREADABLE = "It cannot be read: not the JSON that was announced, or a NUL character in it."
_MEANINGS: Final = {
    "400": _UNREADABLE,
    "401": "The operator's token is missing or wrong.",
    "404": "What the address names does not exist.",
    "408": "The body came too slowly.",
    "413": "The body is larger than 1 MiB.",
    "422": "A parameter or the body is not valid; the detail says which, and why.",
    "5XX": "Not the caller's mistake: the detail says what is in the way.",
}


def install(app: FastAPI) -> None:
    """Have the application's document name its errors, too."""
    generate = app.openapi

    def document() -> dict[str, Any]:
        if app.openapi_schema is None:
            _complete(generate())
        return generate()

    app.openapi = document  # type: ignore[method-assign]


def _complete(document: dict[str, Any]) -> None:
    schemas = document.setdefault("components", {}).setdefault("schemas", {})
    for name in _REPLACED:
        schemas.pop(name, None)
    schemas["Problem"] = _PROBLEM
    for operations in document["paths"].values():
        for method in _METHODS:
            if method in operations:
                _tell_errors(operations[method])


def _tell_errors(operation: dict[str, Any]) -> None:
    responses = operation["responses"]
    responses.pop("422", None)
    for status in _possible(operation):
        responses.setdefault(status, {"description": _MEANINGS[status]})
    for status, response in responses.items():
        if status[0] in "45":
            response.setdefault("content", {MEDIA_TYPE: {"schema": _REFERENCE}})


def _possible(operation: dict[str, Any]) -> Iterator[str]:
    """The errors that follow from how a route is called; others it names itself."""
    places = {parameter["in"] for parameter in operation.get("parameters", ())}
    body = "requestBody" in operation
    yield "5XX"
    if "security" in operation:
        yield "401"
    if "path" in places:
        yield "404"
    if body:
        yield from ("408", "413")
    if places or body:
        yield from ("400", "422")
