"""What a sandbox can hold at first: the handbook's example, nothing, or many memberships.

The example is the one of the document that the project started from: Free and Premium are
of the plan group "High End", Basic is elsewhere, and packages for unlimited visits and disk
space can be added. All people in it are made up and named by their number.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta
from types import MappingProxyType
from typing import TypeAlias

from bridge.sandbox.example_limits import (
    BASIC,
    EXTRA_DISK_SPACE,
    FREE,
    PREMIUM,
    UNLIMITED_VISITS,
)
from bridge.sandbox.forms import Json, moment_text
from bridge.sandbox.network_state import NetworkState
from bridge.sandbox.users import ADMIN, ADMIN_PASSWORD, add_user

Example: TypeAlias = Callable[[NetworkState], None]
"""Fills a fresh network."""

HOST = "network.example.test"
SETTINGS: Mapping[str, Json] = MappingProxyType(
    {
        "company_name": "Sandbox Network",
        "network_domain": HOST,
        "currency_symbol": "USD",
        "enable_taxes": 0,
        "inclusive_tax": 0,
        "enable_multiple_sites": 1,
        "enable_visits_limiting": 1,
    }
)

LOCALES = ("en_US", "fr_FR")

UNLIMITED_VISITS_ID, EXTRA_DISK_SPACE_ID, PRIORITY_SUPPORT_ID = 1, 2, 3
FREE_ID, BASIC_ID, PREMIUM_ID = 4, 5, 6
ALL_ADDONS = [UNLIMITED_VISITS_ID, EXTRA_DISK_SPACE_ID, PRIORITY_SUPPORT_ID]

PRICES: Mapping[int, Mapping[str, float]] = MappingProxyType(
    {
        UNLIMITED_VISITS_ID: {"month": 10},
        EXTRA_DISK_SPACE_ID: {"month": 4.5},
        PRIORITY_SUPPORT_ID: {"month": 20},
        FREE_ID: {"month": 0},
        BASIC_ID: {"month": 19.99, "year": 199},
        PREMIUM_ID: {"month": 49, "year": 490},
    }
)


def empty(state: NetworkState) -> None:
    """A network with nothing but its main site."""
    for name, value in SETTINGS.items():
        state.set_setting(name, value)
    _site(state, path="/", title="Sandbox Network", type=None, template_id=None)
    add_user(
        state,
        1,
        ADMIN,
        email="admin@example.test",
        name="Sandbox Admin",
        everywhere=True,
        super_admin=True,
        application_password=ADMIN_PASSWORD,
    )


def seed(state: NetworkState) -> None:
    """The handbook's example: three plans, add-ons, members with sites, codes, payments."""
    empty(state)
    _site(state, path="/template/", title="Template", type="site_template")
    _products(state)
    _discount_codes(state)
    _members(state)


EXAMPLES: Mapping[str, Example] = MappingProxyType({"seed": seed, "empty": empty})


def populate(state: NetworkState, memberships: int) -> None:
    """Add made-up customers with one membership each, and a site for nine of ten.

    The same number gives the same network. It needs the products of ``seed``.
    """
    plans = (FREE_ID, BASIC_ID, PREMIUM_ID, BASIC_ID, PREMIUM_ID)
    statuses = ("active", "active", "active", "trialing", "active", "on-hold", "expired")
    for number in range(memberships):
        plan = plans[number % len(plans)]
        addons = {str(EXTRA_DISK_SPACE_ID): 1 + number % 3} if number % 4 == 0 else {}
        unit = "year" if plan != FREE_ID and number % 6 == 5 else "month"
        member(
            state,
            plan=plan,
            addons=addons,
            unit=unit,
            status=statuses[number % len(statuses)],
            gateway="free" if plan == FREE_ID else ("manual", "stripe")[number % 2],
            days_left=number % 28 + 1,
            sites=0 if number % 10 == 9 else 1,
        )


def member(
    state: NetworkState,
    *,
    plan: int,
    addons: Mapping[str, int] | None = None,
    unit: str = "month",
    status: str = "active",
    gateway: str = "manual",
    days_left: int = 15,
    sites: int = 1,
) -> int:
    """A new customer with a membership and sites; returns the membership's id.

    ``days_left`` is how long the paid term still runs; it ends at 23:59:59 UTC.
    """
    customer = _customer(state)
    addons = addons or {}
    amount = price(plan, unit) + sum(
        price(int(addon), unit) * quantity for addon, quantity in addons.items()
    )
    free = amount == 0
    term = 365 if unit == "year" else 30
    started = _day(state, days_left - term)
    membership = state.insert(
        "membership",
        customer_id=customer,
        user_id=customer + 1,
        plan_id=plan,
        addon_products=dict(addons),
        currency="USD",
        initial_amount=amount,
        amount=amount,
        recurring=not free,
        auto_renew=gateway == "stripe",
        duration=1,
        duration_unit=unit,
        status=status,
        gateway=gateway,
        gateway_customer_id=f"cus_sandbox{customer}" if gateway == "stripe" else "",
        gateway_subscription_id=f"sub_sandbox{customer}" if gateway == "stripe" else "",
        date_created=started,
        date_modified=started,
        date_renewed=started,
        date_expiration=None if free else _day(state, days_left, at="23:59:59"),
        times_billed=0 if free else 1,
    )
    if not free:
        _payment(state, customer=customer, membership=membership, total=amount, gateway=gateway)
    for _ in range(sites):
        number = state.next_id("site")
        _site(
            state,
            path=f"/site{number}/",
            title=f"Site {number}",
            type="customer_owned",
            customer_id=customer,
            membership_id=membership,
        )
    return membership


