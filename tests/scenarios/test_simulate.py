"""Months ahead in a moment: the service itself on a copy, with stand-ins and a jumping clock."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import pairwise
from pathlib import Path

import pytest

from bridge.domain.dates import end_of_day
from bridge.errors import InvalidInput, UnknownMembership, UnknownProduct
from bridge.sandbox.example_limits import EXTRA_DISK_SPACE
from bridge.sandbox.examples import BASIC_ID, EXTRA_DISK_SPACE_ID, PREMIUM_ID, member, seed
from bridge.sandbox.faults import Fault
from bridge.sandbox.network_state import NetworkState
from bridge.sandbox.server import SandboxNetwork
from bridge.sandbox.wire import Request
from bridge.settings import load_settings
from bridge.simulation.script import Script, Wish
from bridge.simulation.stage import simulate
from bridge.simulation.timeline import Entry, Timeline
from bridge.store import schema
from bridge.store.engine import make_engine
from bridge.store.networks import Credentials, NetworkRepository
from bridge.store.seals import Seal
from bridge.store.tables import ProductRecord
from bridge.upgrades.intent import request_change, revoke_change
from bridge.upgrades.quoting import Choice, give_quote, price
from bridge.wiring import App
from sync.catalogue import Proposal, take
from sync.learning import learn
from sync.passes import run as sync

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
COMMAND = Path(sys.executable).with_name("planbridge")
FREE_MEMBER, BASIC_MEMBER, PREMIUM_MEMBER, YEARLY_MEMBER, EXPIRED_MEMBER = 1, 2, 3, 4, 6
TRIAL_MEMBER = 8
PREMIUM, PREMIUM_WITH_DISK, BASIC_WITH_DISK = 4900, 5800, 2899


@dataclass(frozen=True)
class Operator:
    """An operator's own planbridge, and the network that it mirrors."""

    app: App
    network: SandboxNetwork
    folder: Path

    def simulate(self, membership: int, *, months: int, **happens: object) -> Timeline:
        script = Script(begins=NOW, months=months, **happens)  # type: ignore[arg-type]
        return simulate(self.app, self.app.network("main"), membership, script)

    def command(self, *words: str) -> subprocess.CompletedProcess[str]:
        kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
        return subprocess.run(
            [str(COMMAND), *words],
            cwd=self.folder,
            env={**kept, "PLANBRIDGE_DATA_DIR": str(self.folder), "COLUMNS": "200"},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    def contents(self) -> list[str]:
        """Every row of the database."""
        with self.app.engine.connect() as connection:
            raw = connection.connection.driver_connection
            assert raw is not None
            return list(raw.iterdump())


def _example(state: NetworkState) -> None:
    """The handbook's network, but Basic and Premium are of one group."""
    seed(state)
    member(state, plan=PREMIUM_ID, status="trialing", days_left=14)
    trial_end = "2026-12-08 23:59:59"
    for table, key, changed in (
        ("product", BASIC_ID, {"product_group": "High End"}),
        ("membership", TRIAL_MEMBER, {"date_trial_end": trial_end, "times_billed": 0}),
        ("membership", BASIC_MEMBER, {"date_expiration": "2027-01-31 23:59:59"}),
    ):
        state.save(table, key, {**(state.row(table, key) or {}), **changed})


@pytest.fixture(scope="module")
def operator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Operator]:
    """Mirrored and learned; nothing here may be changed by a simulation."""
    folder = tmp_path_factory.mktemp("operator")
    settings = load_settings(data_dir=folder, log_level="error")
    engine = make_engine(settings.store_url)
    schema.upgrade(engine)
    app = App(settings, engine, Seal(settings.sealing_keys()), lambda: NOW)
    with SandboxNetwork(example=_example, clock=lambda: NOW) as place:
        with app.session() as session:
            NetworkRepository(session, app.seal).add(
                "main", place.url, Credentials(place.api_key, place.api_secret), now=NOW
            )
        network = app.network("main")
        with app.client(network) as client:
            sync(engine, network, client, clock=app.clock)
        with app.session() as session:
            take(session, network, learn(session, network).proposal, clock=app.clock)
            by_hand = Proposal(source="file", limits={EXTRA_DISK_SPACE_ID: EXTRA_DISK_SPACE})
            take(session, network, by_hand, clock=app.clock)
        yield Operator(app, place, folder)
    engine.dispose()


def paid(timeline: Timeline) -> list[Entry]:
    return [entry for entry in timeline.entries if entry.paid]


