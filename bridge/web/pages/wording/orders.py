"""Orders in words: lines, why a choice is not possible, how every amount came about."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from decimal import Decimal, InvalidOperation

from bridge.domain.periods import Period
from bridge.domain.quotes import Explanation, LineItem, LineType, Quote, QuoteError
from bridge.errors import InvalidPeriod
from bridge.web.pages.languages import Language
from bridge.web.pages.wording.limits import counted_words, item_label
from bridge.web.pages.wording.prices import period_words

Inputs = Mapping[str, str | int]


def line_words(language: Language, line: LineItem, names: Mapping[int, str]) -> str:
    """What a line of the order is for; ``names`` are those of the products."""
    _ = language.gettext
    name = names.get(line.product_id or 0, "")
    if line.type is LineType.FEE and name:
        if line.unit_price < 0:
            return _("Sign-up credit for %(name)s", name=name)
        return _("Set-up fee for %(name)s", name=name)
    if line.type is LineType.CREDIT:
        return _credits(language).get(line.title, line.title)
    title = name or line.title
    if line.quantity > 1:
        return f"{language.number(line.quantity)} × {title}"
    return title


def error_words(language: Language, error: QuoteError, currency: str) -> str:
    """Why a choice is not possible, and what to do; an unknown reason in its own words."""
    inputs = error.inputs
    if error.code.startswith("overlimits"):
        return _over_limits(language, inputs) or error.message
    known = _errors(language, _localised(language, inputs, currency))
    key = error.code
    if key == "no_changes" and "period" in inputs:
        key = "agreement"
    if key == "missing-price-variations" and not {"name", "period"} <= inputs.keys():
        key = "no-price"
    sentence = known.get(key)
    return error.message if sentence is None else sentence


def step_words(
    language: Language, step: Explanation, quote: Quote, names: Mapping[int, str]
) -> str:
    """One step of the sum in a sentence; a rule without words here in its own ones."""
    template = _steps(language).get(step.rule)
    if template is None:
        return step.text
    titles = {line.title: line_words(language, _single(line), names) for line in quote.lines}
    inputs = dict(_localised(language, step.inputs, quote.currency))
    if "title" in inputs:
        inputs["title"] = titles.get(inputs["title"], inputs["title"])
    try:
        return template % inputs
    except (KeyError, ValueError):
        return step.text


def _single(line: LineItem) -> LineItem:
    """The line without its quantity, which the step names itself."""
    return line if line.quantity == 1 else replace(line, quantity=1)


def _localised(language: Language, inputs: Inputs, currency: str) -> dict[str, str]:
    """The inputs of a sentence as the language writes them."""
    written: dict[str, Callable[[str | int], str]] = {
        "period": lambda value: _period(language, str(value)),
        "days": lambda value: _number(language, value),
        "cycle": lambda value: _number(language, value),
        "quantity": lambda value: _number(language, value),
        "bound": lambda value: language.money(int(value), currency),
        "unit_price": lambda value: language.money(int(value), currency),
        "rate": lambda value: _rate(language, str(value)),
    }
    return {name: written.get(name, str)(value) for name, value in inputs.items()}


def _period(language: Language, key: str) -> str:
    try:
        return period_words(language, Period.parse(key))
    except InvalidPeriod:
        return key


def _number(language: Language, value: str | int) -> str:
    try:
        return language.number(float(Decimal(str(value))))
    except InvalidOperation:
        return str(value)


def _rate(language: Language, value: str) -> str:
    """``20 %`` or a bare number, with the language's decimal sign."""
    number, _, sign = value.partition(" ")
    return f"{_number(language, number)} {sign}".strip()


def _over_limits(language: Language, inputs: Inputs) -> str:
    """The plugin's own refusal of a plan that is too small."""
    _ = language.gettext
    if not {"used", "allowed"} <= inputs.keys():
        return ""
    used, allowed = int(inputs["used"]), int(inputs["allowed"])
    item = str(inputs.get("item", ""))
    module = "post_types" if item else "domain_mapping"
    if allowed == 0:
        return _("This plan has no custom domains: remove yours before you change.")
    return _(
        "%(what)s: %(used)s used, %(allowed)s allowed by this plan. Delete %(excess)s first.",
        what=item_label(language, module, item),
        used=language.number(used),
        allowed=language.number(allowed),
        excess=counted_words(language, module, used - allowed, item),
    )


def _credits(language: Language) -> dict[str, str]:
    """Lines that take something off, by the rules' own titles."""
    _ = language.gettext
    return {
        "Credit": _("Credit for what you have paid and not used"),
        "Credit for the unused time": _("Credit for the unused time"),
        "Credit from earlier changes": _("Credit from earlier changes"),
        "Setup fee already paid": _("Set-up fee already paid"),
        "Part of the term that is over": _("Part of the term that is over"),
        "Free trial": _("Free trial"),
        "Due when the change takes effect": _("Due when the change takes effect"),
        "Scheduled Swap Credit": _("Due when the change takes effect"),
    }


