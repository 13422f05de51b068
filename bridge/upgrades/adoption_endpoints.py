"""Letting the plugin hear of Stripe's events, or not.

Its endpoint is the whole network's: switched off, it misses renewals of memberships that
are not taken over, and new sign-ups. So that is a step of its own, and the way back undoes
it first.
"""

from __future__ import annotations

from bridge.domain.adoption import Endpoint
from bridge.domain.gateway_effects import WITHOUT_SUBSCRIPTIONS
from bridge.errors import Conflict
from bridge.store.tables import AdoptionState
from bridge.upgrades.adoption_ground import Ground, once_for_try


class EndpointNeeded(Conflict):
    """The plugin's webhook endpoint stays enabled: it bills {count} memberships ({which})."""

    hint = "They would not be renewed any more. Take them over first, or end them."


def disable_endpoints(ground: Ground) -> list[Endpoint]:
    """Disable what the plugin listens at, and return what was disabled.

    They are disabled, not deleted: saving its settings lets the plugin make them anew.

    Raises:
        EndpointNeeded: the plugin still bills memberships that are not taken over.
        StripeFault: Stripe cannot be asked; repeat it then.
    """
    _refuse_while_needed(ground)
    found = [each for each in ground.stripe.endpoints(ground.network.url) if each.enabled]
    for each in found:
        now = ground.clock()
        with ground.adoptions() as adoptions:
            adoptions.note_endpoint(each.id, each.url, disabled_at=now, enabled_at=None)
        ground.stripe.switch(each.id, enabled=False, once=once_for_try(each.id, "off", now))
    return found


def enable_endpoints(ground: Ground) -> None:
    """Enable again what planbridge disabled; what was deleted since is left out.

    Raises:
        StripeFault: Stripe cannot be asked; repeat it then.
    """
    with ground.adoptions() as adoptions:
        disabled = adoptions.disabled_endpoints()
    if not disabled:
        return
    there = {each.id for each in ground.stripe.endpoints(ground.network.url)}
    for each in disabled:
        now = ground.clock()
        if each.endpoint_id in there:
            once = once_for_try(each.endpoint_id, "on", now)
            ground.stripe.switch(each.endpoint_id, enabled=True, once=once)
        with ground.adoptions() as adoptions:
            adoptions.note_endpoint(
                each.endpoint_id, each.url, disabled_at=each.disabled_at, enabled_at=now
            )


def _refuse_while_needed(ground: Ground) -> None:
    with ground.adoptions() as adoptions:
        adopted = {each.membership_id for each in adoptions.every((AdoptionState.ADOPTED,))}
        left = [one for one in adoptions.candidates(WITHOUT_SUBSCRIPTIONS) if one not in adopted]
    seen = ground.look()
    needing = [one for one in left if ground.decide(one, seen)[1].needs_endpoint]
    if needing:
        which = ", ".join(map(str, needing[:10])) + (" …" if len(needing) > 10 else "")
        raise EndpointNeeded(count=len(needing), which=which)
