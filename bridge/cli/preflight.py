"""``planbridge preflight``: would a change leave a site over its new limits?"""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer

from bridge.cli.printing import console, print_json, print_table
from bridge.domain.periods import Period
from bridge.domain.preflight import Policy, SiteUsage
from bridge.network.capabilities import Capabilities
from bridge.network.faults import Fault
from bridge.store.limits import effective_limits
from bridge.store.tables import Network, SiteRecord
from bridge.upgrades.preflighting import check_usage
from bridge.upgrades.quoting import Choice, price
from bridge.upgrades.usages import ask_usage
from bridge.wiring import App, open_app


def preflight(
    network: Annotated[str, typer.Argument(help="Name of the network.")],
    membership: Annotated[int, typer.Argument(help="Id of the membership on the network.")],
    product: Annotated[
        list[str], typer.Option("--product", help="Id or slug; repeat for several.")
    ],
    period: Annotated[str | None, typer.Option(help="Such as 1-year.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Compare what the sites use with the limits they would have after a change.

    Every site and every limit in one answer, with what to remove and how much. What sites
    use is asked for over XML-RPC, where a WordPress user is on record; what is not known is
    said. Exit code 1 when the change should be refused or nothing can be bought.

    Example: planbridge preflight main 12 --product free
    """
    planbridge = open_app()
    place = planbridge.network(network)
    choice = Choice(tuple(product), period=Period.parse(period) if period else None)
    told: list[str] = []
    with planbridge.session() as session:
        quote = price(session, place, membership, choice, now=planbridge.clock()).quote
        if quote.target is None:
            for error in quote.errors:
                console.print(f"Not possible: {error.message} ({error.code})", markup=False)
            raise typer.Exit(1)

        def usage_of(site: SiteRecord) -> SiteUsage:
            shown = effective_limits(session, place.key, site.id)
            return _usage(planbridge, place, site, shown, told)

        answer = check_usage(
            session,
            place,
            membership,
            quote.target,
            usage_of=usage_of,
            release=Capabilities.from_json(place.capabilities).limit_rules,
        )
    if as_json:
        print_json({**asdict(answer), "decision": answer.decision.value, "untold": told})
    else:
        rows = [(one.policy.value, one.sentence, one.remove) for one in answer.excesses]
        if rows:
            print_table(["", "over its limit", "to remove"], rows)
        else:
            console.print("No site would be over a limit, as far as is known.")
        for gap in answer.unchecked:
            where = "all sites" if gap.site_id is None else f"site {gap.site_id}"
            console.print(f"Not compared: {gap.module} of {where}: {gap.why}", markup=False)
        for sentence in told:
            console.print(sentence, markup=False)
    if answer.decision is Policy.REFUSE:
        raise typer.Exit(1)


def _usage(
    planbridge: App,
    network: Network,
    site: SiteRecord,
    shown: dict[str, object] | None,
    told: list[str],
) -> SiteUsage:
    """What a site says of itself, or nothing and why."""
    try:
        found = ask_usage(planbridge.site_xmlrpc, network, site, shown or {})
    except Fault as fault:
        told.append(str(fault))
        found = None
    return found or SiteUsage(site.id, name=site.title)
