"""``planbridge site``: one site, its limits, and what it tells about itself."""

from __future__ import annotations

from dataclasses import asdict
from datetime import timedelta
from typing import Annotated

import typer

from bridge.cli.printing import console, print_json, print_table
from bridge.domain.limit_modules import items
from bridge.domain.limit_use import LimitUse, limit_uses
from bridge.domain.preflight import SiteUsage
from bridge.network.faults import Fault
from bridge.network.site_facts import SiteFacts
from bridge.store.limits import effective_limits
from bridge.store.readers import load_site, membership_record, sites_of
from bridge.store.tables import MembershipRecord, SiteRecord
from bridge.wiring import open_app

app = typer.Typer(help="Sites: what they use and are allowed.", no_args_is_help=True)


@app.callback()
def _group() -> None:
    """Sites: what they use and are allowed."""


@app.command()
def show(
    network: Annotated[str, typer.Argument(help="Name of the network.")],
    site: Annotated[int, typer.Argument(help="Blog id of the site.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Show a site: address, membership, limits used and allowed, and its own facts.

    The facts are asked for over XML-RPC, where a WordPress user is on record
    (`planbridge network rotate NETWORK --wp-user NAME --wp-password-file FILE`).

    Example: planbridge site show main 12
    """
    planbridge = open_app()
    place = planbridge.network(network)
    with planbridge.session() as session:
        record = load_site(session, place.key, site)
        limits = effective_limits(session, place.key, site)
        member, count = None, None
        if record.membership_id:
            member = membership_record(session, place.key, record.membership_id)
            count = len(sites_of(session, place.key, member.id))
    facts, missing = None, _NO_USER.format(network=network)
    try:
        client = planbridge.site_xmlrpc(place, record)
        if client is not None:
            with client:
                facts = client.facts(post_types=items((limits or {}).get("post_types")))
    except Fault as error:
        missing = str(error)
    usage = facts.usage(site) if facts else SiteUsage(site, name=record.title)
    uses = None if limits is None else limit_uses(limits, usage, site_count=count)
    address = f"{record.domain}{record.path}"
    if as_json:
        print_json(
            {
                "site": site,
                "address": address,
                "title": record.title,
                "membership": _member(member),
                "limits": None if uses is None else [_limit(use) for use in uses],
                "facts": None if facts is None else _facts(facts),
                "no_facts": None if facts else missing,
            }
        )
        return
    print_table(["what", "value"], _rows(record, address, member, facts))
    if uses is None:
        console.print(_NO_LIMITS.format(network=network, site=site), markup=False)
    else:
        shown = [(use.label, use.used_words, use.words, _OVER if use.over else "") for use in uses]
        print_table(["limit", "used", "allowed", ""], shown)
    for sentence in facts.untold.values() if facts else [missing]:
        console.print(sentence, markup=False)


_OVER = "over its limit"
_NO_LIMITS = (
    "{network} does not show the limits of this site; "
    "`planbridge limits explain {network} {site}` computes them."
)
_NO_USER = (
    "What the site itself tells is not known: no WordPress user of {network} is on record. "
    "`planbridge network rotate {network} --wp-user NAME --wp-password-file FILE` changes that."
)


def _rows(
    record: SiteRecord, address: str, member: MembershipRecord | None, facts: SiteFacts | None
) -> list[tuple[str, object]]:
    rows: list[tuple[str, object]] = [
        ("site", record.id),
        ("address", address),
        ("title", record.title),
        ("membership", f"{member.id} ({member.status})" if member else None),
    ]
    if facts is not None:
        rows += [
            ("home", facts.home_url),
            ("WordPress", facts.wordpress_version),
            ("clock", _clock(facts.utc_offset)),
            ("theme", facts.theme),
            ("members", facts.members),
        ]
        rows += [(f"{kind} entries", number) for kind, number in (facts.posts or {}).items()]
        rows += [(f"{role} users", number) for role, number in (facts.users or {}).items()]
    return rows


def _clock(offset: timedelta | None) -> str:
    return "" if offset is None else f"UTC{offset.total_seconds() / 3600:+g}"


def _member(member: MembershipRecord | None) -> dict[str, object] | None:
    if member is None:
        return None
    return {"id": member.id, "status": member.status, "plan": member.plan_id}


def _limit(use: LimitUse) -> dict[str, object]:
    return {
        "module": use.module,
        "item": use.item,
        "used": use.used,
        "allowed": use.allowed,
        "words": use.words,
        "over": use.over,
    }


def _facts(facts: SiteFacts) -> dict[str, object]:
    offset = facts.utc_offset
    hours = None if offset is None else offset.total_seconds() / 3600
    return {**asdict(facts), "utc_offset": hours}
