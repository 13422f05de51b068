"""The one place where objects are put together: settings in, a working planbridge out."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cached_property, partial
from typing import Any

from fastapi import APIRouter, FastAPI
from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError
from sqlmodel import Session

from bridge.alarms import alarms
from bridge.console import console_setup
from bridge.domain.ladder import Ladder
from bridge.errors import StoreError
from bridge.jobs import billing_rounds, schedules
from bridge.logs import configure_logging
from bridge.messaging import Messaging
from bridge.network.capabilities import Capabilities
from bridge.network.client import NetworkClient
from bridge.network.endpoint import Endpoint
from bridge.network.manners import Manners
from bridge.network.transport import Timeouts
from bridge.network.users import SignIn
from bridge.network.xmlrpc import SiteXmlRpc
from bridge.network.xmlrpc_address import site_url
from bridge.payments.client import StripeAccount
from bridge.payments.lookup import look_up
from bridge.payments.pace import Pace
from bridge.settings import Settings, load_settings
from bridge.store import schema
from bridge.store.engine import make_engine
from bridge.store.networks import NetworkRepository
from bridge.store.options import options_of
from bridge.store.seals import Seal
from bridge.store.tables import Network, SiteRecord
from bridge.upgrades.cancelling import Cancelling
from bridge.upgrades.collecting import Collecting
from bridge.upgrades.engine import UpgradeEngine
from bridge.upgrades.renewals import Renewals
from bridge.upgrades.rounds import Rounds
from bridge.upgrades.usages import SiteUses
from bridge.web.app import create_app
from bridge.web.metrics import Standings
from bridge.web.service import Service
from sync.hints import Hints
from webhooks.backfill import Backfill
from webhooks.dispatch import Dispatcher
from webhooks.endpoints import Endpoints, read_endpoints
from webhooks.inbox import Inbox
from webhooks.network_events import network_router
from webhooks.network_tokens import NetworkTokens
from webhooks.routes import stripe_router
from webhooks.stripe_door import StripeReceiver
from webhooks.tally import Tally

Clock = Callable[[], datetime]


def utc_now() -> datetime:
    """The wall clock, the only one in the shipped program."""
    return datetime.now(UTC)


@dataclass
class App:
    """Everything a command, the API or the engine needs, opened once."""

    settings: Settings
    engine: Engine
    seal: Seal
    clock: Clock = utc_now
    # By sealed key: one account keeps one pace.
    _accounts: dict[str, StripeAccount] = field(default_factory=dict, repr=False)
    _known_manners: dict[tuple[int, float, int], Manners] = field(default_factory=dict, repr=False)

    @contextmanager
    def session(self) -> Iterator[Session]:
        """A session that commits at the end, and rolls back on an error."""
        with Session(self.engine, expire_on_commit=False) as session:
            yield session
            session.commit()

    @cached_property
    def quote_key(self) -> bytes:
        """The key that signs quotes."""
        return self.settings.quote_key()

    @cached_property
    def network_tokens(self) -> NetworkTokens:
        """The secret parts of the addresses at which networks call."""
        return NetworkTokens(self.settings.call_keys())

    def network(self, name: str) -> Network:
        """The network of that name.

        Raises:
            UnknownNetwork: there is none.
        """
        with self.session() as session:
            return NetworkRepository(session, self.seal).get(name)

    def networks(self) -> list[Network]:
        """All networks, by name."""
        with self.session() as session:
            return NetworkRepository(session, self.seal).list()

    def client(self, network: Network) -> NetworkClient:
        """A client of the network's REST API, with the credentials on record."""
        with self.session() as session:
            known = NetworkRepository(session, self.seal).credentials(network)
        endpoint = Endpoint(network.url, known.api_key, known.api_secret, in_query=known.in_query)
        return NetworkClient(
            endpoint,
            name=network.name,
            capabilities=(
                Capabilities.from_json(network.capabilities) if network.capabilities else None
            ),
            timeouts=Timeouts(
                read=self.settings.network_timeout, write=self.settings.network_timeout
            ),
            clock=self.clock,
            manners=self._manners(network),
            super_admin=(
                SignIn(known.wp_username, known.wp_application_password)
                if known.wp_username
                else None
            ),
        )

    def _manners(self, network: Network) -> Manners:
        """What all clients of a network in this process keep to."""
        options = options_of(network)
        rate = self.settings.network_rate if options.rate is None else options.rate
        key = (network.key, rate, options.concurrency or 0)
        manners = Manners(wait=Pace(rate).wait, at_once=key[2])
        return self._known_manners.setdefault(key, manners)

    def stripe_account(self, network: Network) -> StripeAccount | None:
        """The Stripe account that collects for a network; None where it has no key."""
        if not network.sealed_stripe_key:
            return None
        known = self._accounts.get(network.sealed_stripe_key)
        if known is None:
            with self.session() as session:
                key = NetworkRepository(session, self.seal).stripe_key(network)
            known = StripeAccount(
                key,
                network=network.name,
                livemode=network.livemode,
                base_url=self.settings.stripe_url,
            )
            self._accounts[network.sealed_stripe_key] = known
        return known

    def account_for(self, network_id: int) -> StripeAccount | None:
        """The Stripe account of a network by its id; None where it has no key."""
        with self.session() as session:
            network = NetworkRepository(session, self.seal).by_id(network_id)
        return self.stripe_account(network)

    def ask_stripe(self, networks: Sequence[int], kind: str, key: str) -> Mapping[str, Any] | None:
        """An object as Stripe has it now, by the first of these networks that has a key."""
        account = next(filter(None, map(self.account_for, networks)), None)
        return None if account is None else look_up(account, kind, key)

    def collecting(self) -> Collecting:
        """What collects changes through Stripe."""
        return Collecting(
            self.engine,
            account_for=self.stripe_account,
            clock=self.clock,
            quote_key=self.quote_key,
        )

    def cancelling(self, collecting: Collecting) -> Cancelling:
        """What ends memberships by their customers' wish."""
        return Cancelling(
            self.engine,
            orders=collecting.orders,
            client_for=self.client_for,
            clock=self.clock,
        )

    def renewals(self, **options: Any) -> Renewals:
        """What brings renewals, unpaid invoices and refunds to the networks."""
        return Renewals(
            self.engine,
            client_for=self.client_for,
            account_for=self.account_for,
            clock=self.clock,
            ladder=Ladder(self.settings.grace_days, self.settings.hold_days),
            **options,
        )

    def backfill(self, stored: Callable[[], None] = lambda: None) -> Backfill:
        """What compares Stripe's list of events with the inbox."""
        return Backfill(
            self.engine,
            account_for=self.stripe_account,
            networks=self.networks,
            clock=self.clock,
            stored=stored,
        )

    def site_xmlrpc(self, network: Network, site: SiteRecord) -> SiteXmlRpc | None:
        """A client of the site's own XML-RPC; None where no WordPress user is on record.

        Raises:
            ForeignSite: the site is not at the network's address.
        """
        with self.session() as session:
            known = NetworkRepository(session, self.seal).credentials(network)
        if not known.wp_username:
            return None
        url = site_url(network.url, network=network.name, domain=site.domain, path=site.path)
        return SiteXmlRpc(
            url,
            known.wp_username,
            known.wp_application_password,
            network=network.name,
            clock=self.clock,
            manners=self._manners(network),
        )

    def client_for(self, network_id: int) -> NetworkClient:
        """The client of a network by its id, for the engine."""
        with self.session() as session:
            network = NetworkRepository(session, self.seal).by_id(network_id)
        return self.client(network)

    def hints(self, **options: Any) -> Hints:
        """What reads rows again that a network told of."""
        return Hints(
            self.engine, network=self.network, client=self.client, clock=self.clock, **options
        )

    def upgrade_engine(self, **options: Any) -> UpgradeEngine:
        """The upgrade engine, not yet started."""
        return UpgradeEngine(
            store=self.engine,
            client_for=self.client_for,
            account_for=self.account_for,
            clock=self.clock,
            executor_id=self.settings.executor_id,
            system_database_url=self.settings.engine_url,
            **options,
        )


