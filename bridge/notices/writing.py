"""From a story to a letter in somebody's language. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from bridge.notices.letters import Bar, Bars, Block, Button, Facts, Letter, Paragraph, Table
from bridge.notices.speech import Speech
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


@dataclass(frozen=True, slots=True)
class Frame:
    """What every letter to a customer has: his name, whose network, where his account is."""

    name: str
    operator: str
    support: str
    account_url: str


def write(story: Story, speech: Speech[Any], frame: Frame) -> Letter:
    """The letter that tells a story."""
    match story:
        case ChangeDone():
            subject, heading, blocks = _change_done(story, speech)
        case PaymentFailed():
            subject, heading, blocks = _payment_failed(story, speech)
        case LimitsFull():
            subject, heading, blocks = _limits_full(story, speech)
        case RenewalAhead():
            subject, heading, blocks = _renewal_ahead(story, speech)
        case SignIn():
            subject, heading, blocks = _sign_in(story, speech, frame)
    _ = speech.gettext
    if frame.account_url and not isinstance(story, SignIn):
        blocks.append(Button(_("Open your account"), frame.account_url))
    return Letter(
        subject=" ".join(subject.split()),
        greeting=_("Hello %(name)s,", name=frame.name) if frame.name else _("Hello,"),
        heading=heading,
        blocks=tuple(blocks),
        footer=tuple(_footer(speech, frame)),
        pair=_("%(label)s: %(text)s", label="%(label)s", text="%(text)s"),
    )


_Parts = tuple[str, str, list[Block]]


def _change_done(story: ChangeDone, speech: Speech[Any]) -> _Parts:
    _ = speech.gettext
    heading = _("Your change is done")
    if story.addons:
        addons = speech.locale.listed(story.addons)
        now = _("Your plan is now %(plan)s, with %(addons)s.", plan=story.plan, addons=addons)
    else:
        now = _("Your plan is now %(plan)s.", plan=story.plan)
    facts = [
        (
            _("Price"),
            speech.price(story.amount, story.currency, story.period, recurring=story.recurring),
        )
    ]
    if story.next_billing is not None:
        facts.append((_("Next billing"), speech.locale.date(story.next_billing)))
    blocks: list[Block] = [Paragraph(now), Facts(tuple(facts))]
    if story.proven and story.sites:
        blocks.append(
            Paragraph(
                speech.ngettext(
                    "We have read your site back: its new limits are in force.",
                    "We have read all %(num)s of your sites back: their new limits are in force.",
                    len(story.sites),
                )
            )
        )
    elif not story.proven:
        blocks.append(
            Paragraph(
                _(
                    "Your membership is changed. Your sites do not let us read their limits "
                    "back: write to us if one of them has not followed."
                )
            )
        )
    blocks.extend(_site(one, speech) for one in story.sites if one.limits)
    return _("Your change is done: %(plan)s", plan=story.plan), heading, blocks


def _site(site: SiteBeside, speech: Speech[Any]) -> Table:
    _ = speech.gettext
    known = any(one.before is not None for one in site.limits)
    columns = (_("Limit"), _("Before"), _("Now")) if known else (_("Limit"), _("Now"))
    title = f"{site.title} ({site.address})" if site.title else site.address
    return Table(title, columns, tuple(_row(one, speech, known) for one in site.limits))


def _row(limit: LimitBeside, speech: Speech[Any], known: bool) -> tuple[str, ...]:
    label, now = speech.limit(limit.module, limit.item), speech.allowed(limit.module, limit.after)
    if not known:
        return label, now
    before = "–" if limit.before is None else speech.allowed(limit.module, limit.before)
    return label, before, now


def _payment_failed(story: PaymentFailed, speech: Speech[Any]) -> _Parts:
    _ = speech.gettext
    date = speech.locale.date
    if story.amount is None:
        failed = _("We could not collect the payment for your plan %(plan)s.", plan=story.plan)
    else:
        failed = _(
            "We could not collect %(amount)s for your plan %(plan)s.",
            amount=speech.locale.money(story.amount, story.currency),
            plan=story.plan,
        )
    follows = [(_("Due since"), date(story.due_since))]
    if story.held_at > story.due_since:
        follows.append((_("Everything stays as it is until"), date(story.held_at)))
    if story.expires_at > story.held_at:
        follows.append((_("On hold, if still unpaid, from"), date(story.held_at)))
    follows.append((_("Expired, if still unpaid, from"), date(story.expires_at)))
    blocks: list[Block] = [
        Paragraph(failed),
        Facts(tuple(follows)),
        Paragraph(
            _(
                "Please check your card. As soon as the payment goes through, all is as before; "
                "there is nothing else to do."
            )
        ),
    ]
    heading = _("Your payment did not go through")
    return heading, heading, blocks


def _limits_full(story: LimitsFull, speech: Speech[Any]) -> _Parts:
    _, count = speech.gettext, len(story.limits)
    if story.reached:
        heading = speech.ngettext(
            "You have reached a limit of your plan",
            "You have reached limits of your plan",
            count,
        )
    else:
        heading = speech.ngettext(
            "You are close to a limit of your plan",
            "You are close to limits of your plan",
            count,
        )
    blocks: list[Block] = [
        Bars(site or _("Your membership"), tuple(_bar(one, speech) for one in limits))
        for site, limits in groupby(story.limits, key=lambda one: one.site)
    ]
    blocks.append(
        Paragraph(
            _(
                "A bigger plan gives you more room. Your account shows what each plan allows and "
                "what it costs, to the cent, before you decide."
            )
        )
    )
    return heading, heading, blocks


def _bar(limit: FullLimit, speech: Speech[Any]) -> Bar:
    return Bar(
        label=speech.limit(limit.module, limit.item),
        words=speech.gettext(
            "%(used)s of %(allowed)s",
            used=speech.allowed(limit.module, limit.used),
            allowed=speech.allowed(limit.module, limit.allowed),
        ),
        percent=min(100, int(limit.used * 100 / limit.allowed)),
        full=limit.used >= limit.allowed,
    )


def _renewal_ahead(story: RenewalAhead, speech: Speech[Any]) -> _Parts:
    _ = speech.gettext
    values = {
        "plan": story.plan,
        "date": speech.locale.date(story.due_at),
        "amount": speech.locale.money(story.amount, story.currency),
    }
    if story.automatic:
        subject = _("Your plan renews on %(date)s", date=values["date"])
        told = _("Your plan %(plan)s renews on %(date)s; %(amount)s is collected then.", **values)
    else:
        subject = _("Your plan is paid until %(date)s", date=values["date"])
        told = _(
            "Your plan %(plan)s is paid until %(date)s; %(amount)s is due then to go on.", **values
        )
    blocks: list[Block] = [Paragraph(told)]
    if story.new_plan:
        blocks.append(
            Paragraph(
                _("From then on your plan is %(plan)s, as you have asked.", plan=story.new_plan)
            )
        )
    blocks.append(
        Paragraph(
            _("Until then you can change your plan or your card, or cancel, in your account.")
        )
    )
    return subject, subject, blocks


def _sign_in(story: SignIn, speech: Speech[Any], frame: Frame) -> _Parts:
    _ = speech.gettext
    blocks: list[Block] = [
        Paragraph(
            speech.ngettext(
                "This link opens your account. It works once, within %(num)s minute.",
                "This link opens your account. It works once, within %(num)s minutes.",
                story.minutes,
            )
        ),
        Button(_("Sign in"), story.url),
        Paragraph(_("If you have not asked for it, do nothing: without this link nobody gets in.")),
    ]
    subject = _("Your sign-in link for %(operator)s", operator=frame.operator)
    return subject, _("Sign in to your account"), blocks


def _footer(speech: Speech[Any], frame: Frame) -> Iterator[str]:
    _ = speech.gettext
    yield _(
        "You get this mail because you are a customer of %(operator)s.", operator=frame.operator
    )
    if frame.support:
        yield _("Questions? Write to %(address)s.", address=frame.support)
