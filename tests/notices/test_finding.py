"""Renewals that come near and limits that fill up: found, told once, never a flood."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from bridge.domain.notices import NoticeKind
from bridge.notices.finding import find_limits, find_renewals
from bridge.store.notices import NoticeRepository
from bridge.store.tables import ChangeState, NoticeState, StripeSeen
from bridge.store.uses import save_use
from tests.conftest import NOW
from tests.notices.post_box import PostBox
from tests.notices.town import Town, limits


def renewals(town: Town) -> int:
    with town.session() as session:
        found = find_renewals(session, town.network_id, now=town.clock())
        session.commit()
    return found


def full(town: Town) -> int:
    with town.session() as session:
        found = find_limits(session, town.network_id, now=town.clock())
        session.commit()
    return found


def use(town: Town, site: int, posts: int) -> None:
    with town.session() as session:
        save_use(
            session,
            town.network_id,
            site,
            posts={"post": posts},
            users=None,
            untold="",
            now=town.clock(),
        )
        session.commit()


def seen_subscription(town: Town, period_end: datetime, **facts: Any) -> None:
    with town.session() as session:
        session.add(
            StripeSeen(
                account="acct",
                id="sub_1",
                kind="subscription",
                network_id=town.network_id,
                membership_id=1,
                subscription="sub_1",
                seen_at=NOW,
                facts={"status": "active", "period_end": int(period_end.timestamp()), **facts},
                updated_at=NOW,
            )
        )
        session.commit()


class TestRenewals:
    """Told so many days before, with the amount."""

    def test_told_once_when_the_day_has_come(self, each_town: Town, box: PostBox) -> None:
        """30 days ahead nothing; 7 days ahead once, however often it is looked for."""
        town = each_town
        town.switch()
        assert renewals(town) == 0
        town.clock.pass_(days=23, minutes=1)
        assert renewals(town) == 2
        assert renewals(town) == 0
        town.sender(box.office()).sweep()
        assert {mail["Subject"] for mail in box.mails} == {
            "Votre forfait sera renouvelé le 24 décembre 2026",
            "Your plan renews on December 24, 2026",
        }
        [french] = [mail for mail in box.mails if mail["Content-Language"] == "fr"]
        body = french.get_body(("plain",))
        assert body is not None
        assert "49,00 € seront alors prélevés" in " ".join(body.get_content().split())

    def test_the_next_term_is_another_renewal(self, town: Town) -> None:
        """Once the expiration has moved on."""
        town.switch()
        town.clock.pass_(days=24)
        assert renewals(town) == 2
        town.alter(1, date_expiration=town.clock() + timedelta(days=37))
        town.clock.pass_(days=31)
        assert renewals(town) == 1

    def test_no_flood_when_it_is_switched_on(self, town: Town) -> None:
        """Whose day of notice is over is not told late; who comes later is."""
        town.alter(1, date_expiration=NOW + timedelta(days=5))
        town.alter(2, date_expiration=NOW + timedelta(days=8))
        town.switch()
        assert renewals(town) == 0
        town.clock.pass_(days=2)
        assert renewals(town) == 1

    def test_the_network_says_how_long_before(self, town: Town) -> None:
        """One to ninety days."""
        town.switch()
        with town.session() as session:
            NoticeRepository(session).set_profile(town.network_id, renewal_days=1)
            session.commit()
        town.clock.pass_(days=28)
        assert renewals(town) == 0
        town.clock.pass_(days=1, minutes=1)
        assert renewals(town) == 2

    def test_what_does_not_renew_is_not_told(self, town: Town) -> None:
        """Cancelled, free, paid once, or with all its cycles billed."""
        town.switch()
        town.alter(2, status="cancelled")
        town.clock.pass_(days=24)
        for values in (
            {"amount": 0},
            {"amount": 4900, "recurring": False},
            {"recurring": True, "billing_cycles": 3, "times_billed": 3},
        ):
            town.alter(1, **values)
            assert renewals(town) == 0, values

    def test_stripe_knows_the_day(self, town: Town) -> None:
        """The network's own end may be hours later."""
        town.switch()
        town.alter(1, gateway_subscription_id="sub_1")
        town.alter(2, status="cancelled")
        seen_subscription(town, NOW + timedelta(days=29, hours=20))
        town.clock.pass_(days=23)
        assert renewals(town) == 1
        assert town.notices()[0].subject == "1:2026-12-24"

    def test_a_subscription_that_ends_is_no_renewal(self, town: Town) -> None:
        """The customer has cancelled at the end of the term."""
        town.switch()
        town.alter(1, gateway_subscription_id="sub_1")
        town.alter(2, status="cancelled")
        seen_subscription(town, NOW + timedelta(days=30), ends_at_period_end=True)
        town.clock.pass_(days=24)
        assert renewals(town) == 0

    def test_a_waiting_change_decides_the_amount(self, town: Town, box: PostBox) -> None:
        """And the plan from then on is named."""
        town.switch()
        change_id = town.change(ChangeState.SCHEDULED)
        town.move(change_id, ChangeState.SCHEDULED, target={"plan_id": 1, "amount": 1900})
        town.alter(2, status="cancelled")
        town.clock.pass_(days=24)
        assert renewals(town) == 1
        town.sender(box.office()).sweep()
        [mail] = box.mails
        body = mail.get_body(("plain",))
        assert body is not None
        said = " ".join(body.get_content().split())
        assert "19,00 €" in said
        assert "votre forfait sera Basic" in said

    def test_cancelled_meanwhile_it_is_dropped(self, town: Town, box: PostBox) -> None:
        """Between finding and sending."""
        town.switch()
        town.clock.pass_(days=24)
        assert renewals(town) == 2
        town.alter(1, status="cancelled")
        town.sender(box.office()).sweep()
        assert [one.state for one in town.notices()] == [NoticeState.DROPPED, NoticeState.SENT]


