"""Who is looking at an account page. A session belongs to one customer of one network."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated
from urllib.parse import urlencode

from fastapi import Depends, Path, Request, Response
from sqlmodel import Session

from bridge.errors import InvalidInput, UnknownMembership
from bridge.store.access import AccessRepository
from bridge.store.networks import NetworkRepository
from bridge.store.readers import membership_record
from bridge.store.tables import MembershipRecord, Network, WebSession
from bridge.web.pages.forms import SESSION_COOKIES
from bridge.web.pages.languages import Language, asked_for
from bridge.web.pages.setup import PageSetup, TheSetup
from bridge.web.service import ASession, Service, TheService

COOKIE = SESSION_COOKIES[0]


class SignInNeeded(InvalidInput):
    """You are not signed in, or not any more."""

    status = 401

    def __init__(self, *, sign_in: str) -> None:
        super().__init__(sign_in=sign_in)
        self.sign_in = sign_in


@dataclass(frozen=True, slots=True)
class Visitor:
    """A customer who is signed in, on one network, in one language."""

    network: Network
    customer_id: int
    language: Language
    token: str

    @property
    def home(self) -> str:
        """The path of the account, without a slash at the end."""
        return account_path(self.network.name)

    @property
    def actor(self) -> str:
        """Who he is in the audit."""
        return f"customer {self.customer_id}"


def account_path(network: str) -> str:
    """The path of a network's account pages."""
    return f"/account/{network}"


def sign_in(
    request: Request,
    response: Response,
    session: Session,
    service: Service,
    *,
    setup: PageSetup,
    network: Network,
    customer_id: int,
    language: str = "",
) -> None:
    """Open a session under a new token and give its cookie; an older one of his ends."""
    access = AccessRepository(session)
    access.close(request.cookies.get(COOKIE, ""))
    token = access.open(
        now=service.clock(),
        lifetime=setup.session_lifetime,
        network_id=network.key,
        customer_id=customer_id,
        language=language,
    )
    session.commit()
    response.set_cookie(
        COOKIE,
        token,
        path=account_path(network.name),
        max_age=int(setup.session_lifetime.total_seconds()),
        httponly=True,
        samesite="lax",  # so that the way back from Stripe's page finds it
        secure=setup.secure(request),
    )


def sign_out(response: Response, session: Session, visitor: Visitor) -> None:
    """End the session and take the cookie away."""
    AccessRepository(session).close(visitor.token)
    session.commit()
    response.delete_cookie(COOKIE, path=visitor.home)


def of_request(
    request: Request, session: Session, service: Service, network: Network
) -> WebSession | None:
    """The session of a customer of the network that the request comes with, if any."""
    token = request.cookies.get(COOKIE, "")
    found = AccessRepository(session).find(token, now=service.clock()) if token else None
    if found is None or found.network_id != network.key or found.customer_id is None:
        return None
    return found


def the_visitor(network: str, request: Request, session: ASession, service: TheService) -> Visitor:
    """The customer who is signed in to the network of the path.

    Raises:
        UnknownNetwork: there is none of that name.
        SignInNeeded: nobody is, or it has been too long.
    """
    known = NetworkRepository(session, service.seal).get(network)
    found = of_request(request, session, service, known)
    if found is None or found.customer_id is None:
        path = request.url.path if request.method == "GET" else account_path(network)
        back = path.removeprefix(account_path(network)).lstrip("/")
        query = f"?{urlencode({'to': back})}" if back else ""
        raise SignInNeeded(sign_in=f"{account_path(network)}/sign-in{query}")
    if session.dirty:
        session.commit()
    language = asked_for(request, found.language)
    request.state.language = language.code  # for the page of an error, too
    return Visitor(known, found.customer_id, language, request.cookies[COOKIE])


TheVisitor = Annotated[Visitor, Depends(the_visitor)]


MembershipId = Annotated[int, Path(ge=1, lt=2**53)]


def own_membership(
    membership_id: MembershipId, visitor: TheVisitor, session: ASession
) -> MembershipRecord:
    """The visitor's membership of the path; somebody else's does not exist for him.

    Raises:
        UnknownMembership: there is none, or it is not his.
    """
    record = membership_record(session, visitor.network.key, membership_id)
    if record.customer_id != visitor.customer_id:
        raise UnknownMembership(network=visitor.network.name, membership=membership_id)
    return record


OwnMembership = Annotated[MembershipRecord, Depends(own_membership)]

__all__ = [
    "COOKIE",
    "OwnMembership",
    "SignInNeeded",
    "TheSetup",
    "TheVisitor",
    "Visitor",
    "account_path",
    "of_request",
    "sign_in",
    "sign_out",
]
