"""Line items of payments: what is sent becomes the plugin's own, worked out anew.

Shape: recordings payment/01; arithmetic: domain/plan-changes.md §5.2, §7. Seen on a running
network of 2.4.3: a map sent through REST is taken on creation, its keys stay.
"""

from __future__ import annotations

from typing import Final

from bridge.sandbox.forms import Json

_BLANK: Final[dict[str, Json]] = {
    "hash": None,
    "id": None,
    "type": "product",
    "product_id": None,
    "product_slug": None,
    "discount_code_id": None,
    "title": "",
    "description": "",
    "discountable": False,
    "taxable": False,
    "recurring": False,
    "duration": 1,
    "duration_unit": "month",
    "billing_cycles": 0,
    "quantity": 1,
    "unit_price": 0,
    "subtotal": 0,
    "discount_rate": 0,
    "discount_type": "percentage",
    "discount_label": "",
    "apply_discount_to_renewals": True,
    "discount_total": 0,
    "tax_category": "",
    "tax_label": "",
    "tax_type": "percentage",
    "tax_rate": 0,
    "tax_inclusive": False,
    "tax_exempt": False,
    "tax_total": 0,
    "total": 0,
    "date_created": None,
    "recurring_description": "",
}


def stored(sent: Json) -> Json:
    """The line items that the plugin keeps of what a request names."""
    if isinstance(sent, dict):
        return {key: _line(each) for key, each in sent.items() if isinstance(each, dict)}
    return sent


def _line(sent: dict[str, Json]) -> dict[str, Json]:
    line = {**_BLANK, **{name: value for name, value in sent.items() if name in _BLANK}}
    line["id"] = f"LN_{str(line['type']).upper()}_{line['hash'] or ''}"
    subtotal = float(line["quantity"]) * float(line["unit_price"])
    discount = _part(subtotal, line["discount_rate"], line["discount_type"], inclusive=False)
    left = subtotal - discount
    if subtotal > 0 and left < 0:
        left, discount = 0.0, subtotal
    inclusive = bool(line["tax_inclusive"])
    tax = _part(left, line["tax_rate"], line["tax_type"], inclusive=inclusive)
    line |= {
        "subtotal": round(subtotal, 2),
        "discount_total": discount,
        "tax_total": tax,
        "total": round(left if inclusive else left + tax, 2),
    }
    if line["recurring"]:
        count, unit = line["duration"], line["duration_unit"]
        line["recurring_description"] = unit if count <= 1 else f"every {count} {unit}s"
    return line


def _part(base: float, rate: Json, kind: Json, *, inclusive: bool) -> float:
    if kind != "percentage":
        return round(float(rate), 2)
    share = float(rate) / 100
    return round(base - base / (1 + share) if inclusive else base * share, 2)
