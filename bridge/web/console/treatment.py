"""How a network is to be treated: pace, night and the ladder of unpaid renewals."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter
from fastapi.responses import Response

from bridge.store.options import NetworkOptions, save_options
from bridge.web.console.frame import done
from bridge.web.console.sessions import SIGNED_IN, AnActor
from bridge.web.pages.forms import OwnForm
from bridge.web.service import ASession, TheNetwork

router = APIRouter(prefix="/console/networks/{network}", dependencies=SIGNED_IN)


@router.post("/options")
def set_options(network: TheNetwork, who: AnActor, form: OwnForm, session: ASession) -> Response:
    """Set them all; what is left empty is left to the installation."""
    given: dict[str, Any] = {
        name: text
        for name in NetworkOptions.__dataclass_fields__
        if (text := str(form.get(name, "")).strip())
    }
    options = NetworkOptions.from_json(given)
    before = dict(network.options)
    save_options(session, network, options)
    who.audit(
        session,
        "network.options",
        network=network.name,
        detail={"before": before, "after": options.as_json()},
    )
    session.commit()
    return done(f"/console/networks/{network.name}", "saved")
