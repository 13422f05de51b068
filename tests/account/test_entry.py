"""Coming in: links that open once, links by e-mail, sessions, the language."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from html import unescape
from pathlib import Path

import pytest
import requests
from sqlmodel import Session, select

from bridge.store.access import AccessRepository
from bridge.store.tables import AuditEntry, CustomerRecord, Notice
from bridge.web.pages.links import LIFETIME, LinkKeys, LinkRefused, Refusal
from tests.account.visitor import Browser, token_of
from tests.pages.stage import COOKIE, NETWORK, Stage, open_stage, until

HOME = f"/account/{NETWORK}"
DOCUMENT = Path(__file__).parents[2] / "bridge" / "web" / "ACCOUNT-LINKS.md"


def enter(visitor: Browser, url: str) -> int:
    """Open a link and press its button; the status of the answer."""
    page = visitor.get(url)
    if page.status_code != 200:
        return page.status_code
    token = url.split("token=")[1]
    answer = visitor.post("enter", {"token": token}, token=token_of(page))
    return answer.status_code


def links(stage: Stage) -> LinkKeys:
    return stage.planbridge.settings.pages().links


def test_a_link_opens_the_account_once(stage: Stage) -> None:
    """The first press signs in and leads to the page that was named; the second does not."""
    url = stage.link(1, to="memberships/1/change", language="fr")
    visitor = Browser(stage)
    page = visitor.get(url)
    token = url.split("token=")[1]
    first = visitor.post("enter", {"token": token}, token=token_of(page))
    assert first.status_code == 303
    assert first.headers["location"] == f"{HOME}/memberships/1/change"
    assert 'lang="fr"' in visitor.get("memberships/1").text
    other = Browser(stage)
    second = other.post("enter", {"token": token}, token=other.token())
    assert second.status_code == 403
    assert "It was used before" in second.text
    assert COOKIE not in other.http.cookies


def test_looking_at_a_link_takes_nothing(stage: Stage) -> None:
    """Mail scanners follow links: only the button uses one up."""
    url = stage.link(1)
    for _ in range(3):
        assert Browser(stage).get(url).status_code == 200
    assert enter(Browser(stage), url) == 303


@pytest.mark.parametrize("_round", range(5))
def test_of_two_presses_at_once_one_gets_in(stage: Stage, _round: int) -> None:
    """A link is taken once, however close together two requests come."""
    token = stage.link(1).split("token=")[1]
    visitors = [Browser(stage) for _ in range(4)]
    forms = [visitor.token() for visitor in visitors]
    start = threading.Barrier(len(visitors))

    def press(visitor: Browser, form: str) -> int:
        start.wait()
        return visitor.post("enter", {"token": token}, token=form).status_code

    with ThreadPoolExecutor(len(visitors)) as pool:
        statuses = list(pool.map(press, visitors, forms))
    assert sorted(statuses) == [303, 403, 403, 403]


@pytest.mark.parametrize("what", ["expired", "foreign", "forged", "cut", "none", "empty", "long"])
def test_a_link_that_is_none_gets_a_page_that_says_so(stage: Stage, what: str) -> None:
    """Expired, of another network, forged, incomplete: 403, in words, and no session."""
    now = stage.planbridge.clock()
    good = links(stage).issue(NETWORK, 1, now=now)
    token = {
        "expired": links(stage).issue(NETWORK, 1, now=now - LIFETIME - timedelta(seconds=1)),
        "foreign": links(stage).issue("another", 1, now=now),
        "forged": LinkKeys([b"not our key"]).issue(NETWORK, 1, now=now),
        "cut": good[:-4],
        "none": "eyJhbGciOiJub25lIn0.eyJhdWQiOiJwbGFuYnJpZGdlOm1haW4ifQ.",
        "empty": "",
        "long": links(stage).issue(NETWORK, 1, now=now, lifetime=timedelta(days=1)),
    }[what]
    visitor = Browser(stage)
    seen = visitor.get("enter", params={"token": token})
    pressed = visitor.post("enter", {"token": token})
    for answer in (seen, pressed):
        assert answer.status_code == 403
        assert "This link does not open anything" in answer.text
        assert token == "" or token not in answer.text
    assert ("It has expired" in seen.text) is (what == "expired")
    assert COOKIE not in visitor.http.cookies


def test_a_link_never_leads_out_of_the_account(stage: Stage) -> None:
    """Whatever ``to`` says, it is a path below the account, or nothing."""
    now = stage.planbridge.clock()
    for to in ("//evil.example", "https://evil.example", "/etc", "../../console", "a/../..", "\\e"):
        token = links(stage).issue(NETWORK, 1, now=now, to=to)
        assert links(stage).read(NETWORK, token, now=now).to == ""


def test_older_keys_still_open_and_newer_sign(stage: Stage) -> None:
    """When the sealing key is rotated, links that are on their way stay good."""
    now = stage.planbridge.clock()
    old, new = LinkKeys([b"old"]), LinkKeys([b"new", b"old"])
    assert new.read(NETWORK, old.issue(NETWORK, 1, now=now), now=now).customer_id == 1
    with pytest.raises(LinkRefused) as refused:
        old.read(NETWORK, new.issue(NETWORK, 1, now=now), now=now)
    assert refused.value.code is Refusal.FOREIGN
    assert "hidden" in repr(new)


def test_signing_in_gives_a_new_session(stage: Stage) -> None:
    """Fixation: what stood in the cookie before is not the session after, and is over."""
    planted = stage.session_token(4)
    visitor = Browser(stage)
    visitor.http.cookies.set(COOKIE, planted, path=HOME)
    url = stage.link(1)
    page = visitor.get(url)
    answer = visitor.post("enter", {"token": url.split("token=")[1]}, token=token_of(page))
    cookie = answer.headers["set-cookie"]
    assert planted not in cookie
    flags = {part.strip().lower() for part in cookie.split(";")}
    assert {"httponly", "samesite=lax", f"path={HOME}"} <= flags
    assert "secure" not in flags
    assert Browser(stage, 1).get("memberships/1").status_code == 200
    stale = Browser(stage)
    stale.http.cookies.set(COOKIE, planted, path=HOME)
    assert stale.get("memberships/4").status_code == 303


def test_a_session_nobody_gave_is_none(stage: Stage) -> None:
    """A made-up token signs nobody in; neither does one of another network or an old one."""
    visitor = Browser(stage)
    visitor.http.cookies.set(COOKIE, "made-up", path=HOME)
    assert visitor.get("memberships/1").status_code == 303
    now = stage.planbridge.clock()
    with stage.planbridge.session() as session:
        over = AccessRepository(session).open(
            now=now - timedelta(hours=13),
            lifetime=timedelta(hours=12),
            network_id=stage.place().key,
            customer_id=1,
        )
    visitor.http.cookies.set(COOKIE, over, path=HOME)
    assert visitor.get("memberships/1").status_code == 303


def test_signing_out_ends_the_session_for_good(stage: Stage) -> None:
    """The cookie goes, and a copy of it is worth nothing."""
    visitor = Browser(stage, 1)
    kept = visitor.http.cookies[COOKIE]
    answer = visitor.post("sign-out")
    assert answer.headers["location"] == f"{HOME}/sign-in"
    assert f'{COOKIE}=""; expires=' in answer.headers["set-cookie"]
    thief = Browser(stage)
    thief.http.cookies.set(COOKIE, kept, path=HOME)
    assert thief.get("memberships/1").status_code == 303


def test_coming_in_is_written_down(stage: Stage) -> None:
    """The audit has who came in."""
    assert enter(Browser(stage), stage.link(5)) == 303
    with Session(stage.planbridge.engine) as session:
        rows = session.exec(select(AuditEntry).where(AuditEntry.action == "account.enter")).all()
    assert "customer 5" in {row.actor for row in rows}


@pytest.mark.parametrize(
    ("link", "locale", "browser", "expected"),
    [
        ("de", "fr_FR", "it", "de"),
        ("", "fr_FR", "it", "fr"),
        ("", "fr_CA", "it", "fr"),
        ("", "", "it,en;q=0.5", "it"),
        ("", "ja", "pt-PT", "pt-BR"),
        ("", "de_DE_formal", "en", "de"),
        ("xx", "", "sv", "en"),
    ],
)
def test_the_language_is_the_links_the_customers_or_the_browsers(
    stage: Stage, link: str, locale: str, browser: str, expected: str
) -> None:
    """In this order: the link's language, the customer's own, the browser's, English."""
    _contact(stage, 8, locale=locale)
    visitor = Browser(stage)
    visitor.http.headers["Accept-Language"] = browser
    assert enter(visitor, stage.link(8, language=link)) == 303
    assert f'<html lang="{expected}">' in visitor.get("memberships/8").text


