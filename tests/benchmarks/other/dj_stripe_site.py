"""A Django site with dj-stripe and nothing else: the peer of the webhook benchmark.

``python dj_stripe_site.py FOLDER SECRET``, run by an environment that has dj-stripe and
waitress. Prints the path of its endpoint and its port, then serves until it is stopped.
The endpoint verifies signatures as its documentation recommends. With ``PEER_DATABASE``
(Django's settings of an empty PostgreSQL database, as JSON) it is kept there, otherwise in
SQLite in WAL mode with the durability that planbridge has. Stripe itself cannot be asked:
its address leads nowhere, so an event that needed it would fail.
"""

from __future__ import annotations

import json
import os
import socket
import sys
from pathlib import Path

import django
import stripe
from django.conf import settings
from django.core.management import call_command
from django.core.wsgi import get_wsgi_application
from django.db import connections
from django.urls import include, path
from waitress import serve

ACCOUNT = "acct_benchmark"
KEY = "sk_test_" + "b" * 24

urlpatterns: list[object] = []


def configure(folder: Path) -> None:
    """The site's settings, and its tables."""
    given = os.environ.get("PEER_DATABASE")
    settings.configure(
        DEBUG=False,
        SECRET_KEY="benchmark",
        ALLOWED_HOSTS=["*"],
        ROOT_URLCONF=__name__,
        USE_TZ=True,
        INSTALLED_APPS=[
            "django.contrib.auth",
            "django.contrib.contenttypes",
            "django.contrib.sessions",
            "djstripe",
        ],
        DATABASES={
            "default": (_postgresql(json.loads(given)) if given else _sqlite(folder))
            | {"CONN_MAX_AGE": None}
        },
        MIDDLEWARE=["django.middleware.common.CommonMiddleware"],  # says how long answers are
        # The tables at once instead of by ten years of migrations.
        MIGRATION_MODULES=dict.fromkeys(("auth", "contenttypes", "sessions", "djstripe")),
        DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
        DJSTRIPE_FOREIGN_KEY_TO_FIELD="id",
        STRIPE_TEST_SECRET_KEY=KEY,
        STRIPE_LIVE_MODE=False,
        LOGGING_CONFIG=None,
    )
    django.setup()
    stripe.api_base = "http://127.0.0.1:9"
    stripe.max_network_retries = 0
    urlpatterns.append(path("stripe/", include("djstripe.urls", namespace="djstripe")))
    call_command("migrate", verbosity=0, run_syncdb=True)
    if not given:
        # From here on, connections are as durable as planbridge's.
        connections.close_all()
        connections.settings["default"]["OPTIONS"]["init_command"] = _pragmas("FULL")


def _postgresql(given: dict[str, object]) -> dict[str, object]:
    return {"ENGINE": "django.db.backends.postgresql"} | given


def _sqlite(folder: Path) -> dict[str, object]:
    return {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": folder / "peer.sqlite",
        "OPTIONS": {"init_command": _pragmas("OFF"), "transaction_mode": "IMMEDIATE"},
    }


def _pragmas(synchronous: str) -> str:
    return f"PRAGMA journal_mode=WAL; PRAGMA synchronous={synchronous}; PRAGMA busy_timeout=10000;"


def endpoint(secret: str) -> str:
    """An endpoint that verifies signatures; its path."""
    from djstripe.models import Account, APIKey, WebhookEndpoint

    account = Account.objects.create(id=ACCOUNT, livemode=False)
    APIKey.objects.create(
        id="ak_benchmark",
        type="secret",
        secret=KEY,
        livemode=False,
        djstripe_owner_account=account,
    )
    made = WebhookEndpoint.objects.create(
        id="we_benchmark",
        url="https://benchmark.test/",
        status="enabled",
        livemode=False,
        secret=secret,
        enabled_events=["*"],
        api_version="2025-02-24.acacia",
        djstripe_owner_account=account,
        djstripe_validation_method="verify_signature",
    )
    return f"/stripe/webhook/{made.djstripe_uuid}/"


def main(folder: str, secret: str) -> None:
    """Serve."""
    configure(Path(folder))
    where = endpoint(secret)
    listener = socket.create_server(("127.0.0.1", 0), backlog=256)
    print(where, listener.getsockname()[1], flush=True)
    serve(get_wsgi_application(), sockets=[listener], threads=8)


if __name__ == "__main__":
    main(*sys.argv[1:])
