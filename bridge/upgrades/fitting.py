"""Whether a member's sites fit into the limits that a change would bring.

The one place that decides it: the customer's pages and the JSON API both ask here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from sqlmodel import Session

from bridge.domain.limit_diff import may_lessen
from bridge.domain.limits import Release
from bridge.domain.memberships import Membership
from bridge.domain.preflight import Excess, Policy, Preflight, Unchecked
from bridge.domain.quotes import TargetState
from bridge.errors import Conflict
from bridge.network.capabilities import Capabilities
from bridge.store.quotes import GivenQuote
from bridge.store.readers import sites_of
from bridge.store.tables import Network
from bridge.store.uses import KnownUses
from bridge.upgrades.expected import KnownRows
from bridge.upgrades.opening import mirrored_membership
from bridge.upgrades.preflighting import check_usage
from bridge.upgrades.usages import UsageOf

_MOST_ASKED = 10  # sites that are asked while somebody waits


class OverLimits(Conflict):
    """Quote {quote} cannot be carried out, as the sites are over the limits it brings: {what}"""

    hint = (
        "Make room on the sites, then ask again with the same quote; an operator may go on "
        'anyway with "anyway": true.'
    )

    def __init__(self, *, quote: str, fit: Fit) -> None:
        refused = fit.under(Policy.REFUSE)
        super().__init__(
            quote=quote,
            what=" ".join(one.sentence for one in refused),
            excesses=[fit.shown(one) for one in refused],
        )

    @property
    def members(self) -> Mapping[str, object]:
        """``excesses``, each as `Fit.shown` shows it."""
        return {"excesses": self.fields["excesses"]}


@dataclass(frozen=True, slots=True)
class Fit:
    """What would be over a limit after a change.

    ``limits`` are those before and after it, None where they are not known: then nothing is
    refused, as payment never waits for that. ``addresses`` are the sites', by id.
    """

    excesses: tuple[Excess, ...] = ()
    unchecked: tuple[Unchecked, ...] = ()
    limits: tuple[Mapping[str, Any], Mapping[str, Any]] | None = None
    addresses: Mapping[int, str] = field(default_factory=dict)

    @property
    def decision(self) -> Policy:
        """The strictest policy that anything asks for."""
        return Preflight(self.excesses).decision

    def under(self, policy: Policy) -> tuple[Excess, ...]:
        """The excesses to which a policy applies."""
        return Preflight(self.excesses).under(policy)

    def shown(self, excess: Excess) -> dict[str, object]:
        """An excess as plain JSON, with the address of its site; "" for what all sites share."""
        return {**asdict(excess), "site": self.addresses.get(excess.site_id or 0, "")}


NO_FIT = Fit()


def fit_of(
    session: Session,
    network: Network,
    member: Membership,
    target: TargetState,
    *,
    usage: UsageOf,
    rows: KnownRows | None = None,
) -> Fit:
    """Compare the sites with the limits after a change; they are asked only where it may matter.

    A site that does not tell what it uses now, or is one of many, is judged by what it told
    last. No transaction is held open while sites are asked: the session is rolled back.
    ``rows`` are the network's, where they were read before.
    """
    rows = rows or KnownRows.load(session, network.key)
    release = Capabilities.from_json(network.capabilities).limit_rules
    sites = sites_of(session, network.key, member.id)
    addresses = {site.id: f"{site.domain}{site.path}".rstrip("/") for site in sites}
    before = limits_with(rows, member, member.plan_id, member.addons, release=release)
    after = limits_with(rows, member, target.plan_id, target.addons, release=release)
    if before is None or after is None:
        return Fit(addresses=addresses)
    both = (before, after)
    if not may_lessen(before, after):
        return Fit(limits=both, addresses=addresses)
    kept = KnownUses(session, network.key, list(addresses))
    session.rollback()
    asked = sites if len(sites) <= _MOST_ASKED else ()
    now = {site.id: usage(network, site, before) for site in asked}
    answer = check_usage(
        session,
        network,
        member.id,
        target,
        usage_of=lambda site: replace(
            now.get(site.id) or kept.of(site.id), name=addresses[site.id]
        ),
        release=release,
        known=rows,
    )
    return Fit(answer.excesses, answer.unchecked, both, addresses)


def fit_of_quote(
    session: Session, network: Network, given: GivenQuote, *, usage: UsageOf
) -> Fit | None:
    """The fit of what a quote would make of its membership; None where there is nothing to fit:
    the quote is not possible, or the membership is gone from the mirror.
    """
    target = given.quote.target if given.quote.possible else None
    member = mirrored_membership(session, given)
    if target is None or member is None:
        return None
    return fit_of(session, network, member, target, usage=usage)


def refuse_what_does_not_fit(
    session: Session, network: Network, given: GivenQuote, *, usage: UsageOf
) -> None:
    """Say what is over on which site before a quote is carried out.

    Raises:
        OverLimits: the sites do not fit.
    """
    fit = fit_of_quote(session, network, given, usage=usage)
    if fit is not None and fit.decision is Policy.REFUSE:
        raise OverLimits(quote=given.id, fit=fit)


def limits_with(
    rows: KnownRows,
    member: Membership,
    plan_id: int,
    addons: Mapping[int, int],
    *,
    release: Release,
) -> Mapping[str, Any] | None:
    """The limits that a plan and add-ons give a membership; None where one of them is unknown."""
    expected = rows.expected(
        membership_id=member.id, plan_id=plan_id, addons=addons, release=release
    )
    return None if expected.unknown else expected.on(None)
