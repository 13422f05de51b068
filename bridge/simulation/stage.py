"""Where a simulation runs: stand-ins and a database of its own, thrown away afterwards.

Nothing is decided here. The membership is taken out of the mirror into stand-ins of its
network and of Stripe; the clock jumps from one thing that falls due to the next, and at each
the same parts as in the service do their work: dispatcher, renewals, engine stages,
collecting. The operator's database, network and Stripe account are not touched.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from bridge.sandbox.server import SandboxNetwork
from bridge.sandbox.stripe_clock import SandboxClock
from bridge.sandbox.stripe_server import SandboxStripe
from bridge.simulation.member import SimulatedMember
from bridge.simulation.run import Run
from bridge.simulation.script import Script
from bridge.simulation.timeline import Timeline
from bridge.store import schema
from bridge.store.engine import make_engine
from bridge.store.networks import Credentials, NetworkRepository
from bridge.store.seals import Seal
from bridge.store.tables import Network
from bridge.wiring import App


def simulate(planbridge: App, network: Network, membership_id: int, script: Script) -> Timeline:
    """Run a membership of the mirror through a script; reads the mirror and nothing else.

    A change that is scheduled already is simulated, too, at the price that was given; one
    that waits for something else is left out.

    Raises:
        UnknownMembership: the mirror has none of that id.
        UnknownProduct: a change is wished to a product that is not there.
    """
    with planbridge.session() as session:
        member = SimulatedMember.taken(
            session, network, membership_id, quote_key=planbridge.quote_key
        )
    with _stage(planbridge, network, member, script) as run:
        return run.through()


@contextmanager
def _stage(
    planbridge: App, network: Network, member: SimulatedMember, script: Script
) -> Iterator[Run]:
    clock = SandboxClock(script.begins)
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="planbridge-sim-")))
        place = stack.enter_context(
            SandboxNetwork(example=member.fill, clock=clock, release=member.release)
        )
        account = stack.enter_context(SandboxStripe(account="acct_simulation", clock=clock))
        settings = planbridge.settings.model_copy(
            update={
                "data_dir": folder,
                "database_url": None,
                "engine_database_url": None,
                "secret_keys": None,
                "stripe_url": account.url,
            }
        )
        store = make_engine(settings.store_url)
        stack.callback(store.dispose)
        schema.upgrade(store)
        app = App(settings, store, Seal(settings.sealing_keys()), clock)
        with app.session() as session:
            copy = NetworkRepository(session, app.seal).add(
                network.name,
                place.url,
                Credentials(place.api_key, place.api_secret),
                now=clock(),
                stripe_account=account.account,
                stripe_key=account.api_key,
                terms=member.terms,
            )
            member.mirror(session, copy.key)
        yield Run(app, copy, member, account=account, clock=clock, script=script)