def test_a_chosen_language_stays(stage: Stage) -> None:
    """What the customer chooses on the page beats all but a link's own word."""
    visitor = Browser(stage, 1)
    answer = visitor.get("language", params={"to": "es", "back": f"{HOME}/memberships/1"})
    assert answer.headers["location"] == f"{HOME}/memberships/1"
    assert '<html lang="es">' in visitor.get("memberships/1").text
    stranger = Browser(stage)
    stranger.get("language", params={"to": "nl", "back": f"{HOME}/sign-in"})
    assert '<html lang="nl">' in stranger.get("sign-in").text
    assert '<html lang="nl">' in stranger.get("nothing/here").text
    assert stranger.get("language", params={"to": "xx"}).status_code == 303


def test_the_language_can_be_chosen_before_the_link_is_taken(stage: Stage) -> None:
    """The page of a link keeps its link when its language is changed."""
    visitor = Browser(stage)
    page = visitor.get(stage.link(5))
    german = re.search(r'href="([^"]*lang=de)"', page.text)
    assert german is not None
    page = visitor.get(f"{stage.url}{unescape(german[1])}")
    assert '<html lang="de">' in page.text
    action = re.search(r'action="([^"]*/enter[^"]*)"', page.text)
    token = re.search(r'name="token" value="([^"]+)"', page.text)
    assert action is not None
    assert token is not None
    visitor.post(f"{stage.url}{action[1]}", {"token": token[1]}, token=token_of(page))
    assert '<html lang="de">' in visitor.get("memberships/5").text


