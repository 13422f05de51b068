"""The network behind the sandbox: tables, meta, settings, and what happened to it.

All of it is in memory under one lock; with a state file every change is also appended to
that file, so a killed sandbox starts again where it was.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TypeAlias

from bridge.domain.limits import EffectiveLimits, LimitsRow, compose, has_limits
from bridge.errors import InvalidInput
from bridge.sandbox.forms import Json, integer, moment_text
from bridge.sandbox.network_models import MODELS
from bridge.sandbox.plugin_stripe import PluginStripe
from bridge.sandbox.releases import Release
from bridge.sandbox.state_log import StateLog

Row: TypeAlias = dict[str, Json]
Clock: TypeAlias = Callable[[], datetime]

LIMITS_KEY = "wu_limitations"
"""The meta key of an object's own limits row (domain/limits.md §1)."""

_TABLES = (*MODELS, "user")

DEFAULT_SETTINGS: Mapping[str, Json] = {
    "enable_api": 1,
    "webhook_calls_blocking": 0,
    "next_invoice_number": 1,
    "active_gateways": ["stripe", "manual", "free"],
    "stripe_sandbox_mode": 1,
}


class UnknownField(InvalidInput):
    """The sandbox's {table} has no {fields}."""


GATEWAY_CALLS = ("stripe_updated", "paypal_updated", "subscription_cancelled")
"""The kinds of effects that reach a payment provider."""


@dataclass(frozen=True, slots=True)
class Effect:
    """Something that a request did beside changing rows.

    Kinds: those of ``GATEWAY_CALLS`` with what was asked, ``integration_dropped`` (the
    membership lost its gateway), ``products_job`` (the queued job that re-applies the
    owner's role), ``site_saved``, ``role_applied``.
    """

    kind: str
    entity: str
    id: int
    data: dict[str, Json] = field(default_factory=dict)


