"""One try of one stage: may it still write, how did it end, what is written down of it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from functools import partial
from typing import Any, Final, Literal, TypedDict

import structlog
from sqlalchemy import Engine
from sqlmodel import Session

from bridge.errors import PlanbridgeError
from bridge.network.client import NetworkClient
from bridge.network.faults import Fault
from bridge.payments.client import StripeAccount
from bridge.payments.faults import StripeFault
from bridge.store.changes import ChangeRepository
from bridge.store.ledger import book
from bridge.store.tables import Change, ChangeState
from bridge.upgrades.apply import book_payment, check, save_sites, write
from bridge.upgrades.job import Job
from bridge.upgrades.outcomes import CHECK, PAYMENT, Again, Backoff, Done, Outcome
from bridge.upgrades.proof import prove
from bridge.upgrades.rebilling import rebill

_log = structlog.get_logger(__name__)

PROOF: Final = "proof"
WRITE: Final = "write"
STAGES: Final[Mapping[str, Callable[[Job], Outcome]]] = {
    CHECK: check,
    WRITE: write,
    PAYMENT: book_payment,
    "sites": save_sites,
    "subscription": rebill,
    PROOF: prove,
}
"""What is done for a change, in this order."""

_AT_WORK = (
    ChangeState.ACCEPTED,
    ChangeState.APPLYING,
    ChangeState.PROVING,
    ChangeState.ATTENTION,
)


class Next(TypedDict):
    """What the workflow does after a try: go on, wait so many seconds, or end."""

    verdict: Literal["go_on", "wait", "end"]
    seconds: float


GO_ON: Final[Next] = {"verdict": "go_on", "seconds": 0.0}
END: Final[Next] = {"verdict": "end", "seconds": 0.0}


class Steps:
    """Runs stages of changes; safe to share between threads.

    ``client_for`` opens the client of a network by its id; it is closed after each try, so
    that new credentials count from the next one on. ``account_for`` gives the Stripe account
    of a network, None where it has no key.
    """

    def __init__(
        self,
        *,
        store: Engine,
        client_for: Callable[[int], NetworkClient],
        account_for: Callable[[int], StripeAccount | None] = lambda _network: None,
        clock: Callable[[], datetime],
        backoff: Backoff,
        settle: float,
    ) -> None:
        self._store = store
        self._client_for = client_for
        self._account_for = account_for
        self._clock = clock
        self._backoff = backoff
        self._settle = settle
        self._running = 0
        self._stopping = False
        self._idle = threading.Condition()

    def run(self, stage: str, change_id: str, failures: int) -> Next:
        """Try a stage once. Never raises: what goes wrong is written down and tried again.

        ``failures`` counts the tries of this stage that failed before this one.
        """
        with self._counted() as may_run:
            if not may_run:
                return _wait(self._backoff.waits[0])
            try:
                return self._try(stage, change_id, failures)
            except Exception as error:
                # Most likely our own database is away: nothing can be written down.
                _log.exception("change disturbed", change=change_id, stage=stage)
                return _wait(self._backoff.wait(failures, Again(str(error))))

    def open(self) -> None:
        """Let tries begin, again after a `close`."""
        with self._idle:
            self._stopping = False

    def close(self, patience: float) -> None:
        """Begin nothing more, and wait so many seconds for what is under way."""
        with self._idle:
            self._stopping = True
            self._idle.wait_for(lambda: self._running == 0, timeout=patience)

    @contextmanager
    def _counted(self) -> Iterator[bool]:
        with self._idle:
            may_run = not self._stopping
            self._running += 1
        try:
            yield may_run
        finally:
            with self._idle:
                self._running -= 1
                self._idle.notify_all()

    def _try(self, stage: str, change_id: str, failures: int) -> Next:
        with Session(self._store, expire_on_commit=False) as session:
            change = self._begin(session, stage, change_id)
            session.commit()
        if change is None:
            return END
        outcome = self._outcome(stage, change, failures)
        with Session(self._store) as session:
            still_open = self._end(session, stage, change, outcome, failures=failures)
            session.commit()
        if not still_open or (isinstance(outcome, Done) and outcome.final is not None):
            return END
        if isinstance(outcome, Again):
            return _wait(self._backoff.wait(failures, outcome))
        return GO_ON

    def _begin(self, session: Session, stage: str, change_id: str) -> Change | None:
        """The change, if this try may still write; None when it is over."""
        changes = ChangeRepository(session)
        change = changes.get(change_id)
        if not change.is_open or change.state not in _AT_WORK:
            return None
        fence = changes.generation(change.network_id, change.membership_id)
        if fence is not None and fence > change.generation:
            changes.move(
                change_id,
                to=ChangeState.SUPERSEDED,
                came_from=_AT_WORK,
                now=self._clock(),
                reason="a newer change of the membership was made",
            )
            return None
        changes.begin_step(change_id, stage, now=self._clock())
        if change.state is ChangeState.ACCEPTED:
            self._move(changes, change, _state_at(stage), reason="")
        return change

    def _outcome(self, stage: str, change: Change, failures: int) -> Outcome:
        try:
            with self._client_for(change.network_id) as client:
                return STAGES[stage](
                    Job(
                        change,
                        client,
                        self._store,
                        self._clock,
                        settle=self._settle,
                        account=partial(self._account_for, change.network_id),
                    )
                )
        except Fault as fault:
            return Again(str(fault), stuck=not fault.transient, retry_after=fault.retry_after)
        except StripeFault as fault:
            return Again(str(fault), stuck=not fault.transient)
        except PlanbridgeError as error:
            return Again(str(error), stuck=True)
        except Exception as error:
            _log.exception("stage failed", change=change.id, stage=stage, tries=failures + 1)
            return Again(f"unexpected {type(error).__name__} in stage {stage}", stuck=True)

    def _end(
        self, session: Session, stage: str, change: Change, outcome: Outcome, *, failures: int
    ) -> bool:
        """Write the outcome down; False when somebody has closed the change meanwhile."""
        changes = ChangeRepository(session)
        now = self._clock()
        step = changes.step(change.id, stage)
        if step is not None:
            changes.end_step(
                step,
                state="done" if isinstance(outcome, Done) else "retrying",
                detail={**outcome.detail, "reason": outcome.reason},
                now=now,
            )
        if isinstance(outcome, Again):
            told = self._backoff.told(failures, outcome)
            state = ChangeState.ATTENTION if told else _state_at(stage)
            level = _log.warning if told else _log.info
            level("change waits", change=change.id, stage=stage, reason=outcome.reason)
            return self._move(changes, change, state, reason=outcome.reason)
        if outcome.final is not None:
            _log.info("change ends", change=change.id, state=outcome.final.value)
        if stage == WRITE:
            book(session, change, now=now)
        state = outcome.final or _state_at(_after(stage))
        return self._move(
            changes,
            change,
            state,
            reason=outcome.reason,
            applied_at=now if stage == WRITE else None,
            proven_at=now if state is ChangeState.PROVEN else None,
        )

    def _move(
        self,
        changes: ChangeRepository,
        change: Change,
        state: ChangeState,
        *,
        reason: str,
        **moments: datetime | None,
    ) -> bool:
        reached: dict[str, Any] = {name: when for name, when in moments.items() if when}
        return changes.move(
            change.id, to=state, came_from=_AT_WORK, now=self._clock(), reason=reason, **reached
        )


def _state_at(stage: str) -> ChangeState:
    return ChangeState.PROVING if stage == PROOF else ChangeState.APPLYING


def _after(stage: str) -> str:
    names = list(STAGES)
    return names[min(names.index(stage) + 1, len(names) - 1)]


def _wait(seconds: float) -> Next:
    return {"verdict": "wait", "seconds": seconds}
