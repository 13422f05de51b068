"""What a change is to make of a membership, fixed when it is accepted.

Kept as plain JSON in the change, so that a second run writes the same as the first.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from bridge.domain.expiration import next_expiration_for_change
from bridge.domain.memberships import Membership, MembershipStatus
from bridge.domain.money import to_major
from bridge.domain.pricing import wall_clock
from bridge.store.quotes import GivenQuote, target_from_json, target_to_json
from bridge.upgrades.gateways import let_go, taken_on
from bridge.upgrades.payment_lines import lines_document

_TERM_IS_OVER = (MembershipStatus.PENDING, MembershipStatus.EXPIRED)


def target_of(
    given: GivenQuote, membership: Membership | None, *, paid: bool, now: datetime
) -> dict[str, Any]:
    """The target of a quote carried out at ``now``; empty where there is nothing to make.

    Keys beside those of `TargetState`: ``tax_total`` in what is due now; ``paid``, whether money
    was collected; ``basis``, how the membership stood when the price was made; ``ledger``, by
    how much the membership's kept credit grows (minor units); ``lines`` and
    ``code``, what its payment is to show; and ``date_expiration`` where the change moves it
    (ISO text, or None for lifetime; missing means: leave it).
    """
    quote = given.quote
    if quote.target is None or membership is None:
        return {}
    document = {
        **target_to_json(quote.target),
        "tax_total": quote.tax_total,
        "paid": paid,
        "basis": given.basis,
        "ledger": quote.ledger_added - quote.ledger_used,
        "lines": lines_document(quote.lines) if paid else [],
        "code": given.request.discount_code or "",
    }
    if quote.scheduled:
        # The next term begins with its own renewal; without one it has no end.
        if not quote.target.recurring:
            document["date_expiration"] = None
    elif not quote.keeps_cycle:
        until = next_expiration_for_change(
            quote, membership=membership, now=now, policy=quote.policy
        )
        document["date_expiration"] = until.isoformat() if until else None
        if paid:
            # As the plugin's gateways do when a payment begins a term; its rule of full credit
            # on the same day looks at it (domain/plan-changes.md §5.1, billing-stripe.md §6).
            document["date_renewed"] = now.isoformat()
    return document


def bills_again(target: Mapping[str, Any]) -> bool:
    """Whether anything is billed each cycle once the change is carried out."""
    state = target_from_json(target)
    return state.recurring and state.amount > 0


def membership_fields(
    target: Mapping[str, Any],
    membership: Membership,
    *,
    timezone: str = "UTC",
    billed: bool = False,
) -> dict[str, Any]:
    """The one write that carries a change out, as `NetworkClient.update` takes it.

    ``timezone`` is the main site's: the plugin keeps ``date_renewed`` by its clock. ``billed``:
    planbridge's own subscription bills the membership from now on.

    Absolute values: writing them again on what they made changes nothing.
    """
    state = target_from_json(target)
    gateway: dict[str, object] = {}
    if not bills_again(target):
        gateway = let_go(membership.gateway)
    elif billed:
        gateway = taken_on(membership.gateway)
    return {
        **gateway,
        "plan_id": state.plan_id,
        "addon_products": dict(state.addons),
        "amount": to_major(state.amount, membership.currency),
        "initial_amount": to_major(state.initial_amount, membership.currency),
        "duration": state.period.count,
        "duration_unit": state.period.unit,
        "recurring": state.recurring,
        "status": _status(target, membership.status).value,
        "date_expiration": _expiration(target, membership.date_expiration),
        **_renewed(target, timezone),
    }


def has_products(target: Mapping[str, Any], membership: Membership) -> bool:
    """Whether plan and add-ons are what the change is to make them."""
    return (membership.plan_id, _counted(membership.addons)) == (
        target["plan_id"],
        target["addons"],
    )


def stands_as_quoted(target: Mapping[str, Any], membership: Membership) -> bool:
    """Whether plan and add-ons are still those that the price was made for.

    True when nobody kept them: the operator's retry drops them.
    """
    basis = target.get("basis")
    return basis is None or (membership.plan_id, _counted(membership.addons)) == (
        basis["plan_id"],
        basis["addons"],
    )


def _counted(addons: Mapping[int, int]) -> dict[str, int]:
    return {str(product): count for product, count in addons.items()}


def _status(target: Mapping[str, Any], current: MembershipStatus) -> MembershipStatus:
    """Paid means active. Unpaid, it stays, unless it only waited for this change."""
    if target["paid"] or current in _TERM_IS_OVER:
        return MembershipStatus.ACTIVE
    return current


def _renewed(target: Mapping[str, Any], timezone: str) -> dict[str, datetime]:
    renewed = target.get("date_renewed")
    if renewed is None:
        return {}
    return {"date_renewed": wall_clock(datetime.fromisoformat(renewed), timezone)}


def _expiration(target: Mapping[str, Any], current: datetime | None) -> datetime | None:
    if "date_expiration" not in target:
        return current
    fixed = target["date_expiration"]
    return None if fixed is None else datetime.fromisoformat(fixed)