def test_changing_the_language_keeps_what_was_chosen(stage: Stage) -> None:
    """The address' query comes along: nothing has to be chosen again."""
    here = f"{HOME}/memberships/1/change?chosen=1&plan=6&addon=2"
    answer = Browser(stage, 1).get("language", params={"to": "fr", "back": here})
    assert answer.headers["location"] == here


@pytest.mark.parametrize(
    "back",
    [
        "https://evil.example",
        "//evil.example",
        "/\\evil.example",
        "/account/main@evil.example",
        "/account/main.evil.example/",
        "/account/main//evil.example",
        "/account/main/../../console",
        "/account/main/%2e%2e/x",
        "/account/main/x\r\nSet-Cookie: a=b",
        "/account/other/",
        "javascript:alert(1)",
        "/account/main?x=//evil.example",
        "",
    ],
)
def test_choosing_a_language_leads_nowhere_else(stage: Stage, back: str) -> None:
    """Open redirect: whatever is given, one stays in the account."""
    answer = Browser(stage).get("language", params={"to": "fr", "back": back})
    assert answer.status_code == 303
    assert answer.headers["location"] == f"{HOME}/"


def test_without_mail_the_page_tells_where_links_come_from(stage: Stage) -> None:
    """No mail server: no form, but the way through the site's own dashboard."""
    page = Browser(stage).get("sign-in")
    assert "Open the dashboard of your site" in page.text
    assert 'name="email"' not in page.text


@pytest.fixture(scope="module")
def mailing(tmp_path_factory: pytest.TempPathFactory) -> Stage:
    """A stage that can send mail (to nobody: nothing listens there)."""
    folder = tmp_path_factory.mktemp("mailing")
    opened = open_stage(
        folder,
        memberships=0,
        smtp_host="127.0.0.1",
        smtp_port=9,
        smtp_from="accounts@example.com",
        public_url="http://plans.example.com",
    )
    with opened as stage:
        yield stage