def what(timeline: Timeline, word: str) -> list[Entry]:
    return [entry for entry in timeline.entries if word in entry.what]


def test_two_years_are_twenty_four_renewals(operator: Operator) -> None:
    """Each of the membership's amount, on the day its term ends, for one month more."""
    timeline = operator.simulate(PREMIUM_MEMBER, months=24)
    renewals = paid(timeline)
    assert [(entry.what, entry.amount) for entry in renewals] == [
        ("renewal paid", PREMIUM_WITH_DISK)
    ] * 24
    days = [f"{entry.at:%Y-%m-%d}" for entry in renewals]
    assert (days[0], days[1], days[-1]) == ("2026-12-14", "2027-01-14", "2028-11-14")
    for entry, following in pairwise(renewals):
        assert entry.expiration == end_of_day(following.at)
        assert entry.next_billing is not None
        assert entry.next_billing.date() == following.at.date()
    assert timeline.collected == 24 * PREMIUM_WITH_DISK
    last = timeline.entries[-1]
    assert (last.what, last.at, last.status) == (
        "ends",
        datetime(2028, 11, 24, 12, tzinfo=UTC),
        "active",
    )


def test_the_ends_of_months_are_right(operator: Operator) -> None:
    """From the 31st on: each month's last day, and never a day lost for good."""
    timeline = operator.simulate(BASIC_MEMBER, months=16)
    until = [f"{entry.expiration:%Y-%m-%d}" for entry in paid(timeline)]
    assert until[:4] == ["2027-02-28", "2027-03-31", "2027-04-30", "2027-05-31"]
    assert until[12] == "2028-02-29"
    assert until[13] == "2028-03-31"


def test_a_downgrade_waits_for_the_end_of_its_term(operator: Operator) -> None:
    """Asked for after three months: until then the old amount, from then on the new one."""
    wish = Wish(datetime(2027, 2, 24, 12, tzinfo=UTC), ("basic",))
    timeline = operator.simulate(PREMIUM_MEMBER, months=6, wishes=(wish,))
    (asked,) = what(timeline, "scheduled")
    assert (asked.at, asked.amount, asked.plan) == (wish.at, None, "Premium + 2× Extra disk space")
    assert "2027-03-14" in asked.what
    (done,) = what(timeline, "proven")
    assert (f"{done.at:%Y-%m-%d}", done.plan, done.status) == (
        "2027-03-14",
        "Basic + 2× Extra disk space",
        "active",
    )
    assert [(f"{entry.at:%m-%d}", entry.amount) for entry in paid(timeline)] == [
        ("12-14", PREMIUM_WITH_DISK),
        ("01-14", PREMIUM_WITH_DISK),
        ("02-14", PREMIUM_WITH_DISK),
        ("03-14", BASIC_WITH_DISK),
        ("04-14", BASIC_WITH_DISK),
        ("05-14", BASIC_WITH_DISK),
    ]
    assert timeline.entries[-1].status == "active"


def test_a_downgrade_to_another_period_pays_for_its_first_term(operator: Operator) -> None:
    """From a year to a month: the bill of the new period extends the membership as well."""
    wish = Wish(datetime(2026, 12, 1, 12, tzinfo=UTC), ("basic",))
    timeline = operator.simulate(YEARLY_MEMBER, months=9, wishes=(wish,))
    first, second, *_ = paid(timeline)
    assert first.amount == second.amount == 1999
    assert first.expiration is not None
    assert first.expiration >= second.at - timedelta(days=1)


def test_an_upgrade_costs_what_the_quote_says_and_begins_a_cycle(operator: Operator) -> None:
    """In the second month: less the credit for what is left of the old term."""
    wish = Wish(datetime(2027, 1, 10, 12, tzinfo=UTC), ("premium",))
    network = operator.app.network("main")
    with operator.app.session() as session:
        choice = Choice(products=wish.products)
        due = price(session, network, BASIC_MEMBER, choice, now=wish.at).quote.due_now
    assert 0 < due < PREMIUM
    timeline = operator.simulate(BASIC_MEMBER, months=4, wishes=(wish,))
    assert [(f"{entry.at:%m-%d}", entry.amount) for entry in paid(timeline)] == [
        ("01-10", due),
        ("02-10", PREMIUM),
        ("03-10", PREMIUM),
    ]
    (done,) = what(timeline, "upgrade to Premium: proven")
    assert (done.at, done.plan, f"{done.expiration:%Y-%m-%d}") == (wish.at, "Premium", "2027-02-10")


