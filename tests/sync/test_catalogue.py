"""The catalogue of a network: taken from a file, learned, pushed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import Engine
from sqlmodel import Session

from bridge.domain.catalogue import Catalogue, PriceVariation
from bridge.domain.periods import Period
from bridge.domain.terms import Anchor, TaxMode, TaxRate
from bridge.errors import InvalidCatalogue, UnknownProduct
from bridge.network.entities import Entity
from bridge.sandbox.example_limits import BASIC, FREE, PREMIUM
from bridge.sandbox.examples import BASIC_ID, FREE_ID, PREMIUM_ID, UNLIMITED_VISITS_ID, member
from bridge.store.networks import network_terms
from bridge.store.readers import catalogue_sources, load_catalogue
from bridge.store.tables import Network
from sync.catalogue import Difference, differences, from_file, take, to_file
from sync.catalogue_file import read, write
from sync.learning import Learned, learn
from sync.pushing import Part, Pushed, carry_out, planned
from tests.sync.conftest import Lab

FILE = """
format: 1
network:
  currency: USD
  taxes: exclusive
  tax_rates: {default: [{title: VAT, country: FR, rate: 20}]}
  timezone: Europe/Paris
products:
  premium:
    limits: {visits: {enabled: true, limit: 5}}
    price_variations: [{period: 1-year, amount: 489.99}]
    available_addons: [unlimited-visits]
"""


@pytest.fixture
def lab(engine: Engine, open_lab: Callable[..., Lab]) -> Lab:
    """The example network, synced."""
    lab = open_lab(engine, memberships=20)
    assert lab.sync().complete
    return lab


def network_of(lab: Lab, session: Session) -> Network:
    return session.get_one(Network, lab.id)


def take_file(lab: Lab, text: str) -> list[Difference]:
    """Take a file; what it changed."""
    with lab.session() as session, session.begin():
        network = network_of(lab, session)
        proposal = from_file(session, network, *read(text))
        found = differences(session, network, proposal)
        take(session, network, proposal, clock=lab.clock)
    return found


def catalogue(lab: Lab) -> Catalogue:
    with lab.session() as session:
        return load_catalogue(session, lab.id)


def learned(lab: Lab) -> Learned:
    with lab.session() as session:
        return learn(session, network_of(lab, session))


def test_a_file_is_shown_as_a_difference_and_then_taken(lab: Lab) -> None:
    """What it changes is exactly what was shown; taken twice, nothing differs."""
    shown = {each.sentence for each in take_file(lab, FILE)}
    assert shown == {
        'network, taxes: "none" → "exclusive"',
        "network, tax_rates.default: absent → "
        '[{"title":"VAT","country":"FR","rate":"20","state":"","city":"","compound":false}]',
        'network, timezone: "UTC" → "Europe/Paris"',
        "premium, limits: unknown → visits",
        "premium, price variations: none → 1-year 489.99",
        "premium, available add-ons: unlimited-visits, extra-disk-space, priority-support → "
        "unlimited-visits",
    }
    premium = catalogue(lab).products[PREMIUM_ID]
    assert premium.limits == {"visits": {"enabled": True, "limit": 5}}
    assert premium.variations == (PriceVariation(Period(1, "year"), 48999),)
    assert premium.available_addons == (UNLIMITED_VISITS_ID,)
    with lab.session() as session:
        terms = network_terms(network_of(lab, session))
        sources = catalogue_sources(session, lab.id)["premium"]
    assert (terms.taxes, terms.timezone) == (TaxMode.EXCLUSIVE, "Europe/Paris")
    assert terms.tax_rates == {"default": (TaxRate("VAT", "FR", Decimal(20)),)}
    assert sources == {"limits": "file", "variations": "file", "addons": "file"}
    assert take_file(lab, FILE) == []


def test_a_limits_row_is_replaced_whole(lab: Lab) -> None:
    """A module that the new row lacks is gone, and the difference says so."""
    take_file(lab, FILE)
    shown = take_file(
        lab, "format: 1\nproducts: {premium: {limits: {sites: {enabled: true, limit: 2}}}}"
    )
    assert [each.sentence for each in shown] == [
        'premium, limits visits: {"enabled":true,"limit":5} → absent',
        'premium, limits sites: absent → {"enabled":true,"limit":2}',
    ]
    assert catalogue(lab).products[PREMIUM_ID].limits == {"sites": {"enabled": True, "limit": 2}}


def test_what_a_file_leaves_out_stays(lab: Lab) -> None:
    """An empty file changes nothing."""
    take_file(lab, FILE)
    assert take_file(lab, "format: 1") == []
    assert take_file(lab, "format: 1\nproducts: {premium: {}, basic: {}}") == []


def test_an_export_is_taken_again_without_a_difference(lab: Lab) -> None:
    """Export, import: nothing lost, nothing added."""
    take_file(lab, FILE)
    with lab.session() as session:
        text = write(to_file(session, network_of(lab, session)))
    before = catalogue(lab)
    assert take_file(lab, text) == []
    assert catalogue(lab) == before
    assert "limits" not in text.split("free:")[1].split("basic:")[0], "unknown limits are left out"


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("format: 1\nproducts: {gold: {}}", "line 2: products.gold: the network has no product"),
        (
            "format: 1\nproducts:\n  basic:\n    available_addons: [gold]",
            "line 4: products.basic.available_addons.0: the network has no product 'gold'",
        ),
        (
            "format: 1\nproducts:\n  basic: {price_variations: [{period: 1-year, amount: 1.005}]}",
            "USD has 2 decimals, not 1.005",
        ),
        (
            "format: 1\nnetwork: {currency: JPY}\nproducts:\n"
            "  basic: {price_variations: [{period: 1-year, amount: 1.5}]}",
            "JPY has 0 decimals, not 1.5",
        ),
        (
            "format: 1\nproducts:\n  basic:\n    price_variations:\n"
            "    - {period: 1-year, amount: 1}\n    - {period: 1 year, amount: 2}",
            "line 6: products.basic.price_variations.1: 1-year is given twice",
        ),
    ],
)
def test_a_file_that_does_not_fit_the_network(lab: Lab, text: str, problem: str) -> None:
    """Nothing is taken, the place is named."""
    before = catalogue(lab)
    with pytest.raises(InvalidCatalogue) as caught:
        take_file(lab, text)
    assert problem in str(caught.value)
    assert catalogue(lab) == before


def test_learned_plans_equal_the_networks_own_rows(lab: Lab) -> None:
    """Sites with a plan and nothing else show the plan's row; members show its other prices."""
    found = learned(lab)
    assert dict(found.proposal.limits) == {FREE_ID: FREE, BASIC_ID: BASIC, PREMIUM_ID: PREMIUM}
    assert set(found.evidence) == {"free", "basic", "premium"}
    assert dict(found.proposal.variations) == {
        BASIC_ID: (PriceVariation(Period(1, "year"), 19900),),
        PREMIUM_ID: (PriceVariation(Period(1, "year"), 49000),),
    }
    with lab.session() as session, session.begin():
        take(session, network_of(lab, session), found.proposal, clock=lab.clock)
    assert catalogue(lab).products[FREE_ID].limits == FREE
    with lab.session() as session:
        again = learn(session, network_of(lab, session))
        assert differences(session, network_of(lab, session), again.proposal) == []


