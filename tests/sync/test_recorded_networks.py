"""Full passes over the three recorded releases, on both databases."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from sqlalchemy import Engine
from sqlmodel import Session, func, select

from bridge.domain.catalogue import PricingType, ProductType
from bridge.domain.memberships import MembershipStatus
from bridge.domain.periods import Period
from bridge.network.client import NetworkClient
from bridge.store.limits import effective_limits
from bridge.store.mirror import KINDS
from bridge.store.networks import id_of
from bridge.store.readers import (
    load_catalogue,
    load_customer,
    load_discount,
    load_membership,
    sites_of,
)
from bridge.store.tables import MembershipRecord, Network, PaymentRecord, SiteRecord
from sync.passes import run
from sync.results import SyncResult
from tests.contract.replay import HEAD, RELEASES, V247, V2412, Replay, running
from tests.sync.conftest import Ticking

COUNTS = {
    "product": 16,
    "customer": 50,
    "membership": 60,
    "site": 33,
    "discount_code": 4,
    "payment": 20,
    "domain": 6,
}


class Lab:
    """One recorded release being synced."""

    def __init__(
        self,
        engine: Engine,
        network: Network,
        client: NetworkClient,
        replay: Replay,
        clock: Ticking,
    ) -> None:
        self.engine, self.network, self.client = engine, network, client
        self.replay, self.clock = replay, clock
        self.id = id_of(network)

    def sync(self) -> SyncResult:
        return run(self.engine, self.network, self.client, clock=self.clock)

    def count(self, entity: str) -> int:
        with Session(self.engine) as session:
            return session.scalar(select(func.count()).select_from(KINDS[entity].record)) or 0


@pytest.fixture
def lab(
    request: pytest.FixtureRequest,
    engine: Engine,
    add_network: Callable[[Engine], Network],
    connect: Callable[[str], NetworkClient],
    clock: Ticking,
    stack: ExitStack,
) -> Lab:
    """A release, HEAD unless the test names others."""
    replay = stack.enter_context(running(getattr(request, "param", HEAD)))
    return Lab(engine, add_network(engine), connect(replay.url), replay, clock)


@pytest.mark.parametrize("lab", RELEASES, indirect=True)
def test_a_first_sync_mirrors_everything_and_a_second_changes_nothing(lab: Lab) -> None:
    """Right counts on every release; the same answers again are no change."""
    first = lab.sync()
    assert first.complete, first
    assert {each.entity: each.created for each in first.entities} == COUNTS
    assert {entity: lab.count(entity) for entity in COUNTS} == COUNTS
    second = lab.sync()
    assert second.differences == 0, second
    assert {each.entity: each.unchanged for each in second.entities} == COUNTS
    assert not lab.replay.not_recorded


def test_values_arrive_typed(lab: Lab) -> None:
    """What the rules are given is what the recording shows, in minor units and UTC."""
    lab.sync()
    with Session(lab.engine) as session:
        catalogue = load_catalogue(session, lab.id)
        premium = next(p for p in catalogue.products.values() if p.slug == "premium")
        assert (premium.amount, premium.currency, premium.group) == (9900, "USD", "High End")
        assert (premium.type, premium.pricing_type) == (ProductType.PLAN, PricingType.PAID)
        assert premium.period == Period(1, "month")
        assert premium.feature_list == ("Feature A of Premium", "Feature B")
        assert catalogue.products[8].available_addons == (1,)
        member = load_membership(session, lab.id, 60)
        assert (member.customer_id, member.plan_id, member.addons) == (10, 8, {1: 1})
        assert (member.amount, member.status) == (500, MembershipStatus.ACTIVE)
        assert member.date_expiration is None
        assert member.date_created == datetime(2026, 8, 5, 20, 47, 38, tzinfo=UTC)
        assert load_customer(session, lab.id, 50).country == "US"
        old = load_discount(session, lab.id, "old")
        assert old is not None
        assert (old.code, old.value, old.max_uses) == ("OLD", Decimal(50), 1)
        assert load_discount(session, lab.id, "nothing") is None
        payment = session.get_one(PaymentRecord, (lab.id, 20))
        assert (payment.total, payment.gateway_payment_id) == (500, "ch_lab20")


def test_effective_limits_are_kept_where_the_network_shows_them(lab: Lab) -> None:
    """The customer's sites of the head have their merged limits; the main site has none."""
    lab.sync()
    with Session(lab.engine) as session:
        limits = effective_limits(session, lab.id, 33)
        assert limits is not None
        assert limits["visits"] == {"enabled": True, "limit": 110000}
        assert effective_limits(session, lab.id, 1) is None


@pytest.mark.parametrize("lab", RELEASES, indirect=True)
def test_sites_have_their_membership_on_every_release(lab: Lab) -> None:
    """Where rows do not say whose a site is, it is found by search, once."""
    lab.sync()
    with Session(lab.engine) as session:
        assert [site.id for site in sites_of(session, lab.id, 42)] == [33]
        unknown = select(func.count()).where(SiteRecord.membership_id.is_(None))  # type: ignore[union-attr]
        assert session.scalar(unknown) == 0
        assert session.get_one(SiteRecord, (lab.id, 33)).customer_id == 42
        assert session.get_one(SiteRecord, (lab.id, 1)).membership_id == 0
    asked = len(lab.replay.served)
    lab.sync()
    searches = [path for _, path, _ in lab.replay.served[asked:] if path == "/site"]
    assert len(searches) <= 6, "the owners are known; only probes and the listing are left"


@pytest.mark.parametrize("lab", [V2412, V247], indirect=True)
def test_a_network_that_shows_no_limits_has_none_in_the_mirror(lab: Lab) -> None:
    """Nothing is concluded from an empty field that is always empty."""
    lab.sync()
    with Session(lab.engine) as session:
        assert effective_limits(session, lab.id, 33) is None


@pytest.mark.parametrize("lab", RELEASES, indirect=True)
def test_the_terms_follow_settings_and_products(lab: Lab) -> None:
    """The currency every product shows is the network's, the release that tells taxes tells."""
    with Session(lab.engine) as session:
        network = session.get_one(Network, lab.id)
        network.terms = {**network.terms, "currency": "EUR", "taxes": "inclusive"}
        session.add(network)
        session.commit()
    lab.sync()
    with Session(lab.engine) as session:
        network = session.get_one(Network, lab.id)
        assert network.terms["currency"] == "USD"
        told = "none" if lab.replay.release == V2412 else "inclusive"
        assert network.terms["taxes"] == told
        assert network.synced_at is not None
        assert network.capabilities["paging"] == (
            "page" if lab.replay.release == HEAD else "offset"
        )


def test_the_fields_of_a_membership_row_are_all_kept(lab: Lab) -> None:
    """Raw has every field of the recording; copies of products are cut to their ids."""
    lab.sync()
    recorded = next(row for row in lab.replay.listing("membership") if row["id"] == "60")
    with Session(lab.engine) as session:
        raw = session.get_one(MembershipRecord, (lab.id, 60)).raw
    assert raw.keys() == recorded.keys()
    assert {k: v for k, v in raw.items() if k != "compiled_product_list"} == {
        k: v for k, v in recorded.items() if k != "compiled_product_list"
    }
    assert [each["product"] for each in raw["compiled_product_list"]] == [{"id": "8"}, {"id": "1"}]
