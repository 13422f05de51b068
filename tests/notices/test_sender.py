"""Sending over real sockets: once, in the customer's language, again when it failed."""

from __future__ import annotations

import base64
import re
import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from email.message import EmailMessage
from typing import ClassVar

import pytest
from aiosmtpd.smtp import Envelope

from bridge.domain.notices import NoticeKind
from bridge.notices.mail import message_id
from bridge.notices.post import MailServer, MailServerAway, PostOffice, Security
from bridge.notices.samples import sample
from bridge.notices.sender import WAITS, NoMailServer, NoticeSender
from bridge.store.brands import set_brand
from bridge.store.notices import NoticeRepository
from bridge.store.tables import Network, NoticeState
from tests.notices.post_box import PASSWORD, PostBox
from tests.notices.town import ZOE, Town, nobody

PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR4nGNgYPhfDwAChAGAv7MkmwAAAABJRU5ErkJggg=="
)


def text_of(mail: EmailMessage) -> str:
    part = mail.get_body(("plain",))
    assert part is not None
    return part.get_content()


def html_of(mail: EmailMessage) -> str:
    part = mail.get_body(("html",))
    assert part is not None
    return part.get_content()


class TestAMail:
    """What arrives."""

    def test_a_french_customer_reads_french(self, town: Town, safe_box: PostBox) -> None:
        """Over STARTTLS, signed in; text and HTML say the same, with the proof of each site."""
        town.switch()
        town.prove()
        assert town.sender(safe_box.office()).sweep() == 1
        [mail] = safe_box.mails
        assert safe_box.handler.encrypted == safe_box.handler.signed_in == [True]
        assert mail["Subject"] == "Votre changement est effectué : Business"
        assert mail["From"] == "Atelier Web <no-reply@atelier.example>"
        assert mail["To"] == "Zoé Müller <zoe@example.com>"
        assert mail["Reply-To"] == "aide@atelier.example"
        assert mail["Content-Language"] == "fr"
        assert mail["Auto-Submitted"] == "auto-generated"
        for said in (text_of(mail), html_of(mail)):
            assert "Bonjour Zoé Müller," in said
            assert "Votre forfait est désormais Business." in said
            assert "ses nouvelles limites sont en vigueur" in said
            assert "24 décembre 2026" in said
            assert "49,00\xa0€" in said
            assert "https://plans.example.com/account/main/" in said
            assert "Site 1 (site1.example.com)" in said
        assert "100 → 1\u202f000" in text_of(mail)
        assert mail.get_content_type() == "multipart/alternative"
        [notice] = town.notices()
        assert notice.state is NoticeState.SENT
        assert (notice.email, notice.language) == ("zoe@example.com", "fr")
        assert notice.message_id == mail["Message-ID"]

    def test_an_english_customer_reads_english(self, town: Town, box: PostBox) -> None:
        """Each in the language of his WordPress user."""
        town.switch()
        town.prove(membership=2)
        town.sender(box.office()).sweep()
        [mail] = box.mails
        assert mail["Subject"] == "Your change is done: Business"
        assert "Hello Bob," in text_of(mail)
        assert "December 24, 2026" in text_of(mail)

    def test_the_networks_language_is_for_those_who_have_none(
        self, town: Town, box: PostBox
    ) -> None:
        """Before English."""
        town.switch()
        with town.session() as session:
            NoticeRepository(session).set_profile(town.network_id, language="de")
            session.commit()
        desk = replace(town.desk(), contacts=_known("x@example.com"))
        town.prove(membership=2)
        NoticeSender(town.engine, office=box.office(), desk=desk, clock=town.clock).sweep()
        assert box.mails[0]["Subject"] == "Ihre Änderung ist ausgeführt: Business"
        assert "Guten Tag," in text_of(box.mails[0])

    def test_what_people_named_is_not_html(self, town: Town, box: PostBox) -> None:
        """A title of a site or a plan is shown as it is."""
        town.switch()
        with town.session() as session:
            network = session.get_one(Network, town.network_id)
            set_brand(session, network, name="<b>A & B</b>\r\nBcc: x@example.com")
            session.commit()
        town.prove()
        town.sender(box.office()).sweep()
        [mail] = box.mails
        assert "&lt;b&gt;A &amp; B&lt;/b&gt;" in html_of(mail)
        assert "<b>A" not in html_of(mail)
        assert mail["Bcc"] is None
        assert box.handler.envelopes[0].rcpt_tos == ["zoe@example.com"]

    def test_the_logo_comes_along(self, town: Town, box: PostBox) -> None:
        """Inside the mail, so that nothing has to be loaded."""
        town.switch()
        with town.session() as session:
            set_brand(session, session.get_one(Network, town.network_id), logo=PNG)
            session.commit()
        town.prove()
        town.sender(box.office()).sweep()
        [mail] = box.mails
        [image] = [part for part in mail.walk() if part.get_content_type() == "image/png"]
        assert image.get_content() == PNG
        cid = image["Content-ID"].strip("<>")
        assert f'src="cid:{cid}"' in html_of(mail)

    def test_a_network_has_its_own_sender(self, town: Town, box: PostBox) -> None:
        """Name and address; the Message-ID is of the same house."""
        town.switch()
        with town.session() as session:
            NoticeRepository(session).set_profile(
                town.network_id, from_name="Müllers, Büro", from_address="plans@mueller.example"
            )
            session.commit()
        town.prove()
        town.sender(box.office()).sweep()
        [mail] = box.mails
        [address] = mail["From"].addresses
        assert (address.display_name, address.addr_spec) == (
            "Müllers, Büro",
            "plans@mueller.example",
        )
        assert mail["Message-ID"].endswith("@mueller.example>")

    def test_the_message_id_says_nothing_and_never_changes(self) -> None:
        """It comes of the fact alone."""
        one = message_id("a@b.example", "main", "change_done", "chg_1")
        assert one == message_id("a@b.example", "main", "change_done", "chg_1")
        assert one != message_id("a@b.example", "main", "change_done", "chg_2")
        assert re.fullmatch(r"<[0-9a-f]{40}@b\.example>", one)


