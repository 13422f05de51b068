"""Alarms are shown beside the checks, and do not take the service out of service."""

from __future__ import annotations

from fastapi import FastAPI
from fastapi.testclient import TestClient

from bridge.web.health import health_router


def test_an_alarm_is_shown_and_the_service_stays_ready() -> None:
    """A switched off endpoint is the operator's business, not the load balancer's."""
    app = FastAPI()
    alarms = {"stripe events": lambda: "main: switched off", "billing": lambda: ""}
    app.include_router(health_router({"database": lambda: ""}, alarms))
    answer = TestClient(app).get("/health/ready")
    assert answer.status_code == 200
    assert answer.json() == {
        "status": "ready",
        "checks": {"database": "ok"},
        "alarms": {"stripe events": "main: switched off"},
    }
