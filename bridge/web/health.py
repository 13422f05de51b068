"""``/health/live`` and ``/health/ready`` for whatever keeps the service running."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from fastapi import APIRouter
from fastapi.responses import JSONResponse

Check = Callable[[], str]
"""Gives an empty string when all is well, else one sentence."""


def health_router(checks: Mapping[str, Check], alarms: Mapping[str, Check]) -> APIRouter:
    """Live: the process answers. Ready: every check passes; 503 names those that do not.

    Alarms are shown beside: what the operator has to know, while the service can work.
    """
    router = APIRouter(prefix="/health", tags=["health"])

    @router.get("/live")
    def live() -> dict[str, str]:
        """The process answers."""
        return {"status": "live"}

    @router.get("/ready", response_model=None)
    def ready() -> JSONResponse:
        """Database reachable and current, engine and inbox at work."""
        found = {name: check() for name, check in checks.items()}
        healthy = not any(found.values())
        return JSONResponse(
            {
                "status": "ready" if healthy else "not ready",
                "checks": {name: trouble or "ok" for name, trouble in found.items()},
                "alarms": {name: told for name, ask in alarms.items() if (told := ask())},
            },
            status_code=200 if healthy else 503,
        )

    return router