def test_a_free_member_pays_on_the_page_and_is_billed_from_then_on(operator: Operator) -> None:
    """And goes back to Free at the end of a term, after which nothing is billed."""
    wishes = (Wish(NOW + timedelta(days=40), ("premium",)), Wish(NOW + timedelta(days=75), ("4",)))
    timeline = operator.simulate(FREE_MEMBER, months=5, wishes=wishes)
    assert [entry.amount for entry in paid(timeline)] == [PREMIUM, PREMIUM]
    last = timeline.entries[-1]
    assert (last.plan, last.status, last.next_billing) == ("Free", "active", None)


def test_a_failed_renewal_recovers(operator: Operator) -> None:
    """Stripe tries again after three days, and the membership goes on as if nothing had been."""
    timeline = operator.simulate(PREMIUM_MEMBER, months=4, fail_in=frozenset({2}))
    (failed,) = what(timeline, "failed")
    assert (failed.what, failed.amount, failed.status) == (
        "renewal failed, attempt 1",
        PREMIUM_WITH_DISK,
        "active",
    )
    assert f"{failed.at:%Y-%m-%d}" == "2027-01-14"
    assert failed.expiration == datetime(2027, 1, 14, 23, 59, 59, tzinfo=UTC)
    assert [f"{entry.at:%m-%d}" for entry in paid(timeline)] == ["12-14", "01-17", "02-14", "03-14"]
    assert {entry.status for entry in paid(timeline)} == {"active"}
    assert timeline.collected == 4 * PREMIUM_WITH_DISK


def test_an_unpaid_renewal_goes_down_the_ladder_to_expired(operator: Operator) -> None:
    """Active in the days of grace, then on hold, expired in the end; nothing more is collected."""
    timeline = operator.simulate(PREMIUM_MEMBER, months=6, unpaid_from=2)
    assert timeline.collected == PREMIUM_WITH_DISK
    statuses = [entry.status for entry in timeline.entries]
    passed = [one for one, before in zip(statuses, ["", *statuses], strict=False) if one != before]
    assert passed == ["active", "on-hold", "expired"]
    assert [entry.what for entry in what(timeline, "attempt")] == [
        f"renewal failed, attempt {number}" for number in (1, 2, 3, 4)
    ]
    on_hold = next(entry for entry in timeline.entries if entry.status == "on-hold")
    assert f"{on_hold.at:%Y-%m-%d}" == "2027-01-17"
    last = timeline.entries[-1]
    assert (last.next_billing, last.expiration) == (
        None,
        datetime(2027, 1, 14, 23, 59, 59, tzinfo=UTC),
    )


def test_a_trial_becomes_paid(operator: Operator) -> None:
    """Nothing is collected while it runs; its first payment makes the membership active."""
    timeline = operator.simulate(TRIAL_MEMBER, months=2)
    assert timeline.entries[0].status == "trialing"
    assert [(f"{entry.at:%m-%d}", entry.amount, entry.status) for entry in paid(timeline)] == [
        ("12-08", PREMIUM, "active"),
        ("01-08", PREMIUM, "active"),
    ]


def test_a_year_is_billed_once(operator: Operator) -> None:
    """And a failure in a month in which nothing is collected is none."""
    timeline = operator.simulate(YEARLY_MEMBER, months=13, fail_in=frozenset({2}))
    assert [entry.amount for entry in paid(timeline)] == [49000]
    assert what(timeline, "nothing failed in month 2")


def test_an_expired_membership_is_not_billed(operator: Operator) -> None:
    """Until somebody buys something."""
    timeline = operator.simulate(EXPIRED_MEMBER, months=12)
    assert [entry.what for entry in timeline.entries] == ["begins", "ends"]
    assert timeline.entries[-1].next_billing is None


def test_what_is_scheduled_already_happens(operator: Operator) -> None:
    """At the price that was given, though the catalogue has another one by now."""
    network = operator.app.network("main")
    with operator.app.session() as session:
        given = give_quote(
            session,
            network,
            PREMIUM_MEMBER,
            Choice(products=("basic",)),
            now=NOW,
            key=operator.app.quote_key,
            minutes=60,
        )
        change = request_change(session, given, NOW)
        product = session.get_one(ProductRecord, (network.key, BASIC_ID))
        product.amount += 1000
        session.add(product)
    before = operator.contents()
    try:
        timeline = operator.simulate(PREMIUM_MEMBER, months=2)
        assert operator.contents() == before
    finally:
        with operator.app.session() as session:
            revoke_change(session, change.id, NOW)
            product = session.get_one(ProductRecord, (network.key, BASIC_ID))
            product.amount -= 1000
            session.add(product)
    assert what(timeline, "scheduled for 2026-12-14")
    assert [entry.amount for entry in paid(timeline)] == [BASIC_WITH_DISK] * 2


