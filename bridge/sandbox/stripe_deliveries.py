"""Events on their way to webhook endpoints: signed, repeated, and disturbed on demand.

https://docs.stripe.com/webhooks: an answer other than 2xx, a redirect included, is a
failure and is tried again, ever more slowly, for up to three days. The times of the
repetitions are the stand-in's own; Stripe does not publish its.
"""

from __future__ import annotations

import heapq
import random
import threading
from collections import deque
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final, Literal

import requests

from bridge.errors import PlanbridgeError
from bridge.sandbox.stripe_errors import StripeObject
from bridge.sandbox.stripe_events import payload_of
from bridge.sandbox.stripe_resources.webhook_endpoints import wants
from bridge.sandbox.stripe_shapes import shape_of
from bridge.sandbox.stripe_signing import sign
from bridge.sandbox.stripe_state import StripeState

RETRIES: Final = tuple(timedelta(minutes=minutes) for minutes in (5, 30, 120, 360, 720, 1440, 1440))
"""How long after a failure the next attempt follows: seven more within three days."""


class NotSettled(PlanbridgeError):
    """{count} deliveries are still under way after {seconds} seconds."""

    hint = "Does the endpoint answer?"


@dataclass(frozen=True, slots=True)
class Delivery:
    """An event on its way to an endpoint."""

    event: str
    type: str
    endpoint: str
    attempt: int = 1


@dataclass(frozen=True, slots=True)
class Attempt:
    """What came of one attempt; ``status`` is None when nobody answered."""

    delivery: Delivery
    at: datetime
    status: int | None

    @property
    def succeeded(self) -> bool:
        """Whether the endpoint took the event."""
        return self.status is not None and 200 <= self.status < 300


@dataclass(slots=True)
class _Disturbance:
    types: Collection[str]
    left: int | None
    copies: int = 1
    by: timedelta | None = None

    def meets(self, kind: str) -> bool:
        if self.left == 0 or (self.types and kind not in self.types):
            return False
        if self.left is not None:
            self.left -= 1
        return True


