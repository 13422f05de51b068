"""What the rules say, in the words of a language: amounts, periods, statuses, limits.

The rules answer in codes, rules and inputs beside their English sentences; pages translate
those, never the sentences. What has no words here is shown in English.
"""

from bridge.web.pages.wording.excesses import excess_words
from bridge.web.pages.wording.limits import (
    allowed_words,
    counted_words,
    disk_words,
    item_label,
    limit_label,
    rule_words,
    use_words,
)
from bridge.web.pages.wording.orders import error_words, line_words, step_words
from bridge.web.pages.wording.prices import period_words, price_words, status_words

__all__ = [
    "allowed_words",
    "counted_words",
    "disk_words",
    "error_words",
    "excess_words",
    "item_label",
    "limit_label",
    "line_words",
    "period_words",
    "price_words",
    "rule_words",
    "status_words",
    "step_words",
    "use_words",
]
