"""Every table. Importing this package fills ``SQLModel.metadata``."""

from bridge.store.tables.access import (
    AuditEntry,
    NetworkBrand,
    Operator,
    Role,
    UsedLink,
    WebSession,
)
from bridge.store.tables.adoptions import (
    AdoptionRecord,
    AdoptionState,
    AdoptionStep,
    PluginEndpoint,
)
from bridge.store.tables.billing import Billing, EventPass, StripePaymentId, StripeSeen
from bridge.store.tables.cancellations import Cancellation
from bridge.store.tables.changes import Change, ChangeState, ChangeStep, StoredQuote
from bridge.store.tables.collections import CollectionRecord, CollectionState, StripeCustomer
from bridge.store.tables.drift import DriftFinding, DriftPolicy, DriftScan, DriftState
from bridge.store.tables.due import DueProduct
from bridge.store.tables.events import EventState, WebhookEvent
from bridge.store.tables.ledger import LedgerEntry
from bridge.store.tables.messages import (
    DeliveryState,
    HookDelivery,
    HookEndpoint,
    LimitMark,
    Notice,
    NoticeProfile,
    NoticeState,
    NoticeSwitch,
    OutgoingEvent,
    SiteUse,
)
from bridge.store.tables.mirror import (
    CustomerRecord,
    DiscountCodeRecord,
    DomainRecord,
    LimitsRecord,
    MembershipRecord,
    PaymentRecord,
    PriceVariationRecord,
    ProductRecord,
    SeenPriceRecord,
    SiteRecord,
    SyncPass,
)
from bridge.store.tables.networks import Network
from bridge.store.tables.operations import Heartbeat, JobSchedule
from bridge.store.tables.tries import TryCount

__all__ = [
    "AdoptionRecord",
    "AdoptionState",
    "AdoptionStep",
    "AuditEntry",
    "Billing",
    "Cancellation",
    "Change",
    "ChangeState",
    "ChangeStep",
    "CollectionRecord",
    "CollectionState",
    "CustomerRecord",
    "DeliveryState",
    "DiscountCodeRecord",
    "DomainRecord",
    "DriftFinding",
    "DriftPolicy",
    "DriftScan",
    "DriftState",
    "DueProduct",
    "EventPass",
    "EventState",
    "Heartbeat",
    "HookDelivery",
    "HookEndpoint",
    "JobSchedule",
    "LedgerEntry",
    "LimitMark",
    "LimitsRecord",
    "MembershipRecord",
    "Network",
    "NetworkBrand",
    "Notice",
    "NoticeProfile",
    "NoticeState",
    "NoticeSwitch",
    "Operator",
    "OutgoingEvent",
    "PaymentRecord",
    "PluginEndpoint",
    "PriceVariationRecord",
    "ProductRecord",
    "Role",
    "SeenPriceRecord",
    "SiteRecord",
    "SiteUse",
    "StoredQuote",
    "StripeCustomer",
    "StripePaymentId",
    "StripeSeen",
    "SyncPass",
    "TryCount",
    "UsedLink",
    "WebSession",
    "WebhookEvent",
]
