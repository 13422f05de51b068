"""What a Stripe account holds: objects, events and the time.

Objects are kept in the newest API shape (`bridge.sandbox.stripe_shapes` makes the older
one); whatever is changed is changed in a transaction, on copies that replace the stored
objects when it ends well. In a rehearsal they are thrown away instead: that is how a
preview shows what a change would do.
"""

from __future__ import annotations

import heapq
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeAlias

from bridge.sandbox.stripe_errors import ApiError, StripeObject, no_such
from bridge.sandbox.stripe_settings import Settings
from bridge.sandbox.stripe_shapes import Shape, Shown, is_known, render, shape_of
from bridge.sandbox.stripe_skeletons import PREFIXES, copied, make_id, skeleton

Clock: TypeAlias = Callable[[], datetime]


@dataclass(frozen=True, slots=True)
class Origin:
    """The request that causes what happens, for the events' ``request``."""

    request_id: str | None = None
    idempotency_key: str | None = None


@dataclass(slots=True)
class _Transaction:
    working: dict[str, StripeObject] = field(default_factory=dict)
    shown: dict[str, StripeObject] = field(default_factory=dict)
    removed: set[str] = field(default_factory=set)
    unannounced: set[str] = field(default_factory=set)
    events: list[StripeObject] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class DueRules:
    """When objects of a kind want to be woken, and what happens then."""

    next_due: Callable[[StripeState, StripeObject], int | None]
    wake: Callable[[StripeState, StripeObject], None]
    rank: int
    """Which comes first at the same second."""


