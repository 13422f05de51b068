"""The account: pinned version, retries by Stripe's rules, errors that say what to do."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest

from bridge.payments.client import API_VERSION, StripeAccount, check_mode
from bridge.payments.faults import (
    IdempotencyClash,
    StripeBusy,
    StripeFault,
    StripeKeyRefused,
    StripeRefused,
    StripeUnreachable,
    WrongMode,
)
from bridge.payments.pace import Pace
from bridge.sandbox.stripe_faults import dropped, lock_timeout, rate_limited, server_error
from tests.payments.shop import BASIC, PREMIUM, STORAGE, Shop


def customer(account: StripeAccount, once: str = "planbridge/test/customer") -> str:
    return str(account.ask(account.api.customers.create, once=once, name="Somebody")["id"])


class TestRequests:
    def test_the_version_is_pinned(self, shop: Shop) -> None:
        """Whatever the account's default is."""
        customer(shop.account())
        assert shop.stripe.requests[-1].version == API_VERSION

    @pytest.mark.parametrize("fault", [dropped("before"), dropped("after"), lock_timeout])
    def test_a_lost_answer_is_asked_for_again(self, shop: Shop, fault: object) -> None:
        """With the same key, so that it is done once."""
        shop.stripe.faults.add(fault() if callable(fault) else fault, path="/v1/customers")
        made = customer(shop.account())
        rows = shop.api.customers.list().data
        assert [row.id for row in rows] == [made]

    def test_a_broken_stripe_is_asked_again(self, shop: Shop) -> None:
        shop.stripe.faults.add(server_error(503), path="/v1/customers", times=2)
        assert customer(shop.account()).startswith("cus_")

    def test_the_same_request_twice_makes_one_object(self, shop: Shop) -> None:
        account = shop.account()
        assert customer(account) == customer(account)

    def test_a_key_with_other_parameters_is_refused(self, shop: Shop) -> None:
        account = shop.account()
        customer(account)
        with pytest.raises(IdempotencyClash):
            account.ask(account.api.customers.create, once="planbridge/test/customer", name="Other")

    def test_too_many_requests_are_one_sentence(self, shop: Shop) -> None:
        shop.stripe.faults.add(rate_limited(should_retry=False), times=None)
        with pytest.raises(StripeBusy, match="fewer requests"):
            customer(shop.account())

    def test_no_answer_at_all_is_one_sentence(self, shop: Shop) -> None:
        shop.stripe.faults.add(dropped("before"), times=None)
        with pytest.raises(StripeUnreachable, match="nothing is done twice"):
            customer(shop.account(retries=0))

    def test_a_wrong_key_is_not_repeated_to_anybody(self, shop: Shop) -> None:
        """Neither in the error nor in the account's own words."""
        account = StripeAccount(
            "sk_test_wrong_and_secret", network="main", base_url=shop.stripe.url
        )
        with pytest.raises(StripeKeyRefused) as caught:
            customer(account)
        assert "wrong_and_secret" not in str(caught.value) + repr(caught.value) + repr(account)
        assert "--stripe-key-file" in str(caught.value)

    def test_a_refusal_says_why_and_where_to_look(self, shop: Shop) -> None:
        account = shop.account()
        with pytest.raises(StripeRefused, match=r"No such customer.*req_"):
            account.read(account.api.customers.retrieve, "cus_none")

    def test_what_is_missing_or_deleted_is_none(self, shop: Shop) -> None:
        account = shop.account()
        made = customer(account)
        shop.api.customers.delete(made)
        assert account.find(account.api.customers.retrieve, made) is None
        assert account.find(account.api.customers.retrieve, "cus_none") is None

    def test_lists_are_read_to_their_end(self, shop: Shop) -> None:
        account = shop.account()
        for number in range(105):
            customer(account, once=f"planbridge/test/{number}")
        assert len(list(account.every(account.api.customers.list))) == 105


@pytest.mark.parametrize(
    ("key", "live", "fits"),
    [
        ("sk_test_1", False, True),
        ("rk_live_1", True, True),
        ("sk_live_1", False, False),
        ("rk_test_1", True, False),
        ("", False, True),
    ],
)
def test_a_key_of_the_other_mode_is_refused(key: str, live: bool, fits: bool) -> None:
    if fits:
        check_mode(key, network="main", livemode=live)
        return
    with pytest.raises(WrongMode, match="main"):
        check_mode(key, network="main", livemode=live)


def test_the_pace_is_kept_between_threads() -> None:
    """Ten requests at ten a second begin a tenth of a second apart, whoever makes them."""
    now = 100.0
    waits: list[float] = []
    pace = Pace(per_second=10, monotonic=lambda: now, sleep=waits.append)
    threads = [threading.Thread(target=pace.wait) for _ in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(waits) == pytest.approx([0.1 * step for step in range(1, 10)])


class TestLostAnswers:
    """Whatever request of a collection loses its answer, repeating it comes to the same."""

    @pytest.mark.parametrize("skipped", range(14))
    def test_an_upgrade_is_charged_once(self, shop: Shop, skipped: int) -> None:
        def upgrade() -> int:
            given, collected = shop.buy(PREMIUM)
            return self._retried(shop, collected.change_id, given.quote.due_now)

        self._with_lost_answer(shop, upgrade, skipped)

    @pytest.mark.parametrize("skipped", range(14))
    def test_an_addon_is_charged_once(self, shop: Shop, skipped: int) -> None:
        def addon() -> int:
            given, collected = shop.buy(STORAGE)
            return self._retried(shop, collected.change_id, given.quote.due_now)

        self._with_lost_answer(shop, addon, skipped)

    def _with_lost_answer(self, shop: Shop, act: Callable[[], int], skipped: int) -> None:
        shop.give_card()
        _, first = shop.buy(BASIC)
        shop.deliver()
        shop.carry_out(first.change_id)
        shop.sweep()
        first_quote = shop.change(first.change_id).quote_id
        # No repetition by the package: the process has died.
        shop.accounts[shop.network.key] = shop.account(retries=0)
        shop.stripe.faults.add(dropped("after"), skip=skipped)
        try:
            due = act()
        except StripeFault:
            shop.stripe.faults.clear()
            change = next(one for one in shop.changes() if one.quote_id != first_quote)
            due = self._retried(shop, change.id, change.amount_due)
        shop.deliver()
        assert shop.charged() == sorted([1000, due])
        assert len(shop.changes()) == 2

    @staticmethod
    def _retried(shop: Shop, change_id: str, due: int) -> int:
        shop.stripe.faults.clear()
        assert shop.collect(change_id).paid
        return due