class NetworkState:
    """Everything that the network knows. Hold ``lock`` (or use ``changing``) around writes.

    ``stripe`` is what its own Stripe gateway asks; without it, what it would ask is only
    recorded. ``host`` is where the network was last asked, by which ``scheme``: the address of
    all sites that are at the network's own domain. ``xmlrpc`` tells whether they take calls.
    """

    def __init__(
        self,
        *,
        clock: Clock,
        release: Release = Release.HEAD,
        file: Path | None = None,
        stripe: PluginStripe | None = None,
    ) -> None:
        self.lock = threading.RLock()
        self.clock = clock
        self.release = release
        self.stripe = stripe
        self.host, self.scheme = "", "http"
        self.xmlrpc = True
        self.settings: dict[str, Json] = dict(DEFAULT_SETTINGS)
        self.effects: list[Effect] = []
        self._tables: dict[str, dict[int, Row]] = {name: {} for name in _TABLES}
        self._metas: dict[str, dict[int, dict[str, Json]]] = {name: {} for name in _TABLES}
        self._last_ids: dict[str, int] = dict.fromkeys(_TABLES, 0)
        self._log = StateLog(file) if file else None
        self.restored = self._log is not None and self._restore(self._log)

    def mark_ready(self) -> None:
        """Note that the example is complete: a file without this note is begun anew."""
        self._write({"ready": True})

    @property
    def gateway_calls(self) -> list[Effect]:
        """What the network asked payment providers for, oldest first."""
        return self.effects_of(*GATEWAY_CALLS)

    @property
    def domain(self) -> str:
        """The network's own domain, by which its sites are stored."""
        return str(self.settings.get("network_domain", ""))

    @property
    def origin(self) -> str:
        """The main site's address, without a slash at the end."""
        return f"{self.scheme}://{self.host}"

    def now(self) -> str:
        """The present moment as the database writes it."""
        return moment_text(self.clock())

    def ids(self, table: str) -> list[int]:
        """The ids of a table's rows, ascending."""
        return sorted(self._tables[table])

    def rows(self, table: str) -> Iterable[Row]:
        """A table's rows by ascending id; do not change them."""
        stored = self._tables[table]
        return [stored[key] for key in sorted(stored)]

    def row(self, table: str, key: int) -> Row | None:
        """One row; do not change it."""
        return self._tables[table].get(key)

    def save(self, table: str, key: int, row: Row) -> None:
        """Put a row in the place of the one of its id."""
        self._tables[table][key] = row
        self._last_ids[table] = max(self._last_ids[table], key)
        self._write({"table": table, "id": key, "row": row})

    def remove(self, table: str, key: int) -> None:
        """Delete a row and its meta."""
        self._tables[table].pop(key, None)
        self._metas[table].pop(key, None)
        self._write({"table": table, "id": key, "row": None})

    def next_id(self, table: str) -> int:
        """The id that a new row gets; ids are never used twice."""
        return self._last_ids[table] + 1

    def insert(self, table: str, /, **values: Json) -> int:
        """Add a row as if it had been there all along; returns its id.

        Values are in memory form (amounts in major units, dates as text); fields left
        out hold what a new object holds. ``limits`` is the object's own limits row.
        """
        model = MODELS[table]
        limits = values.pop("limits", None)
        key = int(values.pop("id", 0)) or self.next_id(table)
        values.pop(model.id_column, None)
        row: Row = {}
        for each in model.fields:
            if each.name in {model.id_column, "id"}:
                row[each.name] = key
            elif not each.fixed:
                value = values.pop(each.name) if each.name in values else each.fresh(self.release)
                row[each.name] = each.form.store(each.form.put(value))
        if values:
            raise UnknownField(table=table, fields=", ".join(sorted(values)))
        now = self.now()
        for column in ("date_created", "date_modified"):
            if column in row and row[column] is None:
                row[column] = now
        self.save(table, key, row)
        if limits is not None:
            self.set_meta(table, key, LIMITS_KEY, limits)
        return key

    def meta(self, table: str, key: int) -> Mapping[str, Json]:
        """The meta of an object; empty when it has none."""
        return self._metas[table].get(key, {})

    def set_meta(self, table: str, key: int, name: str, value: Json) -> None:
        """Replace one meta value as a whole."""
        self._metas[table].setdefault(key, {})[name] = value
        self._write({"table": table, "id": key, "meta": {name: value}})

    def set_setting(self, name: str, value: Json) -> None:
        """Change one setting of the network."""
        self.settings[name] = value
        self._write({"setting": name, "value": value})

    def record(self, kind: str, entity: str, key: int, **data: Json) -> None:
        """Remember a side effect."""
        self.effects.append(Effect(kind, entity, key, data))
        self._write({"effect": kind, "entity": entity, "id": key, "data": data})

    def effects_of(self, *kinds: str) -> list[Effect]:
        """The side effects of these kinds, oldest first."""
        with self.lock:
            return [each for each in self.effects if each.kind in kinds]

    def limits_row(self, table: str, key: int) -> LimitsRow | None:
        """The object's own limits row; None when it has none, or something else there."""
        row = self.meta(table, key).get(LIMITS_KEY)
        return row if isinstance(row, dict) and row else None

    def membership_limits(
        self, membership: Row, *, site: LimitsRow | None = None
    ) -> EffectiveLimits:
        """The limits of a membership, under a site's override if given."""
        addons = [
            (self.limits_row("product", product) or {}, quantity)
            for product, quantity in addon_quantities(membership["addon_products"])
        ]
        return compose(
            plan=self.limits_row("product", membership["plan_id"]),
            addons=addons,
            membership=self.limits_row("membership", membership["id"]),
            site=site,
            release=self.release.limit_rules,
        )

    def site_limits(self, blog_id: int) -> EffectiveLimits:
        """The limits in force on a site now, by the release's rules (domain/limits.md §3)."""
        site = self.row("site", blog_id)
        if site is None or not has_limits(site["type"] or ""):
            return {}
        own = self.limits_row("site", blog_id)
        membership = self.row("membership", site["membership_id"] or 0)
        if membership is None:
            return compose(plan=None, site=own, release=self.release.limit_rules)
        return self.membership_limits(membership, site=own)

    @contextmanager
    def changing(self) -> Iterator[None]:
        """Hold the lock, and write what changed to the state file when done."""
        with self.lock:
            try:
                yield
            finally:
                if self._log:
                    self._log.flush()

    def close(self) -> None:
        """Close the state file."""
        if self._log:
            self._log.close()

    def _write(self, entry: dict[str, Json]) -> None:
        if self._log:
            self._log.append(entry)

    def _restore(self, log: StateLog) -> bool:
        """Take over what an earlier run wrote; False when it never got ready."""
        entries = list(log.entries())
        if {"ready": True} not in entries:
            log.clear()
            return False
        self._log = None
        for entry in entries:
            self._replay(entry)
        self._log = log
        return True

    def _replay(self, entry: dict[str, Json]) -> None:
        if "setting" in entry:
            self.set_setting(entry["setting"], entry["value"])
        elif "effect" in entry:
            self.record(entry["effect"], entry["entity"], entry["id"], **entry["data"])
        elif "meta" in entry:
            for name, value in entry["meta"].items():
                self.set_meta(entry["table"], entry["id"], name, value)
        elif "row" in entry and entry["row"] is None:
            self.remove(entry["table"], entry["id"])
        elif "row" in entry:
            self.save(entry["table"], entry["id"], entry["row"])


def addon_quantities(addon_products: Json) -> list[tuple[int, int]]:
    """Add-on ids and quantities as PHP sees them: a bare list has its positions as ids."""
    pairs = (
        addon_products.items() if isinstance(addon_products, dict) else enumerate(addon_products)
    )
    return [(integer(product), integer(quantity)) for product, quantity in pairs]
