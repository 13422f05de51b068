"""Each site's ``xmlrpc.php``: as recorded of WordPress 6.9, and read by planbridge's own client."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from xmlrpc.client import Fault, dumps, loads

import pytest
import requests
from typer.testing import CliRunner

from bridge.cli.site import app as site_commands
from bridge.network.transport import Retries
from bridge.network.xmlrpc import SiteXmlRpc
from bridge.network.xmlrpc_faults import SiteSilent, WrongSite, XmlRpcOff, XmlRpcSignInRefused
from bridge.sandbox.server import SandboxNetwork
from bridge.sandbox.users import add_user
from bridge.sandbox.xmlrpc import ENTRIES_KEY
from bridge.store import schema
from bridge.store.networks import Credentials, NetworkRepository
from bridge.wiring import open_app
from sync.passes import run

RECORDINGS = Path(__file__).parents[2].parent / "shared" / "recordings" / "xmlrpc"
OWNER, OWNER_PASSWORD = "ann", "owner password"


def call(network: SandboxNetwork, site: str, method: str, *params: Any) -> Any:
    """A call's value, or the error it was answered with."""
    answer = requests.post(
        f"{network.url}{site}/xmlrpc.php",
        data=dumps(params, method),
        headers={"Content-Type": "text/xml"},
        timeout=5,
    )
    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == "text/xml; charset=UTF-8"
    try:
        (value,), _ = loads(answer.content)
    except Fault as error:
        return error.faultCode, error.faultString
    return value


def signed(network: SandboxNetwork, site: str, method: str, *rest: Any) -> Any:
    return call(network, site, method, 0, network.wp_username, network.wp_password, *rest)


def recorded(name: str) -> Any:
    text = json.loads((RECORDINGS / f"{name}.json").read_text())["response_xml"]
    (value,), _ = loads(text)
    return value


def client(network: SandboxNetwork, site: str, *, password: str = "") -> SiteXmlRpc:
    return SiteXmlRpc(
        network.url + site,
        network.wp_username,
        password or network.wp_password,
        network="lab",
        retries=Retries(attempts=1, first=0, longest=0),
    )


def test_what_is_told_has_the_recorded_shape(network: SandboxNetwork) -> None:
    """Options, post types and users, key by key as far as they are told."""
    options, wanted = (
        signed(network, "", "wp.getOptions", []),
        recorded("patched_04_getOptions_all"),
    )
    for name, told in options.items():
        assert told.keys() == wanted[name].keys()
        assert type(told["value"]) is type(wanted[name]["value"]), name
        assert (told["desc"], told["readonly"]) == (wanted[name]["desc"], wanted[name]["readonly"])
    kinds, wanted = signed(network, "", "wp.getPostTypes"), recorded("patched_09_getPostTypes")
    for name, told in kinds.items():
        assert {key: told[key] for key in ("name", "label", "hierarchical", "public")} == {
            key: wanted[name][key] for key in ("name", "label", "hierarchical", "public")
        }
    (user,), (wanted,) = signed(network, "", "wp.getUsers"), recorded("patched_14_getUsers")
    assert user.keys() <= wanted.keys()
    blogs, wanted = (
        call(network, "", "wp.getUsersBlogs", network.wp_username, network.wp_password),
        recorded("patched_02_getUsersBlogs"),
    )
    assert blogs[0].keys() == wanted[0].keys()
    listed = recorded("patched_01_init_client")
    own = set(call(network, "", "mt.supportedMethods"))
    assert own - set(listed) <= {"system.listMethods"}


def test_fields_narrow_the_answer(network: SandboxNetwork) -> None:
    """As planbridge asks for ids and roles only, a page at a time."""
    network.state.set_meta("site", 3, ENTRIES_KEY, {"post": 5})
    wanted = {"post_type": "post", "post_status": ["publish"], "number": 2, "offset": 4}
    assert signed(network, "/site3", "wp.getPosts", wanted, ["post_id"]) == [{"post_id": "5"}]
    told = signed(network, "/site3", "wp.getUsers", {"number": 5, "offset": 0}, ["roles"])
    assert told == [{"user_id": "2", "roles": ["editor"]}]
    assert signed(network, "/site3", "wp.getOptions", "blog_title").keys() == {"blog_title"}


