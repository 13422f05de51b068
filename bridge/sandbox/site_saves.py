"""What saving a site does: follow the membership's customer, re-apply the owner's role."""

from __future__ import annotations

from bridge.sandbox.draft import Draft
from bridge.sandbox.forms import Json
from bridge.sandbox.network_state import NetworkState, Row
from bridge.sandbox.wire import Refused, error_answer

FLAGS = frozenset({"public", "archived", "mature", "spam", "deleted"})
DEFAULT_ROLE = "administrator"


def before_save(draft: Draft) -> None:
    """Site rows take their customer from the membership; core refuses a taken path.

    Raises:
        Refused: ``blog_taken``.
    """
    state = draft.state
    if draft.get("domain") in ("", None, state.host):
        draft.put("domain", state.domain)
    if draft.before is None:
        _refuse_taken(draft)
        return
    if FLAGS & draft.changes.keys():
        draft.shown["last_updated"] = draft.before["last_updated"]
        draft.put("last_updated", state.now())
    membership = state.row("membership", draft.get("membership_id") or 0)
    customer_id = membership["customer_id"] if membership else draft.get("customer_id")
    if customer_id is not None:
        draft.put("customer_id", customer_id)
    if "membership_id" not in draft.changes:
        owner = draft.before["membership_id"]
        draft.shown["membership_id"] = str(owner) if owner else None


def after_save(draft: Draft, blog_id: int) -> None:
    """Count the save and give the owner the role of the membership's limits."""
    state = draft.state
    state.record("site_saved", "site", blog_id)
    site = state.row("site", blog_id)
    assert site is not None
    customer = state.row("customer", site["customer_id"] or 0)
    if customer is None:
        return
    role = owner_role(state, state.row("membership", site["membership_id"] or 0))
    if role != DEFAULT_ROLE or draft.before is None:
        # An owner who is a member already keeps his role when he would become administrator.
        state.record("role_applied", "site", blog_id, role=role, user_id=customer["user_id"])


def owner_role(state: NetworkState, membership: Row | None) -> str:
    """The role that the limits give the owner; ``default`` is the network's own."""
    default = str(state.settings.get("default_role", DEFAULT_ROLE))
    if membership is None:
        return default
    limits: Json = state.membership_limits(membership)
    role = (limits.get("customer_user_role") or {}).get("limit") or "default"
    return default if role == "default" else str(role)


def _refuse_taken(draft: Draft) -> None:
    place = (draft.get("domain"), draft.get("path"))
    if any((row["domain"], row["path"]) == place for row in draft.state.rows("site")):
        raise Refused(error_answer("blog_taken", "Sorry, that site already exists!", status=500))
