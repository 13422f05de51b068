"""A story of every kind, to see how the mails look before customers do."""

from __future__ import annotations

from datetime import datetime, timedelta

from bridge.domain.limit_modules import Special
from bridge.domain.notices import NoticeKind
from bridge.domain.periods import Period
from bridge.notices.stories import (
    ChangeDone,
    FullLimit,
    LimitBeside,
    LimitsFull,
    PaymentFailed,
    RenewalAhead,
    SignIn,
    SiteBeside,
    Story,
)


def sample(kind: NoticeKind, *, currency: str, account_url: str, now: datetime) -> Story:
    """An invented story of this kind; amounts in the network's currency."""
    match kind:
        case NoticeKind.CHANGE_DONE:
            return ChangeDone(
                plan="Business",
                addons=("Backup",),
                amount=4900,
                currency=currency,
                period=Period(1, "month"),
                recurring=True,
                next_billing=now + timedelta(days=30),
                proven=True,
                sites=(
                    SiteBeside(
                        "Blog",
                        "blog.example.com",
                        (
                            LimitBeside("post_types", "post", 100, 1000),
                            LimitBeside("disk_space", "", 500, 10240),
                            LimitBeside("domain_mapping", "", 0, 3),
                            LimitBeside("visits", "", 10000, Special.UNLIMITED),
                            LimitBeside("users", "editor", 5, 5),
                        ),
                    ),
                ),
            )
        case NoticeKind.PAYMENT_FAILED:
            return PaymentFailed(
                plan="Business",
                amount=4900,
                currency=currency,
                due_since=now,
                held_at=now + timedelta(days=3),
                expires_at=now + timedelta(days=17),
            )
        case NoticeKind.LIMIT:
            return LimitsFull(
                (
                    FullLimit("Blog", "post_types", "post", 85, 100),
                    FullLimit("Blog", "users", "editor", 5, 5),
                )
            )
        case NoticeKind.RENEWAL_AHEAD:
            return RenewalAhead(
                plan="Business",
                amount=4900,
                currency=currency,
                due_at=now + timedelta(days=7),
                automatic=True,
            )
        case NoticeKind.SIGN_IN:
            return SignIn(account_url or "https://example.com/", 15)
