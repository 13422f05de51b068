"""Delivering events: signed, tried again for a day, each endpoint at its own pace.

The row of a delivery is the message, held by one sender at a time. An endpoint may get an
event twice, with the same ``webhook-id``; it never misses one while it answers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any, Final

import orjson
import structlog
from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError
from sqlmodel import Session

import bridge
from bridge.errors import PlanbridgeError
from bridge.hooks.signing import signed_headers
from bridge.hooks.targets import Answer, Courier, NotDelivered
from bridge.store.hooks import HookRepository, Shipment
from bridge.store.outgoing import iso
from bridge.store.seals import Seal
from bridge.store.tables import DeliveryState, HookDelivery

_log = structlog.get_logger(__name__)

WAITS: Final = (5, 30, 120, 600, 1800, 3600, 7200, 14400, 21600, 36000)
"""Seconds after each failed try; after the last it is given up (about a day)."""

PATIENCE: Final = timedelta(days=5)
"""An endpoint that has failed for so long without a break is switched off."""

_LONGEST_WAIT: Final = 86400.0
_GONE: Final = 410
_SLOW_DOWN: Final = (429, 503)


class HookSender:
    """Delivers what is due; any number of processes may.

    Args:
        store: The database.
        seal: Opens the endpoints' secrets.
        courier: Posts to addresses.
        clock: Aware UTC time.
        lease: How long a delivery is held: longer than one may take.
        together: How many endpoints are served at a time.
    """

    def __init__(
        self,
        store: Engine,
        *,
        seal: Seal,
        courier: Courier,
        clock: Callable[[], datetime],
        lease: timedelta = timedelta(minutes=2),
        together: int = 8,
    ) -> None:
        self._store = store
        self._seal = seal
        self._courier = courier
        self._clock = clock
        self._lease = lease
        self._together = together

    def sweep(self) -> int:
        """Deliver what is due, and return how many deliveries were worked at.

        Endpoints are served side by side; one that fails is left alone for this round.
        """
        with self._session() as session:
            due = HookRepository(session).due(self._clock())
        if not due:
            return 0
        with ThreadPoolExecutor(min(self._together, len(due)), "hooks") as pool:
            return sum(pool.map(self._serve, due.values()))

    def deliver_once(self, delivery_id: int) -> HookDelivery:
        """Try one delivery here and now, unless another process is faster; how it ended."""
        self._serve([delivery_id])
        with self._session() as session:
            shipment = HookRepository(session).shipment(delivery_id)
        assert shipment is not None, "somebody removed the endpoint"
        return shipment.delivery

    def _serve(self, delivery_ids: Sequence[int]) -> int:
        worked = 0
        for delivery_id in delivery_ids:
            now = self._clock()
            with self._session() as session:
                shipment = HookRepository(session).claim(
                    delivery_id, now=now, until=now + self._lease
                )
            if shipment is None:
                continue
            worked += 1
            if not self._deliver(shipment):
                break
        return worked

    def _deliver(self, shipment: Shipment) -> bool:
        """One try; False when it failed."""
        if not shipment.endpoint.enabled:
            self._save(shipment, state=DeliveryState.HELD)
            return False
        try:
            answer = self._posted(shipment)
        except NotDelivered as fault:
            self._failed(shipment, str(fault), None)
            return False
        except PlanbridgeError as error:
            # The secret cannot be opened: trying again will not help.
            self._give_up(shipment, str(error), None)
            return False
        except SQLAlchemyError:
            raise  # nothing can be written down: it is free again when the lease is over
        except Exception as error:
            _log.exception("hook failed", event_id=shipment.event.id)
            self._failed(shipment, f"unexpected {type(error).__name__}", None)
            return False
        if 200 <= answer.status < 300:
            with self._session() as session:
                hooks = HookRepository(session)
                hooks.save(
                    shipment.delivery,
                    now=self._clock(),
                    state=DeliveryState.DELIVERED,
                    status_code=answer.status,
                    answer=answer.text,
                    reason="",
                    delivered_at=self._clock(),
                )
                hooks.failing(shipment.endpoint.id, since=None)
            return True
        self._failed(shipment, f"it answered {answer.status}", answer)
        return False

    def _posted(self, shipment: Shipment) -> Answer:
        body = body_of(shipment)
        headers = signed_headers(
            self._seal.open(shipment.endpoint.sealed_secret),
            shipment.event.id,
            body,
            now=self._clock(),
        )
        return self._courier.post(
            shipment.endpoint.url,
            body,
            {
                **headers,
                "content-type": "application/json",
                "user-agent": f"planbridge/{bridge.__version__}",
            },
        )

    def _failed(self, shipment: Shipment, reason: str, answer: Answer | None) -> None:
        now, endpoint = self._clock(), shipment.endpoint
        gone = answer is not None and answer.status == _GONE
        since = endpoint.failing_since or now
        if gone or now - since >= PATIENCE:
            why = "it answered 410 Gone" if gone else f"failing since {since:%Y-%m-%d %H:%M} UTC"
            _log.warning("hook endpoint disabled", endpoint=endpoint.id, reason=why)
            self._give_up(shipment, reason, answer, disabled_why=why)
            return
        if shipment.delivery.attempts > len(WAITS):
            self._give_up(shipment, reason, answer)
            return
        wait: float = WAITS[shipment.delivery.attempts - 1]
        if answer is not None and answer.status in _SLOW_DOWN and answer.retry_after:
            wait = max(wait, min(answer.retry_after, _LONGEST_WAIT))
        _log.info("hook waits", endpoint=endpoint.id, event_id=shipment.event.id, reason=reason)
        self._note_failure(shipment, reason, answer, due_at=now + timedelta(seconds=wait))

    def _give_up(
        self, shipment: Shipment, reason: str, answer: Answer | None, *, disabled_why: str = ""
    ) -> None:
        _log.warning("hook given up", event_id=shipment.event.id, reason=reason)
        self._note_failure(shipment, reason, answer, state=DeliveryState.FAILED)
        if disabled_why:
            with self._session() as session:
                HookRepository(session).disable(
                    shipment.endpoint.id, why=disabled_why, now=self._clock()
                )

    def _note_failure(
        self, shipment: Shipment, reason: str, answer: Answer | None, **values: Any
    ) -> None:
        now = self._clock()
        with self._session() as session:
            hooks = HookRepository(session)
            hooks.save(
                shipment.delivery,
                now=now,
                reason=reason,
                status_code=answer.status if answer else None,
                answer=answer.text if answer else "",
                **values,
            )
            hooks.failing(shipment.endpoint.id, since=now)

    def _save(self, shipment: Shipment, **values: Any) -> None:
        with self._session() as session:
            HookRepository(session).save(shipment.delivery, now=self._clock(), **values)

    @contextmanager
    def _session(self) -> Iterator[Session]:
        """A session that commits; never held open over a request."""
        with Session(self._store, expire_on_commit=False) as session:
            yield session
            session.commit()


def body_of(shipment: Shipment) -> bytes:
    """The body of an event, the same at every try."""
    event = shipment.event
    data: dict[str, Any] = {"network": shipment.network}
    if event.membership_id is not None:
        data["membership"] = event.membership_id
    document = {
        "type": event.type,
        "timestamp": iso(event.created_at),
        "data": {**data, **event.data},
    }
    return orjson.dumps(document)
