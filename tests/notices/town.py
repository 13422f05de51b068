"""A network in the store with two customers, for tests of what they are told."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Engine
from sqlmodel import Session

from bridge.domain.notices import NoticeKind
from bridge.messaging import WORDING
from bridge.notices.desk import Desk
from bridge.notices.post import PostOffice
from bridge.notices.sender import NoticeSender
from bridge.store.brands import set_brand
from bridge.store.changes import ChangeRepository
from bridge.store.limits import EFFECTIVE, LimitsOwner, save_limits
from bridge.store.notices import NoticeRepository
from bridge.store.people import Contact, customer_contact
from bridge.store.seals import Seal
from bridge.store.tables import (
    Change,
    ChangeState,
    CustomerRecord,
    DomainRecord,
    MembershipRecord,
    Network,
    Notice,
    ProductRecord,
    SiteRecord,
)
from tests.conftest import NOW

ACCOUNT = "https://plans.example.com/account"
ZOE, BOB = 11, 12
"""Customers; Zoé reads French and has membership 1, Bob reads English and has 2."""


@dataclass
class Clock:
    """Stands still until it is moved."""

    now: datetime = NOW

    def __call__(self) -> datetime:
        return self.now

    def pass_(self, **span: float) -> None:
        self.now += timedelta(**span)


def limits(posts: int, *, domains: int = 10, sites: int = 5) -> dict[str, Any]:
    """Effective limits of a site."""
    return {
        "post_types": {"enabled": True, "limit": {"post": {"enabled": True, "number": posts}}},
        "domain_mapping": {"enabled": True, "limit": domains},
        "sites": {"enabled": True, "limit": sites},
    }


@dataclass
class Town:
    """Everything of one test."""

    engine: Engine
    clock: Clock = field(default_factory=Clock)
    seal: Seal = field(default_factory=lambda: Seal([Seal.new_key()]))
    network_id: int = 0

    def __post_init__(self) -> None:
        with Session(self.engine) as session:
            network = Network(
                name="main",
                url="https://network.example.com",
                sealed_credentials="",
                created_at=NOW,
            )
            session.add(network)
            session.flush()
            self.network_id = network.key
            session.add_all(self._rows())
            set_brand(
                session,
                network,
                name="Atelier Web",
                colour="#0a7d5a",
                support_email="aide@atelier.example",
            )
            session.commit()

    def _rows(self) -> list[Any]:
        common: dict[str, Any] = {
            "network_id": self.network_id,
            "fingerprint": "x",
            "synced_at": NOW,
        }
        product: dict[str, Any] = {**common, "type": "plan", "currency": "EUR", "amount": 4900}
        membership: dict[str, Any] = {
            **common,
            "currency": "EUR",
            "amount": 4900,
            "status": "active",
            "auto_renew": True,
        }
        people = [
            (1, ZOE, "zoe@example.com", "fr_FR", "Zoé Müller"),
            (2, BOB, "bob@example.com", "en_US", "Bob"),
        ]
        rows: list[Any] = [
            ProductRecord(id=1, slug="basic", name="Basic", **product),
            ProductRecord(id=2, slug="business", name="Business", **product),
        ]
        for key, customer, email, locale, name in people:
            rows += [
                CustomerRecord(
                    id=customer, email=email, locale=locale, display_name=name, **common
                ),
                MembershipRecord(
                    id=key,
                    customer_id=customer,
                    plan_id=2,
                    date_expiration=NOW + timedelta(days=30),
                    **membership,
                ),
                SiteRecord(
                    id=10 * key,
                    domain=f"site{key}.example.com",
                    path="/",
                    title=f"Site {key}",
                    type="customer_owned",
                    customer_id=customer,
                    membership_id=key,
                    **common,
                ),
            ]
        return rows

    def session(self) -> Session:
        return Session(self.engine, expire_on_commit=False)

    def switch(self, *kinds: NoticeKind, is_on: bool = True) -> None:
        """Switch kinds on or off now; all that can be, unless given."""
        chosen = kinds or tuple(kind for kind in NoticeKind if kind.switchable)
        with self.session() as session:
            for kind in chosen:
                NoticeRepository(session).switch(
                    self.network_id, kind, is_on=is_on, now=self.clock()
                )
            session.commit()

    def note(self, kind: NoticeKind, subject: str, **values: Any) -> bool:
        with self.session() as session:
            noted = NoticeRepository(session).note(
                self.network_id, kind, subject, now=self.clock(), **values
            )
            session.commit()
        return noted

    def notices(self) -> list[Notice]:
        """Oldest first."""
        with self.session() as session:
            return [*reversed(NoticeRepository(session).list(limit=1000))]

    def desk(self, **options: Any) -> Desk:
        given: dict[str, Any] = {
            "wording": WORDING,
            "contacts": customer_contact,
            "seal": self.seal,
            "address": "no-reply@atelier.example",
            "account_url": lambda network: f"{ACCOUNT}/{network}/",
            **options,
        }
        return Desk(**given)

    def sender(self, office: PostOffice | None, **options: Any) -> NoticeSender:
        return NoticeSender(
            self.engine, office=office, desk=self.desk(), clock=self.clock, **options
        )

    def change(self, state: ChangeState = ChangeState.PROVING, *, membership: int = 1) -> str:
        """A change of a membership in a state."""
        with self.session() as session:
            change = Change(
                id=f"chg_{membership}_{len(self.changes())}",
                network_id=self.network_id,
                membership_id=membership,
                kind="upgrade",
                state=state,
                is_open=state.is_open,
                currency="EUR",
                amount_due=4900,
                attempts=1,
                created_at=self.clock(),
                effective_at=self.clock(),
                updated_at=self.clock(),
            )
            ChangeRepository(session).add(change)
            session.commit()
            return change.id

    def changes(self) -> list[Change]:
        with self.session() as session:
            return ChangeRepository(session).list()

    def move(self, change_id: str, to: ChangeState, **values: Any) -> bool:
        """Move a change on, in a commit."""
        with self.session() as session:
            moved = ChangeRepository(session).move(
                change_id, to=to, came_from=tuple(ChangeState), now=self.clock(), **values
            )
            session.commit()
        return moved

    def prove(self, membership: int = 1) -> str:
        """A change that ends proven, its site read back."""
        change_id = self.change(membership=membership)
        with self.session() as session:
            changes = ChangeRepository(session)
            step = changes.begin_step(change_id, "proof", now=self.clock())
            site = {
                "title": f"Site {membership}",
                "before": limits(100),
                "after": limits(1000),
                "differences": [],
                "overrides": [],
            }
            changes.end_step(
                step,
                state="done",
                detail={"sites": {str(10 * membership): site}},
                now=self.clock(),
            )
            changes.move(
                change_id,
                to=ChangeState.PROVEN,
                came_from=(ChangeState.PROVING,),
                now=self.clock(),
                proven_at=self.clock(),
            )
            session.commit()
        return change_id

    def show_limits(self, site: int, shown: dict[str, Any]) -> None:
        """What the network shows as in force on a site."""
        with self.session() as session:
            save_limits(
                session,
                self.network_id,
                {LimitsOwner("site", site): shown},
                kind=EFFECTIVE,
                source="read",
                now=self.clock(),
            )
            session.commit()

    def add_domains(self, site: int, *names: str) -> None:
        with self.session() as session:
            for name in names:
                session.add(
                    DomainRecord(
                        network_id=self.network_id,
                        id=abs(hash(name)) % 10**9,
                        blog_id=site,
                        domain=name,
                        stage="done",
                        fingerprint="x",
                        synced_at=NOW,
                    )
                )
            session.commit()

    def alter(self, membership: int, **values: Any) -> None:
        """Set columns of a membership in the mirror."""
        with self.session() as session:
            row = session.get_one(MembershipRecord, (self.network_id, membership))
            for name, value in values.items():
                setattr(row, name, value)
            session.add(row)
            session.commit()

    def forget_address(self, customer: int) -> None:
        with self.session() as session:
            row = session.get_one(CustomerRecord, (self.network_id, customer))
            row.email = ""
            session.add(row)
            session.commit()


def nobody(_session: Session, _network: int, _customer: int) -> Contact:
    """Nobody can be reached."""
    return Contact()