def test_errors_are_wordpress_own(network: SandboxNetwork) -> None:
    """Always with status 200."""
    assert call(network, "", "wp.getOptions", 0, network.wp_username, "wrong", []) == (
        403,
        "Incorrect username or password.",
    )
    assert signed(network, "", "wp.nonsense") == (
        -32601,
        "server error. requested method wp.nonsense does not exist.",
    )
    assert signed(network, "", "wp.getPosts", {"post_type": "nope"}) == (403, "Invalid post type.")
    rubbish = requests.post(f"{network.url}/xmlrpc.php", data=b"rubbish", timeout=5)
    with pytest.raises(Fault, match="not well formed"):
        loads(rubbish.content)
    got = requests.get(f"{network.url}/site3/xmlrpc.php", timeout=5)
    assert (got.status_code, got.text) == (405, "XML-RPC server accepts POST requests only.")


def test_a_customer_sees_his_own_site_only(network: SandboxNetwork) -> None:
    """Elsewhere he is refused, or shown nothing."""
    add_user(network.state, 3, OWNER, email="a@example.test", application_password=OWNER_PASSWORD)
    mine = call(network, "/site5", "wp.getPosts", 0, OWNER, OWNER_PASSWORD, {"post_type": "post"})
    assert mine
    foreign = [0, OWNER, OWNER_PASSWORD]
    assert call(network, "/site3", "wp.getUsers", *foreign) == (
        401,
        "Sorry, you are not allowed to list users.",
    )
    assert call(network, "/site3", "wp.getPosts", *foreign)[0] == 401
    assert call(network, "/site3", "wp.getPostTypes", *foreign) == []
    blogs = call(network, "/site3", "wp.getUsersBlogs", OWNER, OWNER_PASSWORD)
    assert [each["blogid"] for each in blogs] == ["5"]


def test_planbridge_reads_the_facts_of_a_site(network: SandboxNetwork) -> None:
    """Through python-wordpress-xmlrpc, over a real socket, and in pages."""
    network.state.set_meta("site", 3, ENTRIES_KEY, {"post": 1203, "page": 2, "attachment": 1})
    with client(network, "/site3") as site:
        facts = site.facts()
    assert facts.posts == {"post": 1203, "page": 2, "attachment": 1}
    assert (facts.users, facts.members) == ({"editor": 1}, 1)
    assert (facts.title, facts.wordpress_version) == ("Site 3", "6.9.4")
    assert facts.home_url == f"{network.url}/site3"
    assert facts.untold == {}
    assert not any(network.wp_password in str(each.body) for each in network.journal)


def test_a_wrong_password_is_one_clear_error(network: SandboxNetwork) -> None:
    """Which names the user."""
    with client(network, "/site3", password="wrong") as site, pytest.raises(XmlRpcSignInRefused):
        site.facts()


def test_it_can_be_switched_off(clock: Any) -> None:
    """Then only what needs no user is answered, as by WordPress."""
    with SandboxNetwork(clock=clock, xmlrpc=False) as network:
        assert "wp.getOptions" in call(network, "", "mt.supportedMethods")
        assert signed(network, "", "wp.getOptions", []) == (
            405,
            "XML-RPC services are disabled on this site.",
        )
        with client(network, "/site3") as site, pytest.raises(XmlRpcOff, match="disabled"):
            site.facts()


def test_a_site_is_shown_on_the_command_line(
    network: SandboxNetwork, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`planbridge sync` and then `planbridge site show`, from nothing but the sandbox."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PLANBRIDGE_DATA_DIR", str(tmp_path / "data"))
    planbridge = open_app(check_schema=False)
    schema.upgrade(planbridge.engine)
    credentials = Credentials(
        network.api_key,
        network.api_secret,
        wp_username=network.wp_username,
        wp_application_password=network.wp_password,
    )
    with planbridge.session() as session:
        added = NetworkRepository(session, planbridge.seal).add(
            "lab", network.url, credentials, now=planbridge.clock()
        )
    with planbridge.client(added) as rest:
        assert run(planbridge.engine, added, rest, clock=planbridge.clock).complete
    network.state.set_meta("site", 3, ENTRIES_KEY, {"post": 12})
    result = CliRunner().invoke(site_commands, ["show", "lab", "3", "--json"])
    assert result.exit_code == 0, result.output
    told = json.loads(result.stdout)
    assert told["facts"]["posts"]["post"] == 12
    assert told["address"] == f"{network.url.removeprefix('http://')}/site3/"
    posts = next(each for each in told["limits"] if each["item"] == "post")
    assert (posts["used"], posts["over"]) == (12, True)


def test_sites_that_are_gone_or_archived(network: SandboxNetwork) -> None:
    """The main site answers in the place of one, and the other says nothing at all."""
    with client(network, "/gone") as site, pytest.raises(WrongSite):
        site.facts()
    row = network.state.row("site", 3)
    assert row is not None
    network.state.save("site", 3, {**row, "archived": "1"})
    with client(network, "/site3") as site, pytest.raises(SiteSilent):
        site.facts()