def test_an_addon_is_not_guessed(lab: Lab) -> None:
    """What its sites show beyond the plan is listed, its row is left open."""
    with lab.sandbox.state.changing():
        member(lab.sandbox.state, plan=FREE_ID, addons={str(UNLIMITED_VISITS_ID): 1})
    lab.sync()
    found = learned(lab)
    assert UNLIMITED_VISITS_ID not in found.proposal.limits
    (question,) = [each for each in found.open_questions if each.startswith("unlimited-visits")]
    assert "cannot be derived" in question
    assert "visits" in question


def test_sites_that_disagree_teach_nothing(lab: Lab) -> None:
    """One override is enough to leave the plan open, and the odd site is named."""
    site = _site_of(lab, BASIC_ID)
    lab.client.write_limits(Entity.SITE, site, {"visits": {"enabled": True, "limit": 777}})
    lab.sync()
    found = learned(lab)
    assert BASIC_ID not in found.proposal.limits
    (question,) = [each for each in found.open_questions if each.startswith("basic")]
    assert f"sites {site} differ" in question
    assert "visits.limit 777, not " in question


def test_a_plan_that_nobody_has_alone_stays_unknown(
    sqlite_engine: Engine, open_lab: Callable[..., Lab]
) -> None:
    """And it is said."""
    lab = open_lab(sqlite_engine, example="empty")
    lab.sandbox.state.insert("product", slug="gold", name="Gold", type="plan", amount=1)
    lab.sync()
    found = learned(lab)
    assert found.proposal.limits == {}
    (question,) = found.open_questions
    assert question.startswith("gold: no site has only this plan, so its limits stay unknown; give")


@pytest.mark.parametrize("release", ["2.4.12", "2.4.7"])
def test_an_old_release_teaches_prices_only(
    sqlite_engine: Engine, open_lab: Callable[..., Lab], release: str
) -> None:
    """It shows no limits; embedded products it does."""
    lab = open_lab(sqlite_engine, memberships=20, release=release)
    lab.sync()
    found = learned(lab)
    assert found.proposal.limits == {}
    assert set(found.proposal.variations) == {BASIC_ID, PREMIUM_ID}


