"""All routes of the console."""

from __future__ import annotations

from bridge.web.console import (
    appointments,
    audit,
    me,
    overview,
    sign_in,
)

ROUTERS = (
    sign_in.router,
    me.router,
    overview.router,
    appointments.router,
    audit.router,
)