class Deliveries:
    """All deliveries of one account, made by one thread in the order of the events."""

    def __init__(
        self, state: StripeState, *, clock: Callable[[], datetime], timeout: float = 10.0
    ) -> None:
        self.attempts: list[Attempt] = []
        self.lost: list[Delivery] = []
        self._state = state
        self._clock = clock
        self._timeout = timeout
        self._ready: deque[Delivery] = deque()
        self._held: list[Delivery] | None = None
        self._later: list[tuple[datetime, int, Delivery]] = []
        self._count = 0
        self._busy = False
        self._stopped = False
        self._changed = threading.Condition()
        self._disturbances: list[_Disturbance] = []
        self._session = requests.Session()
        self._session.trust_env = False
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Begin to deliver."""
        self._thread = threading.Thread(target=self._work, daemon=True, name="stripe-deliveries")
        self._thread.start()

    def stop(self) -> None:
        """Stop delivering; what is on its way is finished."""
        with self._changed:
            self._stopped = True
            self._changed.notify_all()
        if self._thread:
            self._thread.join()
        self._session.close()

    def offer(self, events: Sequence[StripeObject]) -> None:
        """Send new events to all endpoints that want them."""
        endpoints = self._state.find("webhook_endpoint")
        for event in events:
            takers = [each["id"] for each in endpoints if self._takes(each, event)]
            event["pending_webhooks"] = len(takers)
            event["_delivered"] = dict.fromkeys(takers, False)
            for taker in takers:
                self._send(Delivery(event["id"], event["type"], taker))

    def hold(self) -> None:
        """Keep all further deliveries back until ``release``."""
        with self._changed:
            self._held = self._held or []

    def release(
        self, *, order: Literal["sent", "reversed", "shuffled"] = "sent", seed: int = 0
    ) -> int:
        """Let go of what was held, in this order; how many."""
        with self._changed:
            held, self._held = self._held or [], None
            if order == "reversed":
                held.reverse()
            elif order == "shuffled":
                random.Random(seed).shuffle(held)  # noqa: S311
            self._ready.extend(held)
            self._changed.notify_all()
            return len(held)

    def drop(self, *types: str, times: int | None = 1) -> None:
        """Lose the next deliveries of these types (all, if none is named); never repeated."""
        self._disturbances.append(_Disturbance(types, times, copies=0))

    def duplicate(self, *types: str, times: int | None = 1, copies: int = 2) -> None:
        """Make the next deliveries of these types several times each."""
        self._disturbances.append(_Disturbance(types, times, copies=copies))

    def delay(self, *types: str, by: timedelta, times: int | None = 1) -> None:
        """Make the next deliveries of these types later, by the stand-in's clock."""
        self._disturbances.append(_Disturbance(types, times, by=by))

    def undisturbed(self) -> None:
        """Forget what was to be dropped, duplicated or delayed."""
        self._disturbances.clear()

    def resend(self, event: str) -> None:
        """Deliver an event once more to everybody, as the button in the dashboard does."""
        with self._state.lock:
            thing = self._state.get("event", event)
            takers = list(thing["_delivered"])
        with self._changed:
            self._ready.extend(Delivery(event, thing["type"], taker) for taker in takers)
            self._changed.notify_all()

    def settle(self, seconds: float = 30.0) -> None:
        """Wait until everything that is to be delivered now has been tried.

        Raises:
            NotSettled: it takes longer.
        """
        with self._changed:
            if not self._changed.wait_for(lambda: not (self._ready or self._busy), seconds):
                raise NotSettled(count=len(self._ready) + self._busy, seconds=seconds)

    def next_due(self) -> datetime | None:
        """When something is to be delivered later."""
        with self._changed:
            return self._later[0][0] if self._later else None

    def run_due(self) -> None:
        """Deliver what was put off until now."""
        with self._changed:
            while self._later and self._later[0][0] <= self._clock():
                self._ready.append(heapq.heappop(self._later)[2])
            self._changed.notify_all()

    def _send(self, delivery: Delivery) -> None:
        met = next((each for each in self._disturbances if each.meets(delivery.type)), None)
        copies = met.copies if met else 1
        with self._changed:
            if not copies:
                self.lost.append(delivery)
            for _ in range(copies):
                if met and met.by:
                    self._put_off(delivery, met.by)
                elif self._held is not None:
                    self._held.append(delivery)
                else:
                    self._ready.append(delivery)
            self._changed.notify_all()

    def _put_off(self, delivery: Delivery, by: timedelta) -> None:
        self._count += 1
        heapq.heappush(self._later, (self._clock() + by, self._count, delivery))

    def _work(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._stopped or bool(self._ready))
                if self._stopped:
                    return
                delivery = self._ready.popleft()
                self._busy = True
            try:
                self._deliver(delivery)
            finally:
                with self._changed:
                    self._busy = False
                    self._changed.notify_all()

    def _deliver(self, delivery: Delivery) -> None:
        with self._state.lock:
            endpoint = self._state.look("webhook_endpoint", delivery.endpoint)
            event = self._state.look("event", delivery.event)
            if endpoint is None or event is None or endpoint["status"] != "enabled":
                return
            body = payload_of(self._view(event, endpoint))
            url, secret = endpoint["url"], endpoint["_secret"]
        attempt = Attempt(delivery, self._clock(), self._post(url, body, secret))
        self.attempts.append(attempt)
        if attempt.succeeded:
            self._tick_off(delivery)
        elif delivery.attempt <= len(RETRIES):
            with self._changed:
                again = replace(delivery, attempt=delivery.attempt + 1)
                self._put_off(again, RETRIES[delivery.attempt - 1])

    def _takes(self, endpoint: StripeObject, event: StripeObject) -> bool:
        version = endpoint["api_version"] or self._state.api_version
        return wants(endpoint, event["type"]) and shape_of(version) in event["_views"]

    def _view(self, event: StripeObject, endpoint: StripeObject) -> StripeObject:
        version = endpoint["api_version"] or self._state.api_version
        shown = self._state.show(event)
        return {**shown, "api_version": version, "data": event["_views"][shape_of(version)]}

    def _post(self, url: str, body: bytes, secret: str) -> int | None:
        header = sign(body, secret, timestamp=int(self._clock().timestamp()))
        headers = {
            "content-type": "application/json; charset=utf-8",
            "stripe-signature": header,
            "user-agent": "Stripe/1.0 (+https://stripe.com/docs/webhooks)",
        }
        try:
            answer = self._session.post(
                url, data=body, headers=headers, timeout=self._timeout, allow_redirects=False
            )
        except requests.RequestException:
            return None
        return answer.status_code

    def _tick_off(self, delivery: Delivery) -> None:
        with self._state.transaction():
            event = self._state.look("event", delivery.event)
            if event is not None:
                event["_delivered"][delivery.endpoint] = True
                event["pending_webhooks"] = list(event["_delivered"].values()).count(False)