def web_app(planbridge: App, **engine_options: Any) -> FastAPI:
    """The whole service as one ASGI application; its parts start and stop with it."""
    upgrades = planbridge.upgrade_engine(**engine_options)
    collecting = planbridge.collecting()
    cancelling = planbridge.cancelling(collecting)
    rounds = Rounds(lambda: collecting.sweep() + cancelling.sweep(), name="collections")
    billing = billing_rounds(planbridge)
    hints = planbridge.hints()
    reading = Rounds(hints.sweep, name="hints", seconds=0.5)

    def wake(change_id: str) -> None:
        upgrades.wake(change_id)
        rounds.wake()

    dispatcher = Dispatcher(
        planbridge.engine,
        clock=planbridge.clock,
        wake=wake,
        seen=billing.wake,
        ask=planbridge.ask_stripe,
        quote_key=planbridge.quote_key,
    )
    inbox = Inbox(planbridge.engine, on_stored=dispatcher.wake)
    jobs = schedules(planbridge, stored=dispatcher.wake)
    ticking = Rounds(jobs.sweep, name="schedules")
    endpoints = Endpoints(partial(read_endpoints, planbridge.engine, planbridge.seal))
    settings = planbridge.settings
    messaging = Messaging(planbridge)
    service = Service(
        store=planbridge.engine,
        seal=planbridge.seal,
        clock=planbridge.clock,
        upgrades=upgrades,
        wake_inbox=dispatcher.wake,
        collecting=collecting,
        wake_collecting=rounds.wake,
        quote_key=planbridge.quote_key,
        quote_minutes=settings.quote_minutes,
        links=messaging.links,
        hooks_private=settings.hooks_private,
        cancelling=cancelling,
        usage=SiteUses(planbridge.site_xmlrpc, clock=planbridge.clock).of,
    )

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        # The engine opens its own database and recovers what a killed process left.
        await asyncio.to_thread(upgrades.start)
        inbox.start()
        dispatcher.start()
        rounds.start()
        billing.start()
        jobs.start()
        ticking.start()
        reading.start()
        messaging.start()
        try:
            yield
        finally:
            await asyncio.to_thread(inbox.close)
            await asyncio.to_thread(dispatcher.close)
            await asyncio.to_thread(rounds.stop)
            await asyncio.to_thread(billing.stop)
            await asyncio.to_thread(ticking.stop)
            await asyncio.to_thread(jobs.stop)
            await asyncio.to_thread(reading.stop)
            await asyncio.to_thread(messaging.stop)
            await asyncio.to_thread(upgrades.stop)

    tally = Tally()
    receiver = StripeReceiver(
        inbox,
        endpoints,
        clock=planbridge.clock,
        max_body=settings.webhook_max_bytes,
        tolerance=timedelta(seconds=settings.webhook_tolerance),
        tally=tally,
    )
    webhooks = APIRouter()
    webhooks.include_router(stripe_router(receiver))
    webhooks.include_router(network_router(planbridge.network_tokens, take=hints.take))
    concerns = alarms(planbridge.engine, planbridge.clock, has_mail=messaging.has_mail)
    return create_app(
        service,
        token=settings.operator_token(),
        webhooks=webhooks,
        receiver=receiver,
        checks={"database": partial(_database_trouble, planbridge.engine)},
        pages=settings.pages(),
        console=console_setup(planbridge, jobs=jobs),
        alarms=concerns,
        metrics=Standings(planbridge.engine, clock=planbridge.clock, alarms=concerns, tally=tally),
        metrics_token=settings.metrics_token.get_secret_value() if settings.metrics_token else "",
        lifespan=lifespan,
    )


def _database_trouble(engine: Engine) -> str:
    try:
        schema.require_current(engine)
    except (StoreError, SQLAlchemyError) as error:
        return str(error) if isinstance(error, StoreError) else "the database does not answer"
    return ""


def open_app(settings: Settings | None = None, *, check_schema: bool = True) -> App:
    """Open the database and be ready.

    Raises:
        ConfigurationError: the settings cannot work.
        StoreError: the database is behind; `planbridge migrate` brings it up.
    """
    settings = settings or load_settings()
    configure_logging(settings.log_level)
    app = App(
        settings=settings,
        engine=make_engine(settings.store_url),
        seal=Seal(settings.sealing_keys()),
    )
    if check_schema:
        schema.require_current(app.engine)
    return app