class TestPaymentFailed:
    """The dates are those of the ladder."""

    FACTS: ClassVar = {"amount": 4900, "currency": "EUR", "due_since": "2026-11-24T09:00:00.000Z"}

    def test_the_ladder_is_told(self, town: Town, box: PostBox) -> None:
        """Grace until the 27th, expired on December 11th."""
        town.switch()
        town.note(NoticeKind.PAYMENT_FAILED, "in_1", membership_id=1, facts=self.FACTS)
        town.sender(box.office()).sweep()
        said = text_of(box.mails[0])
        assert "Nous n’avons pas pu encaisser 49,00\xa0€ pour votre forfait Business." in said
        assert "Rien ne change jusqu’au\xa0: 27 novembre 2026" in said
        assert "11 décembre 2026" in said

    def test_an_invoice_paid_meanwhile_is_not_told(self, town: Town, box: PostBox) -> None:
        """Nobody is warned of what is over."""
        from bridge.store.tables import StripeSeen

        town.switch()
        town.note(NoticeKind.PAYMENT_FAILED, "in_1", membership_id=1, facts=self.FACTS)
        with town.session() as session:
            session.add(
                StripeSeen(
                    account="acct",
                    id="in_1",
                    kind="invoice",
                    network_id=town.network_id,
                    membership_id=1,
                    seen_at=town.clock(),
                    facts={"status": "paid"},
                    updated_at=town.clock(),
                )
            )
            session.commit()
        town.sender(box.office()).sweep()
        assert box.mails == []
        [notice] = town.notices()
        assert (notice.state, notice.reason) == (
            NoticeState.DROPPED,
            "invoice in_1 is paid by now",
        )


