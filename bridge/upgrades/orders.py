"""What is needed before Stripe is asked: the account, what it has, and the order itself."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Engine
from sqlmodel import Session

from bridge.domain.memberships import Membership
from bridge.domain.quotes import Quote
from bridge.payments.client import StripeAccount
from bridge.payments.collection import Collection, plan_collection
from bridge.payments.customers import known_customer, make_customer
from bridge.payments.faults import StripeKeyMissing
from bridge.payments.metadata import reference_for
from bridge.payments.order import Order
from bridge.payments.situation import Billed, Situation, read_situation
from bridge.store.collections import CollectionRepository
from bridge.store.readers import load_catalogue, load_membership
from bridge.store.tables import Change, CollectionRecord, CustomerRecord, Network
from bridge.upgrades.quoting import Choice, price


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """How a choice would be collected; ``collection`` None where it is not possible."""

    account: StripeAccount
    quote: Quote
    collection: Collection | None
    order: Order


class Orders:
    """Makes the orders of networks from the store and from what Stripe has.

    ``account_for`` gives the Stripe account of a network, None where it has no key.
    """

    def __init__(
        self,
        store: Engine,
        *,
        account_for: Callable[[Network], StripeAccount | None],
        clock: Callable[[], datetime],
    ) -> None:
        self._store = store
        self._account_for = account_for
        self._clock = clock

    def account(self, network: Network) -> StripeAccount:
        """The account that collects for a network.

        Raises:
            StripeKeyMissing: it has none.
        """
        account = self._account_for(network)
        if account is None:
            raise StripeKeyMissing(network=network.name)
        return account

    def situation(self, network: Network, membership_id: int) -> Situation:
        """What Stripe has for a membership.

        Raises:
            StripeKeyMissing: the network has no key.
            BilledElsewhere: somebody else's subscription bills it.
            StripeFault: Stripe cannot be asked.
        """
        account = self.account(network)
        membership, candidates = self._candidates(network, membership_id)
        return read_situation(
            account,
            known_customer(account, candidates),
            Billed(
                network.name,
                membership_id,
                gateway=membership.gateway,
                subscription=membership.gateway_subscription_id,
            ),
        )

    def customer(self, network: Network, membership_id: int) -> str | None:
        """The customer at Stripe who pays for a membership; None while there is none.

        Raises:
            StripeKeyMissing: the network has no key.
            StripeFault: Stripe cannot be asked.
        """
        _, candidates = self._candidates(network, membership_id)
        return known_customer(self.account(network), candidates)

    def _candidates(self, network: Network, membership_id: int) -> tuple[Membership, list[str]]:
        with self._session() as session:
            membership = load_membership(session, network.key, membership_id)
            made = CollectionRepository(session).customer(network.key, membership.customer_id)
        candidates = [made.stripe_id] if made else []
        if membership.gateway_customer_id.startswith("cus_"):
            candidates.append(membership.gateway_customer_id)
        return membership, candidates

    def order(
        self,
        network: Network,
        change: Change,
        record: CollectionRecord,
        situation: Situation,
        *,
        expires_at: datetime | None = None,
    ) -> Order:
        """The order of a change; makes the customer at Stripe where there is none yet.

        Raises:
            StripeFault: Stripe refused.
        """
        with self._session() as session:
            names = _names(session, network)
        return Order(
            change_id=change.id,
            reference=reference_for(
                network=network.name,
                membership_id=change.membership_id,
                quote_id=change.quote_id or "",
                change_id=change.id,
            ),
            customer=situation.customer or self._new_customer(network, change.membership_id),
            asked_at=record.created_at,
            expires_at=expires_at or record.created_at,
            success_url=record.success_url or network.url,
            cancel_url=record.cancel_url or network.url,
            payment_method=situation.payment_method,
            subscription=situation.subscription,
            names=names,
        )

    def rehearse(self, network: Network, membership_id: int, choice: Choice) -> Rehearsal:
        """Decide how a choice would be collected; nothing is kept or asked for.

        Raises:
            UnknownMembership, UnknownProduct: the mirror has none of that id.
            StripeKeyMissing: the network has no key.
            StripeFault: Stripe cannot be asked.
        """
        now = self._clock()
        with self._session() as session:
            quote = price(session, network, membership_id, choice, now=now).quote
            names = _names(session, network)
        situation = self.situation(network, membership_id)
        collection = None
        if quote.possible and quote.target is not None:
            collection = plan_collection(quote, situation, membership=membership_id)
        order = Order(
            change_id="rehearsal",
            reference=reference_for(network=network.name, membership_id=membership_id, quote_id=""),
            customer=situation.customer or "",
            asked_at=now,
            expires_at=now,
            success_url=network.url,
            cancel_url=network.url,
            payment_method=situation.payment_method,
            subscription=situation.subscription,
            names=names,
        )
        return Rehearsal(self.account(network), quote, collection, order)

    def _new_customer(self, network: Network, membership_id: int) -> str:
        with self._session() as session:
            membership = load_membership(session, network.key, membership_id)
            person = session.get(CustomerRecord, (network.key, membership.customer_id))
            gone = CollectionRepository(session).customer(network.key, membership.customer_id)
        account = self.account(network)
        # Somebody else may have made him since we looked.
        known = known_customer(account, [gone.stripe_id]) if gone else None
        if known is not None:
            return known
        made = make_customer(
            account,
            membership.customer_id,
            email=(person.billing_email or person.email) if person else "",
            instead_of=gone.stripe_id if gone else "",
        )
        with self._session() as session:
            CollectionRepository(session).keep_customer(
                network.key, membership.customer_id, made, now=self._clock()
            )
            session.commit()
        return made

    def _session(self) -> Session:
        """A session of its own; never held open over a request to Stripe."""
        return Session(self._store, expire_on_commit=False)


def _names(session: Session, network: Network) -> dict[int, str]:
    products = load_catalogue(session, network.key).products.values()
    return {product.id: product.name for product in products}