def price(product: int, unit: str) -> float:
    """A product's price per period in USD; the monthly one where no other is sold."""
    prices = PRICES[product]
    return prices.get(unit, prices["month"])


def _products(state: NetworkState) -> None:
    for key, name, kind, limits, fields in (
        (UNLIMITED_VISITS_ID, "Unlimited visits", "package", UNLIMITED_VISITS, {"list_order": 50}),
        (EXTRA_DISK_SPACE_ID, "Extra disk space", "package", EXTRA_DISK_SPACE, {"list_order": 51}),
        (PRIORITY_SUPPORT_ID, "Priority support", "service", None, {"list_order": 52}),
        (FREE_ID, "Free", "plan", FREE, {"list_order": 1, "product_group": "High End"}),
        (BASIC_ID, "Basic", "plan", BASIC, {"list_order": 2, "product_group": "Starter"}),
        (PREMIUM_ID, "Premium", "plan", PREMIUM, {"list_order": 3, "product_group": "High End"}),
    ):
        free = key == FREE_ID
        state.insert(
            "product",
            id=key,
            slug=name.lower().replace(" ", "-"),
            name=name,
            description=f"{name} of the sandbox network",
            currency="USD",
            type=kind,
            pricing_type="free" if free else "paid",
            recurring=not free,
            amount=PRICES[key]["month"],
            price_variations=_variations(key),
            available_addons=ALL_ADDONS if kind == "plan" else [],
            feature_list=[f"{name}, first feature", f"{name}, second feature"],
            limits=limits,
            **fields,
            **_aged(state),
        )


def _variations(product: int) -> Json:
    return [
        {"duration": 1, "duration_unit": unit, "amount": amount}
        for unit, amount in PRICES[product].items()
        if unit != "month"
    ] or None


def _discount_codes(state: NetworkState) -> None:
    for name, code, kind, value, renewals in (
        ("Welcome", "WELCOME20", "percentage", 20, False),
        ("Ten off", "TENOFF", "absolute", 10, True),
    ):
        state.insert(
            "discount_code",
            name=name,
            code=code,
            description=name,
            type=kind,
            setup_fee_type=kind,
            setup_fee_value=0,
            value=value,
            apply_to_renewals=renewals,
            max_uses=100,
            **_aged(state),
        )


def _members(state: NetworkState) -> None:
    member(state, plan=FREE_ID, gateway="free", sites=2)
    basic = member(state, plan=BASIC_ID, days_left=12)
    member(
        state,
        plan=PREMIUM_ID,
        addons={str(EXTRA_DISK_SPACE_ID): 2},
        gateway="stripe",
        days_left=20,
    )
    member(state, plan=PREMIUM_ID, unit="year", days_left=200)
    member(state, plan=FREE_ID, gateway="free")
    member(state, plan=BASIC_ID, status="expired", days_left=-5)
    member(state, plan=FREE_ID, status="pending", gateway="free", sites=0)
    site = next(row["blog_id"] for row in state.rows("site") if row["membership_id"] == basic)
    for domain, stage in (("customer2", "done"), ("www.customer2", "checking-dns")):
        state.insert(
            "domain",
            blog_id=site,
            domain=f"{domain}.example.test",
            primary_domain=stage == "done",
            stage=stage,
            **_aged(state),
        )


def _customer(state: NetworkState) -> int:
    number = state.next_id("customer")
    add_user(
        state,
        number + 1,
        f"customer{number}",
        email=f"customer{number}@example.test",
        name=f"Customer {number}",
        locale=LOCALES[number % len(LOCALES)],
    )
    return state.insert(
        "customer",
        user_id=number + 1,
        email_verification="verified",
        date_registered=_day(state, -60),
        last_login=_day(state, -1),
        billing_address={
            "company_name": f"Customer {number}",
            "billing_email": f"customer{number}@example.test",
            "billing_address_line_1": f"{number} Example Street",
            "billing_country": "US",
        },
    )


def _payment(
    state: NetworkState, *, customer: int, membership: int, total: float, gateway: str
) -> None:
    number = state.next_id("payment")
    state.insert(
        "payment",
        customer_id=customer,
        membership_id=membership,
        currency="USD",
        subtotal=total,
        total=total,
        status="completed",
        gateway=gateway,
        gateway_payment_id=f"ch_sandbox{number}" if gateway == "stripe" else "",
        **_aged(state),
    )


def _site(state: NetworkState, *, path: str, title: str, type: str | None, **fields: Json) -> int:
    values = {"customer_id": None, "membership_id": None, **fields}
    now = state.now()
    return state.insert(
        "site",
        domain=HOST,
        path=path,
        title=title,
        description=title,
        type=type,
        registered=now,
        last_updated=now,
        **values,
    )


def _aged(state: NetworkState) -> dict[str, Json]:
    """Created and last changed some time ago."""
    return {"date_created": _day(state, -60), "date_modified": _day(state, -30)}


def _day(state: NetworkState, days: int, *, at: str = "") -> str:
    moment = moment_text(state.clock() + timedelta(days=days))
    return f"{moment[:10]} {at}" if at else moment