class TestTrouble:
    """What happens when a mail cannot go out."""

    def test_not_now_is_tried_again_until_it_is_taken(self, town: Town, box: PostBox) -> None:
        """The wait grows; the mail is the same one."""
        town.switch()
        town.prove()
        box.handler.answer = lambda _envelope: "451 come back later"
        sender = town.sender(box.office())
        assert sender.sweep() == 1
        [notice] = town.notices()
        assert notice.state is NoticeState.WAITING
        assert "451 come back later" in notice.reason
        assert notice.due_at == town.clock() + timedelta(seconds=WAITS[0])
        assert sender.sweep() == 0
        box.handler.answer = lambda _envelope: "250 OK"
        town.clock.pass_(seconds=WAITS[0])
        assert sender.sweep() == 1
        assert [mail["Message-ID"] for mail in box.mails] == [notice.message_id]
        assert town.notices()[0].state is NoticeState.SENT

    def test_after_a_day_the_operator_is_told(self, town: Town, box: PostBox) -> None:
        """It does not go on for ever, and a retry begins anew."""
        town.switch()
        town.prove()
        box.handler.answer = lambda _envelope: "451 come back later"
        sender = town.sender(box.office())
        for wait in (*WAITS, 0):
            assert sender.sweep() == 1
            town.clock.pass_(seconds=wait)
        [notice] = town.notices()
        assert notice.state is NoticeState.ATTENTION
        assert notice.attempts == len(WAITS) + 1
        with town.session() as session:
            assert NoticeRepository(session).in_attention() == [("main", 1)]
            NoticeRepository(session).retry(1, now=town.clock())
            session.commit()
        box.handler.answer = lambda _envelope: "250 OK"
        sender.sweep()
        assert len(box.mails) == 1

    def test_a_refused_address_is_not_tried_again(self, town: Town, box: PostBox) -> None:
        """The next customer's mail goes out over the same connection."""
        town.switch()
        town.prove()
        town.prove(membership=2)
        box.handler.rcpt = lambda address: (
            "550 no such user here" if address.startswith("zoe") else "250 OK"
        )
        town.sender(box.office()).sweep()
        first, second = town.notices()
        assert first.state is NoticeState.ATTENTION
        assert "550 no such user here" in first.reason
        assert second.state is NoticeState.SENT

    def test_a_server_that_is_away_costs_one_try(self, town: Town, box: PostBox) -> None:
        """The others keep their place instead of waiting for the same time-out each."""
        town.switch()
        town.prove()
        town.prove(membership=2)
        nobody_there = MailServer("127.0.0.1", 9, security=Security.NONE, timeout=1)
        assert town.sender(PostOffice(nobody_there)).sweep() == 1
        first, second = town.notices()
        assert "127.0.0.1:9" in first.reason
        assert (second.attempts, second.reason) == (0, "")

    def test_a_wrong_password_is_said_without_it(self, town: Town, safe_box: PostBox) -> None:
        """Not the password, not the user."""
        town.switch()
        town.prove()
        town.sender(safe_box.office(password="wrong-pa55word")).sweep()
        [notice] = town.notices()
        assert "does not let us in (535)" in notice.reason
        assert "pa55word" not in notice.reason
        assert PASSWORD not in repr(safe_box.office())

    def test_a_certificate_that_nobody_knows_is_not_trusted(
        self, town: Town, safe_box: PostBox
    ) -> None:
        """No mail and no password goes to somebody in between."""
        server = MailServer("localhost", safe_box.port, username="u", password="p", timeout=5)
        with PostOffice(server).line() as line, pytest.raises(MailServerAway, match="certificate"):
            line.send(EmailMessage())

    def test_a_server_without_encryption_gets_no_password(self, town: Town, box: PostBox) -> None:
        """Somebody in between who strikes STARTTLS out is not trusted either."""
        server = MailServer("127.0.0.1", box.port, username="u", password="p", timeout=5)
        with PostOffice(server).line() as line, pytest.raises(MailServerAway, match="STARTTLS"):
            line.send(EmailMessage())

    def test_without_a_mail_server_notices_wait(self, town: Town) -> None:
        """They go out once one is set, as long as they are of use."""
        town.switch()
        town.prove()
        sender = town.sender(None)
        assert sender.sweep() == 0
        assert town.notices()[0].state is NoticeState.WAITING
        story = sample(NoticeKind.LIMIT, currency="EUR", account_url="", now=town.clock())
        with town.session() as session:
            network = session.get_one(Network, town.network_id)
        with pytest.raises(NoMailServer):
            sender.try_out(network, story, to="a@b.example", language="")

    def test_what_is_too_old_is_dropped(self, town: Town, box: PostBox) -> None:
        """A mail server that comes back after weeks sends no old news."""
        town.switch()
        town.prove()
        town.clock.pass_(days=7, seconds=1)
        town.sender(box.office()).sweep()
        assert box.mails == []
        assert town.notices()[0].state is NoticeState.DROPPED

    def test_a_customer_without_address_is_not_told(self, town: Town, box: PostBox) -> None:
        """It is shown, and it can be tried again once there is an address."""
        town.switch()
        town.prove()
        town.forget_address(ZOE)
        town.sender(box.office()).sweep()
        [notice] = town.notices()
        assert notice.state is NoticeState.DROPPED
        assert notice.reason == "no e-mail address of the customer is known"

    def test_a_membership_that_is_gone_is_shown(self, town: Town, box: PostBox) -> None:
        """What cannot be read ends before the operator, not in a loop."""
        town.switch()
        town.note(NoticeKind.LIMIT, "x", membership_id=99, facts={"limits": []})
        town.sender(box.office()).sweep()
        [notice] = town.notices()
        assert notice.state is NoticeState.ATTENTION
        assert "has no membership 99" in notice.reason


