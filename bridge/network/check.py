"""What a network lacks, what each lack costs, and how to make up for it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import orjson
import requests

from bridge.network.capabilities import Capabilities, Paging, SiteSearch
from bridge.network.client import NetworkClient
from bridge.network.faults import Fault

COMPANION: Final = "planbridge/v1"
"""The REST namespace of the companion plugin."""

_PATIENCE = (5.0, 10.0)
_MOST_BYTES = 4 * 1024 * 1024
_SKEW_MATTERS = 60
_UPDATE = "Update the plugin to a release after 2.4.12."


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was tried: what was found, and if it is a lack, its cost and its cure.

    ``good`` is None where the network has nothing to try it on.
    """

    what: str
    found: str
    good: bool | None
    cost: str = ""
    cure: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What stands beside the plugin's own interface; None is what could not be found out."""

    xmlrpc: bool | None = None
    companion: bool | None = None


def look_around(url: str) -> Surroundings:
    """Try the network's XML-RPC and the list of its REST interfaces, without credentials."""
    with requests.Session() as session:
        session.trust_env = False
        return Surroundings(xmlrpc=_xmlrpc(session, url), companion=_companion(session, url))


def _xmlrpc(session: requests.Session, url: str) -> bool | None:
    try:
        with session.get(
            f"{url}/xmlrpc.php", timeout=_PATIENCE, allow_redirects=False, stream=True
        ) as answer:
            # WordPress answers a GET there with 405; whoever blocks it, with 403 or 404.
            return answer.status_code == 405
    except requests.RequestException:
        return None


def _companion(session: requests.Session, url: str) -> bool | None:
    try:
        with session.get(
            f"{url}/wp-json/", timeout=_PATIENCE, allow_redirects=False, stream=True
        ) as answer:
            content = answer.raw.read(_MOST_BYTES, decode_content=True)
            told = orjson.loads(content)
    except (requests.RequestException, ValueError):
        return None
    namespaces = told.get("namespaces") if isinstance(told, dict) else None
    return COMPANION in namespaces if isinstance(namespaces, list) else None


def refused_write(client: NetworkClient) -> Fault | None:
    """Why writes do not get through; None if they do. Nothing is written: it is tried on a
    membership that cannot exist.
    """
    try:
        client.try_write()
    except Fault as fault:
        return fault
    return None


def hidden_users(client: NetworkClient) -> Fault | None:
    """Why WordPress' users cannot be read; None if they can, or nobody is on record who may."""
    if client.users is not None:
        try:
            client.users.read([1])
        except Fault as fault:
            return fault
    return None


def findings(
    capabilities: Capabilities,
    *,
    refused: Fault | None,
    around: Surroundings,
    wordpress_user: bool,
    hidden: Fault | None = None,
) -> list[Finding]:
    """Everything that was found, in the order in which it matters.

    ``refused`` is why writes do not get through, ``hidden`` why users cannot be read.
    """
    return [
        _writes(refused),
        *_limits(capabilities),
        *_listings(capabilities),
        *_fields(capabilities),
        _clock(capabilities),
        _people(hidden, wordpress_user=wordpress_user),
        *_beside(around, wordpress_user=wordpress_user),
    ]


def _writes(refused: Fault | None) -> Finding:
    return Finding(
        "writing",
        "allowed" if refused is None else str(refused),
        refused is None,
        "No change can be carried out.",
        "Let PUT and POST to /wp-json/wu/v2 through.",
    )


def _limits(found: Capabilities) -> list[Finding]:
    return [
        Finding(
            "limits in force on a site",
            _word(found.effective_limits, "shown", "not shown"),
            found.effective_limits,
            "Changes end as applied, not proven, and drift cannot be seen.",
            f"{_UPDATE} The companion plugin shows them too.",
        ),
        Finding(
            "sites of a membership",
            {
                SiteSearch.COLUMN: "found by column",
                SiteSearch.META: "found by meta",
                SiteSearch.NONE: "not found",
            }[found.site_search],
            found.site_search is not SiteSearch.NONE,
            "Nobody can tell which sites a change concerns.",
            _UPDATE,
        ),
        Finding(
            "owner in a site's row",
            _word(found.site_links, "shown", "not shown"),
            found.site_links,
            "One request a membership when a site is new.",
            _UPDATE,
        ),
    ]


def _listings(found: Capabilities) -> list[Finding]:
    return [
        Finding(
            "pages",
            "page and per_page" if found.paging is Paging.PAGE else "number and offset",
            True,
        ),
        Finding(
            "count of rows",
            _word(found.counts_rows, "in every listing", "asked for by itself"),
            found.counts_rows,
            "One more request a listing, and no time left to show.",
            _UPDATE,
        ),
        Finding(
            "changed since",
            _word(found.modified_since, "works", "ignored"),
            found.modified_since,
            "Every sync reads everything.",
            "Look for a plugin that changes queries.",
        ),
    ]


def _fields(found: Capabilities) -> list[Finding]:
    exact = not found.wrong_statuses and not found.integer_amounts
    return [
        Finding(
            "add-ons of a plan",
            _word(found.product_addons, "shown", "not shown"),
            found.product_addons,
            "Which add-ons go with which plan comes from the catalogue file.",
            f"{_UPDATE} Or `planbridge catalogue` names them.",
        ),
        Finding(
            "settings",
            _word(found.settings, "shown", "not shown"),
            found.settings,
            "Currency and taxes are taken from products and the catalogue file.",
            "Update the plugin to 2.4.11 or later.",
        ),
        Finding(
            "schema of writes",
            "right" if exact else "wrong for statuses or cents",
            True,
        ),
    ]


def _clock(found: Capabilities) -> Finding:
    skew = found.clock_skew
    return Finding(
        "clock",
        "not told" if skew is None else "as ours" if skew == 0 else f"{skew:+d} s",
        None if skew is None else abs(skew) < _SKEW_MATTERS,
        "Dates are off by as much, and changes are looked for in the wrong place.",
        "Let the server keep time (NTP).",
    )


def _people(hidden: Fault | None, *, wordpress_user: bool) -> Finding:
    told = "not asked for" if not wordpress_user else "shown" if hidden is None else str(hidden)
    return Finding(
        "customers' e-mail addresses",
        told,
        wordpress_user and hidden is None,
        "Customers cannot sign in by e-mail, and get notices only where they gave a billing "
        "address, in the network's language.",
        "`planbridge network rotate NAME --wp-user USER --wp-password-file FILE`, with an "
        "application password of a super admin.",
    )


def _beside(around: Surroundings, *, wordpress_user: bool) -> list[Finding]:
    return [
        Finding(
            "XML-RPC",
            _word(around.xmlrpc, "on", "off"),
            around.xmlrpc,
            "Usage of single sites (posts, users, media) is not known.",
            "Let xmlrpc.php through, or install the companion plugin.",
        ),
        Finding(
            "WordPress user on record",
            _word(wordpress_user, "yes", "no"),
            wordpress_user,
            "Facts of single sites cannot be read.",
            "`planbridge network rotate NAME --wp-user USER --wp-password-file FILE`.",
        ),
        Finding(
            "companion plugin",
            _word(around.companion, "installed", "not installed"),
            around.companion,
            "What stock REST hides (own limits, price variations) comes from the catalogue file.",
            "Install it on the network; planbridge works without.",
        ),
    ]


def _word(value: bool | None, yes: str, no: str) -> str:
    return "nothing to try it on" if value is None else yes if value else no
