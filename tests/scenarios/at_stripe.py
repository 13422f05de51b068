"""What a town has at Stripe: live subscriptions, what they bill, what left a card."""

from __future__ import annotations

from abc import ABC, abstractmethod
from datetime import UTC, datetime
from typing import Any

from bridge.sandbox.stripe_server import SandboxStripe
from bridge.store.tables import Network
from bridge.upgrades.collecting import Collecting


class AtStripe(ABC):
    """Asks the stand-in through Stripe's own package."""

    api: Any
    stripe: SandboxStripe
    collecting: Collecting

    @abstractmethod
    def network(self, name: str = "main") -> Network:
        """The network of that name."""

    def live(self, membership: int, name: str = "main") -> dict[str, Any]:
        """The one live subscription of a membership."""
        found = self.all_live(membership, name)
        assert len(found) == 1, [(row["id"], row["status"]) for row in found]
        return found[0]

    def all_live(self, membership: int, name: str = "main") -> list[dict[str, Any]]:
        rows = self.api.subscriptions.list({"status": "all", "limit": 100}).data
        wanted = {"planbridge_network": name, "planbridge_membership": str(membership)}
        return [
            row.to_dict()
            for row in rows
            if row.status not in ("canceled", "incomplete_expired", "incomplete")
            and wanted.items() <= row.to_dict()["metadata"].items()
        ]

    def bills(self, membership: int, name: str = "main") -> dict[str, int]:
        """What each cycle is billed: Stripe's product to the amount."""
        return {
            item["price"]["product"]: item["price"]["unit_amount"] * item["quantity"]
            for item in self.live(membership, name)["items"]["data"]
        }

    def next_bill(self, membership: int, name: str = "main") -> tuple[int, datetime]:
        """What Stripe bills next, and when."""
        live = self.live(membership, name)
        preview = self.api.invoices.create_preview({"subscription": live["id"]})
        ends = live["items"]["data"][0]["current_period_end"]
        return preview.total, datetime.fromtimestamp(ends, UTC)

    def charged(self) -> list[int]:
        """Every sum that left a card, oldest first."""
        rows = self.api.charges.list({"limit": 100}).data
        return [row.amount for row in reversed(rows) if row.status == "succeeded"]

    def change_card(self, membership: int, card: str, name: str = "main") -> None:
        """The card that a membership is billed to behaves like another one from now on."""
        situation = self.collecting.orders.situation(self.network(name), membership)
        assert situation.payment_method is not None
        self.stripe.change_card(situation.payment_method, card)
