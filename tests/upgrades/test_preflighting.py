"""Usage against the limits after a change: every site, add-ons and overrides counted."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from sqlalchemy import Engine
from sqlmodel import Session

from bridge.domain.limits import Release
from bridge.domain.periods import Period
from bridge.domain.preflight import Policy, SiteUsage
from bridge.domain.quotes import TargetState
from bridge.store.limits import OWN, LimitsOwner, save_limits
from bridge.store.tables import DomainRecord, Network, ProductRecord, SiteRecord
from bridge.upgrades.preflighting import LimitsNotKnown, check_usage

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
PLAN, DISK = 1, 2
MEMBER = 7
ROW = {
    "sites": {"enabled": True, "limit": 2},
    "disk_space": {"enabled": True, "limit": 100},
    "post_types": {"enabled": True, "limit": {"post": {"enabled": True, "number": 5}}},
    "domain_mapping": {"enabled": True, "limit": 1},
}


@pytest.fixture
def network(sqlite_engine: Engine) -> Network:
    """A membership with two sites, a plan and a package; site 11 has three domains."""
    with Session(sqlite_engine, expire_on_commit=False) as session:
        network = Network(
            name="main", url="https://network.example.com", sealed_credentials="", created_at=NOW
        )
        session.add(network)
        session.flush()
        common = {"network_id": network.key, "fingerprint": "", "synced_at": NOW}
        for key, kind in ((PLAN, "plan"), (DISK, "package")):
            session.add(
                ProductRecord(id=key, slug=kind, name=kind, type=kind, currency="USD", **common)
            )
        for key in (10, 11):
            session.add(SiteRecord(id=key, title=f"Site {key}", membership_id=MEMBER, **common))
        for key, name, stage in (
            (1, "example.com", "done"),
            (2, "example.net", "done"),
            (3, "shop.example.org", "done"),
            (4, "example.org", "checking-dns"),
        ):
            session.add(DomainRecord(id=key, blog_id=11, domain=name, stage=stage, **common))
        session.commit()
    return network


def know(engine: Engine, network: Network, rows: dict[LimitsOwner, dict[str, object]]) -> None:
    with Session(engine) as session:
        save_limits(session, network.key, rows, kind=OWN, source="file", now=NOW)
        session.commit()


def check(engine: Engine, network: Network, addons: dict[int, int]) -> dict[object, int]:
    """What is to be removed, by site, module and item."""
    target = TargetState(PLAN, addons, Period(1, "month"), 0, 0, recurring=True)
    with Session(engine) as session:
        answer = check_usage(
            session,
            network,
            MEMBER,
            target,
            usage_of=lambda site: SiteUsage(
                site.id, name=site.title, posts={"post": 8}, disk_mb=150.5
            ),
            release=Release.V2_4_13,
        )
    assert answer.decision is Policy.REFUSE
    return {(one.site_id, one.module, one.item): one.remove for one in answer.excesses}


def test_every_site_is_told_what_to_remove_and_how_much(
    sqlite_engine: Engine, network: Network
) -> None:
    """Domains that are not served yet, and sub-domains, do not count."""
    know(sqlite_engine, network, {LimitsOwner("product", PLAN): ROW})
    assert check(sqlite_engine, network, {}) == {
        (10, "post_types", "post"): 3,
        (10, "disk_space", ""): 51,
        (11, "post_types", "post"): 3,
        (11, "disk_space", ""): 51,
        (11, "domain_mapping", ""): 1,
    }


def test_addons_and_a_sites_own_row_count(sqlite_engine: Engine, network: Network) -> None:
    """Two packages of 100 MB leave room; site 10's own row lets it have ten posts."""
    posts = {"post_types": {"enabled": True, "limit": {"post": {"enabled": True, "number": 10}}}}
    know(
        sqlite_engine,
        network,
        {
            LimitsOwner("product", PLAN): ROW,
            LimitsOwner("product", DISK): {"disk_space": {"enabled": True, "limit": 100}},
            LimitsOwner("site", 10): posts,
        },
    )
    assert check(sqlite_engine, network, {DISK: 2}) == {
        (11, "post_types", "post"): 3,
        (11, "domain_mapping", ""): 1,
    }


def test_unknown_limits_are_said_not_guessed(sqlite_engine: Engine, network: Network) -> None:
    know(sqlite_engine, network, {LimitsOwner("product", PLAN): ROW})
    with pytest.raises(LimitsNotKnown, match="the limits of package are unknown"):
        check(sqlite_engine, network, {DISK: 1})