class TestLimits:
    """At 80 and at 100 per cent, each once a month."""

    def test_crossing_a_line_is_told_once(self, each_town: Town, box: PostBox) -> None:
        """79, 80, 99, 100 of 100 make two mails."""
        town = each_town
        town.switch()
        town.show_limits(10, limits(100))
        use(town, 10, 79)
        assert full(town) == 0
        told = []
        for posts in (79, 80, 99, 99, 100, 120):
            use(town, 10, posts)
            town.clock.pass_(hours=1)
            told.append(full(town))
        assert told == [0, 1, 0, 0, 1, 0]
        town.sender(box.office()).sweep()
        assert [mail["Subject"] for mail in box.mails] == [
            "Vous approchez d’une limite de votre forfait",
            "Vous avez atteint une limite de votre forfait",
        ]
        body = box.mails[0].get_body(("plain",))
        assert body is not None
        assert "80 sur 100 (80 %)" in body.get_content()

    def test_what_was_full_before_is_not_told(self, town: Town) -> None:
        """The first look takes stock; not even next month is it news."""
        town.show_limits(10, limits(100))
        use(town, 10, 100)
        town.switch()
        assert full(town) == 0
        town.clock.pass_(days=40)
        assert full(town) == 0

    def test_to_and_fro_is_one_mail_a_month(self, town: Town) -> None:
        """Somebody who deletes and writes one post is not written to each time."""
        town.switch()
        town.show_limits(10, limits(100))
        use(town, 10, 10)
        full(town)
        told = []
        for posts, days in ((80, 0), (79, 0), (80, 0), (79, 0), (80, 30)):
            use(town, 10, posts)
            town.clock.pass_(days=days, hours=1)
            told.append(full(town))
        assert told == [1, 0, 0, 0, 1]

    def test_a_bigger_plan_lowers_the_mark(self, town: Town) -> None:
        """What was full is not full any more, and can fill up again."""
        town.switch()
        town.show_limits(10, limits(100))
        use(town, 10, 100)
        full(town)
        town.show_limits(10, limits(1000))
        assert full(town) == 0
        use(town, 10, 850)
        assert full(town) == 1

    def test_several_at_once_are_one_mail(self, town: Town) -> None:
        """A customer gets one mail of a look, with everything in it."""
        town.switch()
        town.show_limits(10, limits(100, domains=2))
        full(town)
        use(town, 10, 90)
        town.add_domains(10, "a.example", "b.example", "www.c.example")
        assert full(town) == 1
        [notice] = town.notices()
        assert [(one["module"], one["used"], one["allowed"]) for one in notice.facts["limits"]] == [
            ("post_types", 90, 100),
            ("domain_mapping", 2, 2),
        ]

    def test_one_of_one_and_unlimited_are_no_news(self, town: Town) -> None:
        """Nor what nobody knows."""
        town.switch()
        town.show_limits(10, limits(0, domains=1, sites=1))
        full(town)
        use(town, 10, 10**6)
        town.add_domains(10, "a.example")
        assert full(town) == 0

    def test_only_running_memberships_are_told(self, town: Town) -> None:
        """Somebody who has gone is left in peace."""
        town.switch()
        town.show_limits(10, limits(100))
        full(town)
        use(town, 10, 100)
        town.alter(1, status="expired")
        assert full(town) == 0

    def test_switched_off_nothing_is_looked_at(self, town: Town) -> None:
        """And switched on again, the first look takes stock again."""
        town.switch()
        town.show_limits(10, limits(100))
        full(town)
        town.switch(NoticeKind.LIMIT, is_on=False)
        use(town, 10, 100)
        assert full(town) == 0
        town.clock.pass_(hours=1)
        town.switch(NoticeKind.LIMIT)
        assert full(town) == 0
