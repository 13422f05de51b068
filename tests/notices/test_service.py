"""The running service: a paid change ends in a mail and in signed events."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from bridge.domain.notices import NoticeKind
from bridge.hooks.signing import new_secret
from bridge.sandbox.server import SandboxNetwork
from bridge.settings import load_settings
from bridge.store import schema
from bridge.store.engine import make_engine
from bridge.store.hooks import HookRepository
from bridge.store.networks import Credentials, NetworkRepository
from bridge.store.notices import NoticeRepository
from bridge.store.people import Contact, save_contacts
from bridge.store.readers import membership_record
from bridge.web.server import BackgroundService
from bridge.wiring import App, open_app, web_app
from sync.catalogue import take
from sync.learning import learn
from sync.passes import run
from tests.hooks.receiver import Receiver
from tests.notices.post_box import PostBox
from tests.web.conftest import SECRET, TOKEN, Caller, deliver, paid_intent

MEMBERSHIP = 1


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as running:
        yield running


@pytest.fixture
def planbridge(tmp_path: Path, box: PostBox, receiver: Receiver) -> Iterator[App]:
    """A network whose customers read French, and whose operator listens."""
    settings = load_settings(
        {},
        data_dir=tmp_path,
        api_token=TOKEN,
        log_level="error",
        public_url="https://plans.example.com",
        smtp_host="127.0.0.1",
        smtp_port=box.port,
        smtp_security="none",
        hooks_private=True,
    )
    schema.upgrade(make_engine(settings.store_url))
    with SandboxNetwork(memberships=3) as network:
        opened = open_app(settings)
        with opened.session() as session:
            NetworkRepository(session, opened.seal).add(
                "main",
                network.url,
                Credentials(network.api_key, network.api_secret),
                now=opened.clock(),
                stripe_secrets=[SECRET],
            )
        place = opened.network("main")
        with opened.client(place) as client:
            assert run(opened.engine, place, client, clock=opened.clock).complete
        with opened.session() as session:
            take(session, place, learn(session, place).proposal, clock=opened.clock)
            customer = membership_record(session, place.key, MEMBERSHIP).customer_id
            contact = Contact("zoe@example.com", "fr_FR", "Zoé")
            save_contacts(
                session.connection(),
                place.key,
                [customer],
                {customer: contact},
                now=opened.clock(),
            )
            for kind in NoticeKind:
                NoticeRepository(session).switch(place.key, kind, is_on=True, now=opened.clock())
            HookRepository(session).add(
                place.key,
                receiver.url,
                types=(),
                secret=new_secret(),
                seal=opened.seal,
                now=opened.clock(),
            )
        yield opened


def until(done: Callable[[], bool], *, seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.05)


def test_a_paid_change_is_told(planbridge: App, box: PostBox, receiver: Receiver) -> None:
    """Paid, accepted, applied, proven to the operator's system; the proof to the customer."""
    with BackgroundService(web_app(planbridge)) as service:
        call = Caller(service.url)
        quote = call.network("POST", f"/memberships/{MEMBERSHIP}/quotes", {"products": ["premium"]})
        change = call.network("POST", "/changes", {"quote": quote["id"]})
        metadata = {
            "planbridge_network": "main",
            "planbridge_membership": str(MEMBERSHIP),
            "planbridge_quote": quote["id"],
        }
        assert deliver(service.url, paid_intent(quote["due_now"], metadata)).ok
        until(lambda: "change.proven" in receiver.types and bool(box.mails))
    told = [one for one in receiver.taken if one.document["data"].get("change") == change["id"]]
    assert [one.document["type"] for one in told] == [
        "change.accepted",
        "payment.received",
        "change.applied",
        "change.proven",
    ]
    [mail] = box.mails
    body = mail.get_body(("plain",))
    assert body is not None
    said = body.get_content()
    assert "Bonjour Zoé," in said
    assert "Votre forfait est désormais Premium" in said
    assert "leurs nouvelles limites sont en vigueur" in said
    assert "https://plans.example.com/account/main/" in said