def test_what_the_service_refuses_is_a_line_of_the_timeline(operator: Operator) -> None:
    """And the rest goes on."""
    wish = Wish(NOW + timedelta(days=1), ("premium",))
    timeline = operator.simulate(PREMIUM_MEMBER, months=1, wishes=(wish,))
    (refused,) = what(timeline, "refused")
    assert "no changes" in refused.what
    assert len(paid(timeline)) == 1


def test_what_is_not_there_or_not_simulated_is_refused(operator: Operator) -> None:
    """Membership, product, month and time."""
    with pytest.raises(UnknownMembership):
        operator.simulate(999, months=1)
    with pytest.raises(UnknownProduct):
        operator.simulate(FREE_MEMBER, months=1, wishes=(Wish(NOW, ("gold",)),))
    with pytest.raises(InvalidInput, match="month 3"):
        operator.simulate(FREE_MEMBER, months=2, fail_in=frozenset({3}))
    with pytest.raises(InvalidInput, match="month 0"):
        operator.simulate(FREE_MEMBER, months=2, unpaid_from=0)
    with pytest.raises(InvalidInput, match="2026-12-25"):
        operator.simulate(FREE_MEMBER, months=1, wishes=(Wish(NOW + timedelta(days=31), ("4",)),))


def test_nothing_of_the_operators_is_touched(operator: Operator) -> None:
    """Not a row of his database, not a request to his network, by the command itself."""
    before, asked = operator.contents(), len(list(operator.network.journal))
    day = f"{datetime.now(UTC) + timedelta(days=40):%Y-%m-%d}"
    done = operator.command(
        "simulate", "main", "1", "--months", "3", "--product", "premium", "--at", day, "--json"
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    assert operator.contents() == before
    assert len(list(operator.network.journal)) == asked
    document = json.loads(done.stdout)
    assert (document["network"], document["membership"], document["currency"]) == ("main", 1, "USD")
    assert document["collected"] == 2 * PREMIUM
    assert list(document["timeline"][0]) == [
        "at", "what", "amount", "paid", "status", "expiration", "plan", "next_billing",
    ]  # fmt: skip
    assert [line["amount"] for line in document["timeline"] if line["paid"]] == [PREMIUM] * 2


def test_the_command_prints_the_timeline(operator: Operator) -> None:
    """A line each, with its amount, and the sum."""
    day = f"{datetime.now(UTC) + timedelta(days=2):%Y-%m-%d}"
    done = operator.command(
        "simulate", "main", "1", "--months", "1", "--product", "premium", "--at", day
    )
    assert done.returncode == 0, done.stderr
    assert "upgrade to Premium: proven" in done.stdout
    assert "Collected: $49.00" in done.stdout


def test_the_command_helps_and_its_exit_codes_are_those_of_the_errors(operator: Operator) -> None:
    """An unknown membership, and a change without its time."""
    shown = operator.command("simulate", "--help")
    assert shown.returncode == 0
    assert "Example: planbridge simulate" in shown.stdout
    unknown = operator.command("simulate", "main", "999")
    assert (unknown.returncode, unknown.stdout) == (UnknownMembership.exit_code, "")
    assert "999" in unknown.stderr
    lacking = operator.command("simulate", "main", "1", "--product", "premium")
    assert lacking.returncode == InvalidInput.exit_code
    assert "--at" in lacking.stderr


def _no_writes(request: Request) -> Fault | None:
    return None if request.method in ("GET", "HEAD", "OPTIONS") else Fault(status=403)


def test_what_waits_for_the_operator_is_told_and_not_tried_forever(
    operator: Operator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A network that refuses every write: a line for the renewal and one for the change."""
    refusing = partial(SandboxNetwork, faults=_no_writes)
    monkeypatch.setattr("bridge.simulation.stage.SandboxNetwork", refusing)
    renewed = operator.simulate(PREMIUM_MEMBER, months=1)
    assert len(what(renewed, "for the operator")) == 1
    assert renewed.entries[-1].expiration == datetime(2026, 12, 14, 23, 59, 59, tzinfo=UTC)
    wish = Wish(NOW + timedelta(days=1), ("premium",))
    changed = operator.simulate(FREE_MEMBER, months=1, wishes=(wish,))
    (waits,) = what(changed, "attention")
    assert "403" in waits.what
    assert changed.entries[-1].plan == "Free"
