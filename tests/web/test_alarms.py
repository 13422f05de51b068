"""Alarms are shown beside the checks, and do not take the service out of service."""

from __future__ import annotations

import requests
from fastapi import FastAPI

from bridge.web.health import health_router
from bridge.web.server import BackgroundService


def test_an_alarm_is_shown_and_the_service_stays_ready() -> None:
    """A switched off endpoint is the operator's business, not the load balancer's."""
    app = FastAPI()
    alarms = {"stripe events": lambda: "main: switched off", "billing": lambda: ""}
    app.include_router(health_router({"database": lambda: ""}, alarms))
    with BackgroundService(app) as service:
        answer = requests.get(f"{service.url}/health/ready", timeout=10)
    assert answer.status_code == 200
    assert answer.json() == {
        "status": "ready",
        "checks": {"database": "ok"},
        "alarms": {"stripe events": "main: switched off"},
    }
