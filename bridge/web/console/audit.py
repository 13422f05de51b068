"""Everything that operators and customers did, and the same as a file."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from typing import Any

import orjson
from fastapi import APIRouter, Request
from fastapi.responses import Response, StreamingResponse
from sqlmodel import Session

from bridge.store.audit import AuditLog
from bridge.store.tables import AuditEntry
from bridge.web.console.frame import console_page
from bridge.web.console.sessions import SIGNED_IN, AReader
from bridge.web.service import ASession, TheService

router = APIRouter(prefix="/console/audit", dependencies=SIGNED_IN)
_PAGE = 100
_CHUNK = 1000
_COLUMNS = ("id", "at", "actor", "action", "network", "membership_id", "subject", "detail")


@router.get("")
def show_audit(
    request: Request,
    who: AReader,
    session: ASession,
    network: str = "",
    actor: str = "",
    action: str = "",
    before: int | None = None,
) -> Response:
    """The newest entries."""
    found = AuditLog(session).list(
        network=network, actor=actor, action=action, before=before, limit=_PAGE + 1
    )
    context = {
        "entries": found[:_PAGE],
        "more": found[_PAGE - 1].id if len(found) > _PAGE else None,
        "chosen": {"network": network, "actor": actor, "action": action},
    }
    return console_page(request, "audit.html", who, context, section="audit")


@router.get("/download.csv")
def download_csv(who: AReader, service: TheService, network: str = "") -> Response:
    """All entries as a table for a spreadsheet."""
    return _file(_csv(service.store, network), "text/csv; charset=utf-8", "audit.csv")


@router.get("/download.json")
def download_json(who: AReader, service: TheService, network: str = "") -> Response:
    """All entries, one JSON document a line."""
    lines = (orjson.dumps(_facts(one)) + b"\n" for one in _entries(service.store, network))
    return _file(lines, "application/x-ndjson", "audit.ndjson")


def _file(content: Iterator[Any], media_type: str, name: str) -> Response:
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return StreamingResponse(content, media_type=media_type, headers=headers)


def _entries(store: Any, network: str) -> Iterator[AuditEntry]:
    before: int | None = None
    while True:
        with Session(store) as session:
            found = AuditLog(session).list(network=network, before=before, limit=_CHUNK)
        yield from found
        if len(found) < _CHUNK:
            return
        before = found[-1].id


def _csv(store: Any, network: str) -> Iterator[str]:
    buffer = io.StringIO()
    writer = csv.writer(buffer)
    writer.writerow(_COLUMNS)
    for entry in _entries(store, network):
        facts = _facts(entry)
        facts["detail"] = orjson.dumps(facts["detail"]).decode()
        writer.writerow([_cell(facts[name]) for name in _COLUMNS])
        yield buffer.getvalue()
        buffer.seek(0)
        buffer.truncate()
    yield buffer.getvalue()


def _facts(entry: AuditEntry) -> dict[str, Any]:
    return {name: getattr(entry, name) for name in _COLUMNS}


def _cell(value: object) -> str:
    """As text; what a spreadsheet would take for a formula is kept from being one."""
    text = "" if value is None else str(value)
    return f"'{text}" if text.startswith(("=", "+", "-", "@", "\t", "\r")) else text