def test_links_by_mail_never_tell_who_is_known(mailing: Stage) -> None:
    """The same page for an address that is known and one that is not; a mail for the former."""
    _contact(mailing, 3, email="customer3@example.com")
    answers = []
    for email in ("customer3@example.com", "nobody@example.com"):
        visitor = Browser(mailing)
        token = token_of(visitor.get("sign-in"))
        answers.append(visitor.post("sign-in", {"email": email}, token=token))
    known, unknown = answers
    assert known.status_code == unknown.status_code == 200
    blank = re.compile(r'value="[^"]*"')
    assert blank.sub("", known.text) == blank.sub("", unknown.text)
    assert "If we know this address" in known.text
    until(lambda: len(_notices(mailing)) == 1)
    notice = _notices(mailing)[0]
    assert (notice.customer_id, notice.facts["email"]) == (3, "customer3@example.com")
    url = json.loads(mailing.planbridge.seal.open(notice.sealed))["url"]
    assert url.startswith(f"http://plans.example.com{HOME}/enter?token=")
    assert url not in repr(notice)


def test_what_is_no_address_is_refused(mailing: Stage) -> None:
    """A typing mistake is told at once: it says nothing about anybody."""
    visitor = Browser(mailing)
    answer = visitor.post(
        "sign-in", {"email": "customer 3"}, token=token_of(visitor.get("sign-in"))
    )
    assert answer.status_code == 422
    assert "This is not an e-mail address" in answer.text


def test_links_by_mail_are_asked_for_seldom(mailing: Stage) -> None:
    """Three links for one address, silently no more; ten tries from one place, then 429."""
    before = len(_notices(mailing))
    _contact(mailing, 4, email="customer4@example.com")
    visitor = Browser(mailing)
    token = token_of(visitor.get("sign-in"))
    statuses = [
        visitor.post("sign-in", {"email": "Customer4@Example.com"}, token=token).status_code
        for _ in range(12)
    ]
    assert statuses[:5] == [200] * 5
    assert statuses[-1] == 429
    until(lambda: len(_notices(mailing)) == before + 3)


def test_behind_tls_cookies_are_kept_to_it(tmp_path: Path) -> None:
    """``Secure``, where browsers come by https."""
    with open_stage(tmp_path, memberships=0, public_url="https://plans.example.com") as stage:
        url = stage.link(1)
        page = Browser(stage).get(url)
        form = page.headers["set-cookie"].split(";")[0]
        answer = requests.post(
            stage.account("enter"),
            data={"_token": token_of(page), "token": url.split("token=")[1]},
            headers={"Cookie": form},
            allow_redirects=False,
            timeout=30,
        )
    assert answer.status_code == 303
    for cookie in (page.headers["set-cookie"], answer.headers["set-cookie"]):
        assert "; secure" in cookie.lower()
        assert "; httponly" in cookie.lower()


@pytest.mark.skipif(shutil.which("php") is None, reason="there is no PHP")
def test_the_documented_php_makes_links_that_open(stage: Stage, tmp_path: Path) -> None:
    """The example in ACCOUNT-LINKS.md, run by PHP."""
    example = re.search(r"```php\n(/\*\*.*?)```", DOCUMENT.read_text(encoding="utf-8"), re.DOTALL)
    assert example is not None
    script = tmp_path / "link.php"
    script.write_text(
        "<?php\n"
        f"define('PLANBRIDGE_NETWORK', '{NETWORK}');\n"
        f"define('PLANBRIDGE_LINK_KEY', '{links(stage).of(NETWORK)}');\n"
        f"define('PLANBRIDGE_URL', '{stage.url}');\n"
        f"{example[1]}\necho planbridge_account_url(1, 'memberships/1/change', 'fr_FR');\n",
        encoding="utf-8",
    )
    made = subprocess.run(["php", str(script)], capture_output=True, text=True, check=True).stdout
    assert enter(Browser(stage), made) == 303


def _contact(stage: Stage, customer: int, **values: str) -> None:
    with stage.planbridge.session() as session:
        row = session.get(CustomerRecord, (stage.place().key, customer))
        assert row is not None
        for name, value in values.items():
            setattr(row, name, value)
        session.add(row)


def _notices(stage: Stage) -> list[Notice]:
    with Session(stage.planbridge.engine) as session:
        return [*session.exec(select(Notice).where(Notice.kind == "sign_in"))]
