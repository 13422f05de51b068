"""The FastAPI application: webhooks, JSON API, pages, health."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager
from types import MappingProxyType

from fastapi import APIRouter, Depends, FastAPI
from prometheus_client.registry import Collector

import bridge
from bridge.web import document, problems
from bridge.web.account import billing, brand, change, confirm, entry, progress
from bridge.web.account import memberships as account_memberships
from bridge.web.api import changes, events, hooks, memberships, networks, payments, quotes
from bridge.web.auth import require_token
from bridge.web.console import routes as console_routes
from bridge.web.console.setup import ConsoleSetup
from bridge.web.gate import Gate
from bridge.web.health import Check, health_router
from bridge.web.metrics import metrics_router
from bridge.web.pages import site
from bridge.web.pages.setup import PageSetup
from bridge.web.service import Service
from webhooks.stripe_door import StripeDoor, StripeReceiver

_DESCRIPTION = """
Plan changes, payments and limits for WordPress multisite networks.

Amounts are integers in minor units of the currency beside them (4522 is $45.22).
Times are UTC. Errors are problem documents (RFC 9457).
"""

PAGES = (
    *console_routes.ROUTERS,
    brand.router,
    entry.router,
    account_memberships.router,
    billing.router,
    change.router,
    confirm.router,
    progress.router,
)


def create_app(
    service: Service,
    *,
    token: str,
    webhooks: APIRouter,
    receiver: StripeReceiver,
    checks: Mapping[str, Check],
    pages: PageSetup,
    console: ConsoleSetup,
    metrics: Collector,
    metrics_token: str = "",
    alarms: Mapping[str, Check] = MappingProxyType({}),
    lifespan: Callable[[FastAPI], AbstractAsyncContextManager[None]] | None = None,
) -> FastAPI:
    """The application around a service; ``token`` opens ``/v1``, ``webhooks`` need none.

    ``receiver`` takes Stripe's events at a door of its own. ``metrics_token`` opens
    ``/metrics``, as ``token`` does.
    """
    app = FastAPI(
        title="planbridge",
        version=bridge.__version__,
        description=_DESCRIPTION,
        lifespan=lifespan,
        redoc_url=None,
    )
    app.state.service = service
    app.state.console = console
    problems.install(app)
    document.install(app)
    app.add_middleware(Gate, refuse=problems.refusal)
    app.include_router(health_router(checks, alarms))
    app.include_router(metrics_router(metrics, guard=require_token(token, metrics_token)))
    app.include_router(webhooks)
    guarded = [Depends(require_token(token))]
    for module in (networks, memberships, quotes, changes, payments, events, hooks):
        app.include_router(module.router, prefix="/v1", dependencies=guarded)
    site.install(app, pages, PAGES)
    app.add_middleware(StripeDoor, receiver=receiver)
    return app
