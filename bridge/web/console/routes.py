"""All routes of the console."""

from __future__ import annotations

from bridge.web.console import (
    appointments,
    audit,
    behalf,
    changes,
    drift,
    events,
    jobs,
    me,
    memberships,
    messages,
    networks,
    overview,
    ownership,
    products,
    sign_in,
    simulation,
    syncing,
    treatment,
)

ROUTERS = (
    sign_in.router,
    me.router,
    overview.router,
    networks.router,
    ownership.router,
    syncing.router,
    treatment.router,
    memberships.router,
    behalf.router,
    simulation.router,
    changes.router,
    events.router,
    drift.router,
    products.router,
    messages.router,
    jobs.router,
    audit.router,
    appointments.router,
)