def _errors(language: Language, inputs: Mapping[str, str]) -> dict[str, str]:
    _ = language.gettext
    given = {"name": "", "period": "", "bound": "", **inputs}
    name, period, bound = given["name"], given["period"], given["bound"]
    return {
        "no_changes": _("This changes nothing: it is what you have already."),
        "agreement": _(
            "You have an agreement that is billed %(period)s; a dearer plan with a shorter "
            "period can be chosen when it ends.",
            period=period,
        ),
        "missing-product": _("This product does not exist any more."),
        "missing-price-variations": _("%(name)s is not sold %(period)s.", name=name, period=period),
        "no-price": _("This is not sold for the period that you chose."),
        "plan-already-added": _("You can have one plan only."),
        "lacks_permission": _("This membership is not yours to change."),
        "discount_code": _(
            "This discount code cannot be used: it is not known, not valid now, or used up."
        ),
        "pwyw-below-minimum": _(
            "The amount for %(name)s must be at least %(bound)s.", name=name, bound=bound
        ),
        "pwyw-above-maximum": _(
            "The amount for %(name)s must be at most %(bound)s.", name=name, bound=bound
        ),
        "path-not-allowed": _("From your plan you cannot change to %(name)s.", name=name),
        "not-offered": _("%(name)s is not offered to you.", name=name),
        "not-running": _("Your membership is not running: renew it first."),
        "no-cycle": _("Products that are billed regularly need a plan that is."),
        "add-and-remove": _(
            "What you add begins at once, what you remove ends with the term: do one first, "
            "then the other."
        ),
        "wrong": _("What you chose cannot be billed together: the periods differ."),
    }


def _steps(language: Language) -> dict[str, str]:
    """The sentence of every rule (`bridge.domain.explanation.RULES`)."""
    _ = language.translations.gettext
    return {
        "kind.new": _("The membership was never paid: it starts anew."),
        "kind.addon": _("Products are added to the current plan."),
        "kind.removal": _("Products leave the membership; the running term is paid for."),
        "kind.lifetime": _("The new plan is paid once and for all."),
        "kind.downgrade": _("The new plan costs less: a downgrade."),
        "kind.upgrade": _("The new plan does not cost less: an upgrade."),
        "comparison.common_period": _("Prices were compared for the same period: %(period)s."),
        "credit.trial": _("Nothing is credited for a trial."),
        "credit.one_time": _("The plan was paid once; what was paid is credited."),
        "credit.same_day": _(
            "The membership started or was renewed today: the whole cycle is credited."
        ),
        "credit.capped": _(
            "%(days)s days are left; the credit is capped at the price of one cycle."
        ),
        "credit.days": _("%(days)s days of a cycle of %(cycle)s days are left and credited."),
        "credit.setup_fee": _("The smaller set-up fee of both plans is part of the credit."),
        "credit.none": _("Nothing is credited for the current plan."),
        "credit.difference": _("A whole cycle of the current plan is credited."),
        "credit.unused": _("%(days)s days of cycles of %(cycle)s days are paid for and not used."),
        "term.rest": _("The running term goes on: %(days)s of %(cycle)s days are charged."),
        "discount.carried": _("Code %(code)s goes on."),
        "addon.carried": _("%(quantity)s × %(name)s stays with the membership."),
        "addon.dropped": _("%(name)s ends, as you wish."),
        "addon.lost": _("%(name)s has no price for the new period and ends."),
        "addon.trial": _("Nothing is due for the rest of the trial."),
        "ledger.used": _("Credit kept from earlier changes is used."),
        "ledger.added": _("Credit beyond the price is kept for later."),
        "due.product": "%(quantity)s × %(title)s",
        "due.fee": "%(title)s",
        "due.credit": "%(title)s",
        "due.discount": _("Code %(code)s on %(title)s: %(rate)s off."),
        "due.tax": _("Tax of %(rate)s %% on %(title)s."),
        "tax.included": _("%(title)s contains tax of %(rate)s %%."),
        "recurring.product": _("%(quantity)s × %(title)s, billed %(period)s"),
        "recurring.current": _("What the membership costs now."),
        "recurring.discount": _("Code %(code)s goes on for %(title)s."),
        "recurring.tax": _("Tax of %(rate)s %% on %(title)s."),
        "due.excess": _("Credit beyond the price is not paid out."),
        "due.rounding": _("Rounded to the smallest amount that is billed."),
        "recurring.rounding": _("Rounded to the smallest amount that is billed."),
    }
