"""The API's front: key, version, idempotency, route, answer.

https://docs.stripe.com/api/idempotent_requests, /api/versioning, /api/authentication.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from itertools import count
from typing import Any

from bridge.sandbox.stripe_errors import ApiError, StripeObject
from bridge.sandbox.stripe_faults import Fault, Faults
from bridge.sandbox.stripe_journal import StripeJournal, StripeRequest
from bridge.sandbox.stripe_listing import expand
from bridge.sandbox.stripe_parameters import decode, read
from bridge.sandbox.stripe_resources.webhook_endpoints import VERSION
from bridge.sandbox.stripe_routes import Call, Route, Routes
from bridge.sandbox.stripe_shapes import shape_of
from bridge.sandbox.stripe_state import Origin, StripeState
from bridge.sandbox.wire import Answer, Request

_KEY_KEPT_FOR = 86_400
_LONGEST_KEY = 255


@dataclass(slots=True)
class _Remembered:
    """What an idempotency key stands for. ``answer`` is None while it is being made."""

    request: tuple[str, str, str]
    at: int
    request_id: str
    answer: Answer | None = None


@dataclass(slots=True)
class _Asked:
    """A request as far as it is understood."""

    request: Request
    request_id: str
    version: str
    key: str | None
    params: Mapping[str, Any] = field(default_factory=dict)
    replayed: bool = False


class StripeApi:
    """Answers requests to ``/v1/…``."""

    def __init__(
        self,
        state: StripeState,
        routes: Routes,
        *,
        api_key: str,
        faults: Faults,
        journal: StripeJournal,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._state = state
        self._routes = routes
        self._api_key = api_key
        self._faults = faults
        self._journal = journal
        self._sleep = sleep
        self._numbers = count(1)
        self._keys: dict[str, _Remembered] = {}
        self._keys_lock = threading.Lock()

    def answer(self, request: Request) -> Answer | None:
        """Answer one request; None to drop the connection."""
        fault = self._faults.next(request.method, request.path)
        asked = _Asked(
            request=request,
            request_id=f"req_{self._state.account[5:9]}{next(self._numbers):010d}",
            version=request.headers.get("stripe-version", self._state.api_version),
            key=request.headers.get("idempotency-key") if request.method == "POST" else None,
        )
        if fault.drop == "before":
            self._sleep(fault.delay)
        answer = None if fault.drop == "before" else self._reply(asked, fault)
        if fault.drop == "after":
            answer = None
        self._note(asked, answer, fault)
        return answer

    def _reply(self, asked: _Asked, fault: Fault) -> Answer:
        try:
            asked.params = self._understand(asked)
            if fault.refusal and not fault.remembered:
                self._sleep(fault.delay)
                raise fault.refusal
            if asked.key is None:
                return self._execute(asked, fault)
            return self._execute_once(asked, asked.key, fault)
        except ApiError as refusal:
            return _refused(refusal, asked)

    def _understand(self, asked: _Asked) -> Mapping[str, Any]:
        request = asked.request
        self._check_key(request.headers.get("authorization", ""))
        if not VERSION.fullmatch(asked.version):
            raise ApiError(f"Invalid Stripe API version: {asked.version}")
        account = request.headers.get("stripe-account", self._state.account)
        if account != self._state.account:
            raise ApiError(
                f"The provided key does not have access to account '{account}' (or that account "
                "does not exist). Application access may have been revoked.",
                status=403,
                code="account_invalid",
            )
        media = request.headers.get("content-type", "application/x-www-form-urlencoded")
        if request.body and not media.startswith("application/x-www-form-urlencoded"):
            raise ApiError(
                "Invalid request (check that your POST content type is "
                "application/x-www-form-urlencoded)."
            )
        body = request.body.decode(errors="replace")
        return decode("&".join(part for part in (request.query_string, body) if part))

    def _check_key(self, header: str) -> None:
        scheme, _, key = header.partition(" ")
        if scheme.lower() != "bearer" or not key:
            raise ApiError(
                "You did not provide an API key. You need to provide your API key in the "
                "Authorization header, using Bearer auth.",
                status=401,
            )
        if key.startswith(("sk_live_", "rk_live_")):
            raise ApiError("The sandbox takes test keys only: sk_test_….", status=401)
        if key != self._api_key:
            raise ApiError(f"Invalid API Key provided: {_masked(key)}", status=401)

    def _execute_once(self, asked: _Asked, key: str, fault: Fault) -> Answer:
        if len(key) > _LONGEST_KEY:
            raise ApiError(
                f"Idempotency keys must be at most {_LONGEST_KEY} characters.",
                kind="idempotency_error",
            )
        request = asked.request
        what = (request.method, request.path, json.dumps(asked.params, sort_keys=True))
        with self._keys_lock:
            known = self._keys.get(key)
            if known and known.at > self._state.now() - _KEY_KEPT_FOR:
                return self._replay(asked, known, what)
            mine = _Remembered(what, self._state.now(), asked.request_id)
            self._keys[key] = mine
        try:
            mine.answer = self._execute(asked, fault)
        except ApiError as refusal:
            # What was refused before anything began is not kept (docs: "no idempotent result").
            if refusal.keeps_effects or refusal.status >= 500:
                mine.answer = _refused(refusal, asked)
            raise
        finally:
            if mine.answer is None:
                with self._keys_lock:
                    del self._keys[key]
        return mine.answer

    def _replay(self, asked: _Asked, known: _Remembered, what: tuple[str, str, str]) -> Answer:
        if known.request != what:
            raise ApiError(
                "Keys for idempotent requests can only be used with the same parameters they "
                f"were first used with. Try using a key other than '{asked.key}' if you meant to "
                "execute a different request.",
                kind="idempotency_error",
            )
        if known.answer is None:
            raise ApiError(
                "There is currently another in-progress request using this Idempotent Key (that "
                "probably means you submitted twice, and the other request is still going "
                "through). Please try again later.",
                status=409,
                kind="idempotency_error",
                code="idempotency_key_in_use",
            )
        asked.replayed = True
        headers = {
            **known.answer.headers,
            "idempotent-replayed": "true",
            "original-request": known.request_id,
            "request-id": asked.request_id,
        }
        return Answer(known.answer.status, known.answer.content, headers)

    def _execute(self, asked: _Asked, fault: Fault) -> Answer:
        # A slow request with a key is "in progress" for the others with that key.
        self._sleep(fault.delay)
        if fault.refusal:
            raise fault.refusal
        request = asked.request
        route, key = self._routes.find(request.method, request.path)
        params = dict(read(asked.params, route.params, required=route.required))
        call = Call(self._state, params, key, shape_of(asked.version), request.path)
        origin = Origin(asked.request_id, asked.key)
        with self._state.lock:
            if request.method == "GET":
                shown = self._perform(route, call)
            else:
                with self._state.transaction(origin=origin):
                    shown = self._perform(route, call)
        return _answer(200, shown, asked)

    def _perform(self, route: Route, call: Call) -> StripeObject:
        shown = self._state.show(route.action(call), call.shape)
        return expand(shown, call.params.get("expand", ()), self._state, call.shape)

    def _note(self, asked: _Asked, answer: Answer | None, fault: Fault) -> None:
        self._journal.note(
            StripeRequest(
                method=asked.request.method,
                path=asked.request.path,
                params=asked.params,
                version=asked.version,
                idempotency_key=asked.key,
                request_id=asked.request_id,
                status=answer.status if answer else None,
                replayed=asked.replayed,
                faulty=fault != Fault(),
            )
        )


def _masked(key: str) -> str:
    return f"{key[:8]}{'*' * 8}{key[-4:]}" if len(key) > 16 else "*" * len(key)


def _refused(refusal: ApiError, asked: _Asked) -> Answer:
    body = refusal.body()
    body["error"]["request_log_url"] = f"https://dashboard.stripe.com/logs/{asked.request_id}"
    return _answer(refusal.status, body, asked, refusal.headers)


def _answer(
    status: int, body: StripeObject, asked: _Asked, headers: Mapping[str, str] | None = None
) -> Answer:
    own = {
        "content-type": "application/json",
        "request-id": asked.request_id,
        "stripe-version": asked.version,
        **(headers or {}),
    }
    if asked.key is not None:
        own["idempotency-key"] = asked.key
    return Answer(status, json.dumps(body, indent=2, ensure_ascii=False).encode(), own)
