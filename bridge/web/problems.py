"""Errors as problem JSON (RFC 9457): never a traceback, never a 500 for a client's mistake."""

from __future__ import annotations

import structlog
from fastapi import FastAPI, Request
from fastapi.encoders import jsonable_encoder
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from starlette.exceptions import HTTPException

from bridge.errors import PlanbridgeError
from bridge.web.pages.errors import Handler, error_page, is_page

MEDIA_TYPE = "application/problem+json"

log = structlog.get_logger(__name__)


def problem(
    status: int, title: str, detail: str, *, headers: dict[str, str] | None = None, **more: object
) -> JSONResponse:
    """A problem document; ``more`` are its extension members."""
    return JSONResponse(
        {"type": "about:blank", "title": title, "status": status, "detail": detail, **more},
        status_code=status,
        media_type=MEDIA_TYPE,
        headers=headers,
    )


def install(app: FastAPI) -> None:
    """Answer every error of the application with a problem document, or as a page."""
    app.add_exception_handler(PlanbridgeError, refusal)
    app.add_exception_handler(HTTPException, _either(_http))
    app.add_exception_handler(RequestValidationError, _either(_invalid))
    app.add_exception_handler(Exception, _either(_unexpected))


def _either(document: Handler) -> Handler:
    async def answer(request: Request, error: Exception) -> Response:
        return await (error_page if is_page(request) else document)(request, error)

    return answer


async def _ours(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, PlanbridgeError)
    if error.status >= 500:
        log.warning("request failed", path=request.url.path, problem=error.title)
    return problem(
        error.status, error.title, str(error), headers=dict(error.headers), **error.members
    )


refusal = _either(_ours)
"""The answer to an error of ours."""


async def _http(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)
    headers = dict(error.headers) if error.headers else None
    return problem(error.status_code, "HTTP error", str(error.detail), headers=headers)


async def _invalid(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)
    errors = [
        {"where": ".".join(str(part) for part in item["loc"]), "what": item["msg"]}
        for item in error.errors()
    ]
    detail = "; ".join(f"{item['where']}: {item['what']}" for item in errors)
    return problem(422, "InvalidInput", detail, errors=jsonable_encoder(errors))


async def _unexpected(request: Request, error: Exception) -> JSONResponse:
    log.error("unexpected error", path=request.url.path, exc_info=error)
    return problem(500, "Internal error", "Something broke in planbridge; it has been logged.")
