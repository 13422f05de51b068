"""The recorded exchanges of the three releases, and a network state that matches them."""

from __future__ import annotations

import base64
import copy
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from email.utils import parsedate_to_datetime
from functools import cache
from pathlib import Path
from typing import Any

from bridge.sandbox.network_models import MODELS
from bridge.sandbox.network_state import NetworkState
from bridge.sandbox.releases import Release

SHARED = Path(__file__).parents[2].parent / "shared"
FOLDERS = {
    Release.HEAD: "recordings",
    Release.V2_4_12: "recordings_v2412",
    Release.V2_4_7: "recordings_v247",
}
KEY, SECRET = "recorded-key", "recorded-secret"

LISTED = (
    "product",
    "customer",
    "membership",
    "site",
    "payment",
    "discount_code",
    "domain",
    "checkout_form",
    "email",
)
LAB_SETTINGS = {
    "company_name": "Lab Network",
    "network_domain": "127.0.0.1:8080",
    "next_invoice_number": 9,
}
EXTRA_VISITS = {"visits": {"enabled": True, "limit": 10000}}
EXTRA_DISK = {"disk_space": {"enabled": True, "limit": 1024}}


@dataclass(frozen=True)
class Recording:
    """One recorded exchange, named ``entity/NN_name``."""

    name: str
    request: dict[str, Any]
    response: dict[str, Any]

    @property
    def answered_at(self) -> datetime:
        return parsedate_to_datetime(self.response["headers"]["date"])

    @property
    def path(self) -> str:
        return (
            str(self.request["path"]).replace("{{API_KEY}}", KEY).replace("{{API_SECRET}}", SECRET)
        )

    @property
    def headers(self) -> dict[str, str]:
        good = "Basic " + base64.b64encode(f"{KEY}:{SECRET}".encode()).decode()
        return {
            name: value.replace("Basic {{base64(API_KEY:API_SECRET)}}", good)
            for name, value in self.request["headers"].items()
        }

    @property
    def content(self) -> bytes | None:
        """What was sent: JSON text, or the broken text as it is."""
        body = self.request["body"]
        if body is None:
            return None
        sent = body if isinstance(body, str) else json.dumps(body)
        return sent.replace("{{API_KEY}}", KEY).replace("{{API_SECRET}}", SECRET).encode()


def in_order(release: Release) -> Iterator[Recording]:
    """All REST exchanges in the order in which they were made: reads, then writes."""
    folder = SHARED / FOLDERS[release]
    by_name: dict[tuple[str, str], list[Path]] = {}
    for file in sorted(folder.glob("*/[0-9]*.json")):
        if file.parent.name in MODELS or file.parent.name == "auth":
            by_name.setdefault((file.parent.name, file.stem.partition("_")[2]), []).append(file)
    for summary in ("_summary_reads.txt", "_summary_writes.txt"):
        for line in (folder / summary).read_text().splitlines():
            entity, name = line.split()[:2]
            files = by_name.get((entity, name))
            if files:
                yield _read(files.pop(0))
    for files in by_name.values():
        for file in files:
            yield _read(file)


def _read(file: Path) -> Recording:
    content = json.loads(file.read_text())
    name = f"{file.parent.name}/{file.stem}"
    return Recording(name, content["request"], content["response"])


@cache
def _rows(entity: str) -> list[dict[str, Any]]:
    """The rows of the newest release: it alone shows what is kept in meta tables."""
    file = next((SHARED / FOLDERS[Release.HEAD] / entity).glob("04_list_pp100.json"))
    rows: list[dict[str, Any]] = json.loads(file.read_text())["response"]["body"]
    return rows


def fill(state: NetworkState) -> None:
    """The recorded network as it was before the first write; the same in all releases."""
    for entity in LISTED:
        model = MODELS[entity]
        for row in sorted(_rows(entity), key=lambda each: int(each[model.id_column])):
            values = {
                each.name: row[each.name]
                for each in model.fields_of(state.release)
                if each.name in row and not each.fixed
            }
            values["id"] = int(row[model.id_column])
            if entity == "product":
                values |= {"price_variations": _variations(row["id"])}
            values = {name: _restored(name, value) for name, value in values.items()}
            state.insert(entity, **values)
    for product, limits in _product_limits().items():
        state.set_meta("product", product, "wu_limitations", limits)
    for name, value in LAB_SETTINGS.items():
        state.set_setting(name, value)


def _restored(name: str, value: Any) -> Any:
    """A false owner is none; ids and times come back from their text."""
    if name in ("customer_id", "membership_id", "template_id") and value is False:
        return None
    if isinstance(value, str) and re.fullmatch(r"\d+", value) and name != "code":
        return int(value)
    return value


def _variations(product: str) -> Any:
    for membership in _rows("membership"):
        for each in membership["compiled_product_list"]:
            if each["product"]["id"] == product and each["product"]["price_variations"]:
                return each["product"]["price_variations"]
    return None


def _product_limits() -> dict[int, Any]:
    """Packages as the lab set them; plans as a site shows them, less its packages."""
    packages = {1: EXTRA_VISITS, 2: EXTRA_DISK}
    limits: dict[int, Any] = dict(packages)
    memberships = {int(row["id"]): row for row in _rows("membership")}
    for site in _rows("site"):
        membership = memberships.get(int(site["membership_id"] or 0))
        if membership is None or membership["plan_id"] in limits:
            continue
        row = copy.deepcopy(site["limitations"])
        for addon, quantity in dict(membership["addon_products"]).items():
            for module, added in packages[int(addon)].items():
                if row[module]["limit"]:
                    row[module]["limit"] -= added["limit"] * quantity
        limits[membership["plan_id"]] = row
    return limits
