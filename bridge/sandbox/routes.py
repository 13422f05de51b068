"""The routes of ``/wp-json/wu/v2``: who may call what, and what it leads to."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from urllib.parse import parse_qsl

from bridge.sandbox.arguments import (
    check_required,
    check_types,
    listing_schema,
    schema_of,
)
from bridge.sandbox.core_routes import core_answer
from bridge.sandbox.forms import Json
from bridge.sandbox.listing import list_rows
from bridge.sandbox.models import Model
from bridge.sandbox.network_models import MODELS
from bridge.sandbox.network_state import NetworkState
from bridge.sandbox.service_routes import SERVICES, Service
from bridge.sandbox.views import read
from bridge.sandbox.wire import Answer, Refused, Request, html_answer, json_answer, refused
from bridge.sandbox.writes import create, delete, update

REST_BASE = "/wp-json/"
NAMESPACE = "wu/v2"
COLLECTION_METHODS = "GET, POST"
ITEM_METHODS = "GET, POST, PUT, PATCH, DELETE"
_FATAL_HEADER = "cache-control"
_VARY_LESS = frozenset({_FATAL_HEADER, "x-wp-doingitwrong"})
MAIN_PAGE = "<!DOCTYPE html>\n<html><head><title>Sandbox</title></head><body></body></html>\n"


@dataclass(frozen=True, slots=True)
class Credentials:
    """The one key and secret of a network."""

    key: str
    secret: str


class Routes:
    """Answers requests from a network's state."""

    def __init__(self, state: NetworkState, credentials: Credentials) -> None:
        self._state = state
        self._credentials = credentials

    def answer(self, request: Request) -> Answer:
        """The network's answer, errors included; all changes of a request are one step."""
        with self._state.changing():
            try:
                answer = self._route(request)
            except Refused as refusal:
                answer = refusal.answer
        if request.method not in ("GET", "HEAD") or _VARY_LESS & answer.headers.keys():
            return answer
        return replace(answer, headers={**answer.headers, "vary": "Origin"})

    def _route(self, request: Request) -> Answer:
        self._state.host = request.headers.get("host", "")
        core = core_answer(self._state, request)
        if core is not None:
            return core
        if request.path.rstrip("/") + "/" == REST_BASE:
            return json_answer({"name": "Sandbox", "namespaces": ["wp/v2", NAMESPACE]})
        if not request.path.startswith(REST_BASE):
            return html_answer(MAIN_PAGE, status=200 if request.path == "/" else 404)
        route = request.path.removeprefix(REST_BASE).rstrip("/")
        if not route.startswith(f"{NAMESPACE}/") or not self._state.settings["enable_api"]:
            raise _no_route()
        name, _, rest = route.removeprefix(f"{NAMESPACE}/").partition("/")
        if (service := SERVICES.get(name)) and service.exists(self._state.release, rest):
            return self._service(service, request, rest)
        model = MODELS.get(name)
        if model is None or not re.fullmatch(r"\d*", rest) or route.endswith("/"):
            raise _no_route()
        if rest:
            return self._item(request, model, int(rest))
        return self._collection(request, model)

    def _service(self, service: Service, request: Request, rest: str) -> Answer:
        if request.method not in service.methods(rest).split(", "):
            raise _no_route()
        return self._permitted(
            request,
            lambda: service.answer(self._state, request, rest),
            allow="" if service.silent else service.methods(rest),
        )

    def _collection(self, request: Request, model: Model) -> Answer:
        state = self._state
        if request.method == "OPTIONS":
            return _allowing(_options(state, model, request), COLLECTION_METHODS)
        if request.method in ("GET", "HEAD"):
            schema = listing_schema(state.release, model.name)
            return self._permitted(
                request,
                lambda: list_rows(state, model, request.query),
                allow=COLLECTION_METHODS,
                check=lambda: check_types(schema, request.query),
            )
        if request.method != "POST":
            raise _no_route()
        schema = schema_of(state.release, model.name)

        def check() -> None:
            given = _parameters(request)
            check_required(schema, given)
            check_types(schema, given)

        return self._permitted(
            request,
            lambda: create(state, model, request),
            allow=COLLECTION_METHODS,
            check=check,
        )

    def _item(self, request: Request, model: Model, key: int) -> Answer:
        state = self._state

        def act() -> Answer:
            row = state.row(model.name, key)
            if row is None:
                raise refused(f"wu_rest_{model.name}_invalid_id", "Item not found.", status=404)
            if request.method in ("GET", "HEAD"):
                return json_answer(read(state, model, row))
            if request.method == "DELETE":
                return delete(state, model, row)
            return update(state, model, row, request)

        def check() -> None:
            if request.method in ("PUT", "PATCH", "POST"):
                check_types(schema_of(state.release, model.name), _parameters(request))

        if request.method not in ("GET", "HEAD", "PUT", "PATCH", "POST", "DELETE"):
            raise _no_route()
        return self._permitted(request, act, allow=ITEM_METHODS, check=check)

    def _permitted(
        self,
        request: Request,
        act: Callable[[], Answer],
        *,
        allow: str,
        check: Callable[[], None] | None = None,
    ) -> Answer:
        """Core checks arguments before permission; only then the plugin acts."""
        allowed = self._allows(request)
        try:
            if check:
                check()
            if not allowed:
                raise refused(
                    "rest_forbidden", "Sorry, you are not allowed to do that.", status=401
                )
            answer = act()
        except Refused as refusal:
            answer = refusal.answer
        return _allowing(answer, allow) if allowed and allow else answer

    def _allows(self, request: Request) -> bool:
        """Basic credentials win over the parameter form (domain/entities.md §1)."""
        scheme, _, encoded = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() == "basic":
            try:
                pair = base64.b64decode(encoded, validate=True).decode()
            except (binascii.Error, UnicodeDecodeError):
                return False
            return pair == f"{self._credentials.key}:{self._credentials.secret}"
        given = _parameters(request, strict=False)
        key = given.get("api_key") or given.get("api-key")
        secret = given.get("api_secret") or given.get("api-secret")
        return (key, secret) == (self._credentials.key, self._credentials.secret)