class TestTogether:
    """Several senders."""

    def test_two_senders_send_each_once(self, each_town: Town, box: PostBox) -> None:
        """On both kinds of database, over the same heap."""
        each_town.switch()
        for number in range(30):
            each_town.note(
                NoticeKind.RENEWAL_AHEAD,
                f"1:{number}",
                membership_id=1,
                facts={
                    "amount": 4900,
                    "currency": "EUR",
                    "due_at": "2026-12-01T00:00:00.000Z",
                    "automatic": True,
                    "new_plan": None,
                },
            )
        counts: list[int] = []
        threads = [
            threading.Thread(target=lambda: counts.append(each_town.sender(box.office()).sweep()))
            for _ in range(3)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sum(counts) == 30
        ids = [mail["Message-ID"] for mail in box.mails]
        assert len(ids) == len(set(ids)) == 30
        assert {one.state for one in each_town.notices()} == {NoticeState.SENT}


def _known(address: str) -> Callable[..., object]:
    from bridge.store.people import Contact

    return lambda *_: Contact(email=address)


def test_nobody_can_be_reached_at_a_desk_without_contacts(town: Town, box: PostBox) -> None:
    """Whatever the mirror says, the contacts decide."""
    town.switch()
    town.prove()
    desk = replace(town.desk(), contacts=nobody)
    NoticeSender(town.engine, office=box.office(), desk=desk, clock=town.clock).sweep()
    assert box.mails == []


def test_an_answer_in_the_middle_of_the_night(town: Town, box: PostBox) -> None:
    """A server that hangs up is an error of now, not for good."""
    town.switch()
    town.prove()

    def hang_up(_envelope: Envelope) -> str:
        return "421 going down"

    box.handler.answer = hang_up
    town.sender(box.office()).sweep()
    [notice] = town.notices()
    assert notice.state is NoticeState.WAITING