def push(lab: Lab, *slugs: str, **options: Any) -> dict[tuple[str, Part], Pushed]:
    """Push products; what came of each write."""
    with lab.session() as session:
        pushes = planned(session, network_of(lab, session), slugs=slugs, **options)
    done = carry_out(lab.engine, lab.network, lab.client, pushes)
    return {(each.push.slug, each.push.part): each for each in done}


def test_pushed_limits_are_whole_rows_and_proven_on_a_site(lab: Lab) -> None:
    """The network has the row, and a site that has only the plan shows it."""
    row: Mapping[str, Any] = {**PREMIUM, "visits": {"enabled": True, "limit": 123}}
    with lab.session() as session, session.begin():
        network = network_of(lab, session)
        found = learn(session, network)
        take(session, network, found.proposal, clock=lab.clock)
    text = write_limits_file("premium", row)
    take_file(lab, text)
    done = push(lab, "premium")
    assert lab.sandbox.state.limits_row("product", PREMIUM_ID) == row
    limits = done["premium", Part.LIMITS]
    assert (limits.equal, limits.fault) == (True, None)
    assert limits.proof.startswith("site ")
    stored = lab.sandbox.state.row("product", PREMIUM_ID)
    assert stored is not None
    assert stored["price_variations"] == [{"duration": 1, "duration_unit": "year", "amount": 490}]
    assert done["premium", Part.ADDONS].equal is True
    assert done["premium", Part.VARIATIONS].equal is None


def test_a_site_that_shows_something_else_is_reported(lab: Lab) -> None:
    """An override hides the pushed limits: that is said, not passed over."""
    take_file(lab, write_limits_file("basic", BASIC))
    site = _site_of(lab, BASIC_ID)
    lab.client.write_limits(Entity.SITE, site, {"visits": {"enabled": True, "limit": 777}})
    done = push(lab, "basic", parts=[Part.LIMITS])
    outcome = done["basic", Part.LIMITS]
    assert outcome.equal is False
    assert f"site {site} differs" in outcome.proof
    assert "777" in outcome.proof


def test_a_plan_is_written_only_where_something_is_known(lab: Lab) -> None:
    """Unknown limits are never pushed as an empty row, which would wipe the plan's."""
    with lab.session() as session:
        pushes = planned(session, network_of(lab, session))
        assert not [each for each in pushes if each.part is Part.LIMITS]
        with pytest.raises(UnknownProduct, match="gold"):
            planned(session, network_of(lab, session), slugs=["gold"])
    writes = len(lab.sandbox.journal.writes())
    assert writes == 0


def write_limits_file(slug: str, row: Mapping[str, Any]) -> str:
    """A catalogue file with the limits of one product."""
    file, _ = read("format: 1")
    section = read("format: 1\nproducts: {x: {}}")[0].products["x"]
    return write(
        file.model_copy(update={"products": {slug: section.model_copy(update={"limits": row})}})
    )


def _site_of(lab: Lab, plan: int) -> int:
    """The first site of a membership with this plan and nothing else."""
    state = lab.sandbox.state
    alone = {
        row["id"]
        for row in state.rows("membership")
        if row["plan_id"] == plan and not row["addon_products"]
    }
    return next(
        int(str(row["blog_id"])) for row in state.rows("site") if row["membership_id"] in alone
    )


def test_the_fair_choices_come_from_the_file(lab: Lab) -> None:
    """Paths name plans by slug; what the file leaves out stays as it is."""
    take_file(
        lab,
        "format: 1\n"
        "network:\n"
        "  fair:\n"
        "    anchor: keep\n"
        "    paths:\n"
        "      - {from: free, to: premium, timing: immediate, credit: none}\n"
        "      - {from: premium, timing: illegal}\n",
    )
    with lab.session() as session:
        fair = network_terms(network_of(lab, session)).fair
    assert fair.anchor is Anchor.KEEP
    assert fair.carry_addons
    assert [(path.from_plan, path.to_plan, path.timing.value) for path in fair.paths] == [
        (FREE_ID, PREMIUM_ID, "immediate"),
        (PREMIUM_ID, None, "illegal"),
    ]


def test_a_path_of_a_plan_that_does_not_exist_is_told(lab: Lab) -> None:
    """Nothing is taken, and the line is named."""
    wrong = "format: 1\nnetwork:\n  fair:\n    paths:\n      - {from: gold}\n"
    with pytest.raises(InvalidCatalogue, match=r"line 4.*the network has no product 'gold'"):
        take_file(lab, wrong)
