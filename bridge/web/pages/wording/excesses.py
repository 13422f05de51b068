"""What has to go before a smaller plan fits, site by site, in words."""

from __future__ import annotations

from bridge.domain.preflight import Excess
from bridge.web.pages.languages import Language
from bridge.web.pages.wording.limits import counted_words


def excess_words(language: Language, excess: Excess, site: str) -> str:
    """What to do about one thing that would be over its limit.

    ``site`` is the site's address as its owner knows it; "" for what all sites share.
    """
    _ = language.gettext
    what = counted_words(language, excess.module, excess.remove, excess.item)
    used = counted_words(language, excess.module, round(excess.used), excess.item)
    allowed = counted_words(language, excess.module, round(excess.allowed), excess.item)
    given = {"what": what, "site": site, "used": used, "allowed": allowed, "item": excess.item}
    if excess.module == "themes" and excess.remove:
        return _("The theme %(item)s on %(site)s is not part of the new plan.", **given)
    sentences = {
        "post_types": _(
            "Delete %(what)s on %(site)s: there are %(used)s, %(allowed)s are allowed.", **given
        ),
        "users": _(
            "Remove %(what)s from %(site)s: there are %(used)s, %(allowed)s are allowed.", **given
        ),
        "disk_space": _(
            "Free %(what)s on %(site)s: %(used)s are used, %(allowed)s are allowed.", **given
        ),
        "domain_mapping": _(
            "Remove %(what)s from %(site)s: there are %(used)s, %(allowed)s are allowed.", **given
        ),
        "sites": _("Delete %(what)s: you have %(used)s, %(allowed)s are allowed.", **given),
        "visits": _(
            "%(site)s has had %(used)s this month, %(allowed)s are allowed: it would be closed "
            "to visitors until next month.",
            **given,
        ),
        "plugins": _(
            "The plugin %(item)s is active on %(site)s and would be switched off.", **given
        ),
    }
    return sentences.get(excess.module, excess.sentence)