def _allowing(answer: Answer, allow: str) -> Answer:
    """With the methods that the caller may use; pages of a dead PHP name none."""
    if _FATAL_HEADER in answer.headers:
        return answer
    return replace(answer, headers={**answer.headers, "allow": allow})


def _parameters(request: Request, *, strict: bool = True) -> Mapping[str, Json]:
    """What core parses: the query, and the body when its type says that it is data.

    Raises:
        Refused: the body calls itself JSON and is not.
    """
    body: Json = {}
    media = request.headers.get("content-type", "")
    if request.sent_as_json and request.body:
        body = request.json_body
        if body is None and request.body.strip() != b"null" and strict:
            raise refused(
                "rest_invalid_json",
                "Invalid JSON body passed.",
                status=400,
                json_error_code=4,
                json_error_message="Syntax error",
            )
    elif media.startswith("application/x-www-form-urlencoded"):
        body = dict(parse_qsl(request.body.decode(errors="replace")))
    return {**request.query, **(body if isinstance(body, dict) else {})}


def _options(state: NetworkState, model: Model, request: Request) -> Answer:
    link = f"http://{request.headers.get('host', '')}{request.path}"
    return json_answer(
        {
            "namespace": NAMESPACE,
            "methods": ["GET", "POST"],
            "endpoints": [
                {"methods": ["GET"], "args": _described(listing_schema(state.release, model.name))},
                {"methods": ["POST"], "args": _described(schema_of(state.release, model.name))},
            ],
            "_links": {"self": [{"href": link}]},
        }
    )


def _described(schema: Mapping[str, Mapping[str, Json]]) -> Json:
    described = {name: {"required": False, **rule} for name, rule in schema.items()}
    return described or []


def _no_route() -> Refused:
    return refused(
        "rest_no_route",
        "No route was found matching the URL and request method.",
        status=404,
    )
