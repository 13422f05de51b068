"""What the rules say, in the words of a language: amounts, periods, statuses, limits.

The rules answer in codes, rules and inputs beside their English sentences; pages translate
those. What is stored or raised as a sentence only is read back from it: `recorded`. What has no
words here is shown in English.
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
from bridge.web.pages.wording.records import recorded

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
    "recorded",
    "rule_words",
    "status_words",
    "step_words",
    "use_words",
]