class StripeState:
    """All objects of one account. Every method is safe to call from several threads."""

    def __init__(
        self,
        *,
        account: str,
        clock: Clock,
        api_version: str,
        base_url: Callable[[], str],
        due: Mapping[str, DueRules],
    ) -> None:
        self.account = account
        self.api_version = api_version
        self.base_url = base_url
        self.settings = Settings()
        self.origin = Origin()
        self.lock = threading.RLock()
        self.on_events: Callable[[list[StripeObject]], None] = lambda events: None
        self._clock = clock
        self._moment: int | None = None
        self._count = 0
        self._kinds: dict[str, dict[str, StripeObject]] = {kind: {} for kind in PREFIXES}
        self._kind_of: dict[str, str] = {}
        self._transaction: _Transaction | None = None
        self._due = due
        self._alarms: list[tuple[int, int, int, str]] = []

    def now(self) -> int:
        """Seconds since 1970: the clock's, or the due time of what is being caught up."""
        return int(self._clock().timestamp()) if self._moment is None else self._moment

    @contextmanager
    def at(self, moment: int) -> Iterator[None]:
        """Let it be this time inside."""
        before, self._moment = self._moment, moment
        try:
            yield
        finally:
            self._moment = before

    @contextmanager
    def transaction(self, *, origin: Origin | None = None) -> Iterator[None]:
        """All changes inside happen together, or not at all when it ends with an error.

        An `ApiError` that ``keeps_effects`` ends it well.
        """
        with self.lock:
            if self._transaction is not None:
                yield
                return
            self._transaction = _Transaction()
            count, former = self._count, self.origin
            self.origin = origin or Origin()
            keep = False
            try:
                yield
                keep = True
            except ApiError as refusal:
                keep = refusal.keeps_effects
                raise
            finally:
                done, self._transaction = self._transaction, None
                self.origin = former
                if keep:
                    self._commit(done)
                else:
                    self._count = count

    @contextmanager
    def rehearsal(self) -> Iterator[None]:
        """Nothing that happens inside stays.

        Also inside a transaction; objects must then be fetched again, for what is changed
        are copies of its copies.
        """
        with self.lock:
            outer, count = self._transaction, self._count
            self._transaction = _Transaction()
            if outer:
                self._transaction.working = copied(outer.working)
                self._transaction.shown = dict(outer.shown)
                self._transaction.removed = set(outer.removed)
                self._transaction.unannounced = set(outer.unannounced)
            try:
                yield
            finally:
                self._transaction, self._count = outer, count

    def new(self, kind: str, /, *, at: str = "created", **fields: Any) -> StripeObject:
        """Make an object of Stripe's ``object`` kind and keep it."""
        thing = self.build(kind, at=at, **fields)
        return self.keep(thing)

    def build(self, kind: str, /, *, at: str = "created", **fields: Any) -> StripeObject:
        """Make an object that is kept as a part of another one."""
        thing = skeleton(kind)
        thing["id"] = self._new_id(kind)
        if at in thing:
            thing[at] = self.now()
        strange = [name for name in fields if name not in thing and not name.startswith("_")]
        if strange:
            raise LookupError(f"Stripe's {kind} has no field {', '.join(strange)}")
        thing.update(fields)
        return thing

    def keep(self, thing: StripeObject) -> StripeObject:
        """Keep a built object."""
        work = self._work()
        work.working[thing["id"]] = thing
        work.shown[thing["id"]] = copied(thing)
        work.unannounced.add(thing["id"])
        self._kind_of[thing["id"]] = thing["object"]
        return thing

    def get(self, kind: str, key: str, *, param: str = "id", status: int = 404) -> StripeObject:
        """The object with this id; inside a transaction a copy that may be changed.

        Raises:
            ApiError: ``resource_missing``.
        """
        thing = self.look(kind, key)
        if thing is None:
            raise no_such(kind.replace(".", " ").replace("_", " "), key, param=param, status=status)
        return thing

    def named(self, kind: str, key: str, param: str) -> StripeObject:
        """The object that a parameter names.

        Raises:
            ApiError: ``resource_missing`` with status 400.
        """
        return self.get(kind, key, param=param, status=400)

    def look(self, kind: str, key: str) -> StripeObject | None:
        """The object with this id, or None."""
        if self._kind_of.get(key) != kind:
            return None
        work = self._transaction
        if work is None:
            return self._kinds[kind].get(key)
        if key in work.removed:
            return None
        if key not in work.working:
            stored = self._kinds[kind].get(key)
            if stored is None:
                return None
            work.working[key] = copied(stored)
        return work.working[key]

    def kind_of(self, key: str) -> str | None:
        """Which kind of object has this id."""
        return self._kind_of.get(key)

    def find(
        self, kind: str, fits: Callable[[StripeObject], bool] = lambda thing: True
    ) -> list[StripeObject]:
        """All objects of a kind that fit, oldest first."""
        work = self._transaction
        if work is None:
            return [thing for thing in self._kinds[kind].values() if fits(thing)]
        keys = list(self._kinds[kind])
        keys += [
            key
            for key, thing in work.working.items()
            if thing["object"] == kind and key not in self._kinds[kind]
        ]
        found = []
        for key in keys:
            seen = work.working.get(key) or self._kinds[kind][key]
            if key not in work.removed and fits(seen):
                found.append(self.get(kind, key))
        return found

    def remove(self, thing: StripeObject) -> None:
        """Forget an object, which then is missing."""
        self._work().removed.add(thing["id"])

    def emit(self, kind: str, thing: StripeObject) -> None:
        """Append an event about the object as it is now."""
        self._emit(kind, thing, None)

    def emit_change(self, kind: str, thing: StripeObject, *also: str) -> bool:
        """Append an event with what is different since the last one; none if nothing is.

        None either about an object that is being made: the event of its creation shows it.
        ``also`` are types of further events about the same change.
        """
        before = self._before(thing["id"])
        if before == thing or thing["id"] in self._work().unannounced:
            return False
        for each in (*also, kind) if also else (kind,):
            self._emit(each, thing, before)
        return True

    def shapes(self) -> set[Shape]:
        """The shapes that somebody may want an event in."""
        endpoints = self._kinds["webhook_endpoint"].values()
        versions = [self.api_version, *(each["api_version"] or "" for each in endpoints)]
        return {shape_of(version) for version in versions if version}

    def show(self, thing: StripeObject, shape: Shape | None = None) -> StripeObject:
        """The object as Stripe's API shows it."""
        return render(thing, shape or shape_of(self.api_version), self.look)

    def next_due(self) -> int | None:
        """When something is to happen next by itself."""
        with self.lock:
            while self._alarms:
                at, _, _, key = self._alarms[0]
                if self._wanted(key) == at:
                    return at
                heapq.heappop(self._alarms)
            return None

    def wake_next(self) -> None:
        """Let the next due thing happen, at its time."""
        with self.lock:
            at = self.next_due()
            if at is None:
                return
            *_, key = heapq.heappop(self._alarms)
            kind = self._kind_of[key]
            with self.at(at), self.transaction():
                self._due[kind].wake(self, self.get(kind, key))
            if self._wanted(key) == at:
                raise RuntimeError(f"{key} is due at {at} for ever")

    def _work(self) -> _Transaction:
        if self._transaction is None:
            raise RuntimeError("changes are made in a transaction")
        return self._transaction

    def _wanted(self, key: str) -> int | None:
        kind = self._kind_of.get(key, "")
        thing = self._kinds.get(kind, {}).get(key)
        if thing is None or kind not in self._due:
            return None
        return self._due[kind].next_due(self, thing)

    def _commit(self, work: _Transaction) -> None:
        for key, thing in work.working.items():
            store = self._kinds[self._kind_of[key]]
            if key in work.removed:
                store.pop(key, None)
            else:
                store[key] = thing
        for key in work.working:
            at = self._wanted(key)
            if at is not None:
                rank = self._due[self._kind_of[key]].rank
                self._count += 1
                heapq.heappush(self._alarms, (at, rank, self._count, key))
        if work.events:
            self.on_events(work.events)

    def _before(self, key: str) -> StripeObject:
        work = self._work()
        return work.shown.get(key) or self._kinds[self._kind_of[key]][key]

    def _emit(self, kind: str, thing: StripeObject, before: StripeObject | None) -> None:
        work = self._work()
        views: dict[str, StripeObject] = {}
        for shape in self.shapes():
            if not is_known(kind, shape):
                continue
            data: StripeObject = {"object": self.show(thing, shape)}
            if before is not None:
                shown_before = self.show(before, shape)
                data["previous_attributes"] = _former(data["object"], shown_before)
            views[shape] = Shown(data)
        if not views:
            return
        event = self.build(
            "event",
            type=kind,
            api_version=self.api_version,
            data=views.get(shape_of(self.api_version)) or next(iter(views.values())),
            request={
                "id": self.origin.request_id,
                "idempotency_key": self.origin.idempotency_key,
            },
            _views=views,
            _delivered={},
        )
        work.shown[thing["id"]] = copied(thing)
        work.unannounced.discard(thing["id"])
        work.events.append(self.keep(event))

    def _new_id(self, kind: str) -> str:
        self._count += 1
        return make_id(kind, f"{self.account}/{self._count}")


def _former(now: StripeObject, before: StripeObject) -> StripeObject:
    """Stripe's ``previous_attributes``: the old values of the fields that changed, hash by hash."""
    changes: StripeObject = {}
    for name in before.keys() | now.keys():
        old, new = before.get(name), now.get(name)
        if old == new:
            continue
        # Lists and plain hashes are compared inside, other objects are shown whole.
        if old is not None and new is not None and _is_hash(old) and _is_hash(new):
            changes[name] = _former(new, old)
        else:
            changes[name] = old
    return dict(sorted(changes.items()))


def _is_hash(value: Any) -> bool:
    return isinstance(value, dict) and value.get("object") in (None, "list")
