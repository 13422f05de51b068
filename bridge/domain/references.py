"""The reference codes that the plugin's development head gives to products.

They order an order's lines: line ids are ``LN_PRODUCT_<code>`` and the plugin sorts them
descending (recordings of payments: product 1 is ``WWWWHG7N46``, product 16
``WWWWHG7NJC``). A code is the id, masked, in base 36 with an alphabet shuffled by the
name of the entity, ten characters long.
"""

from __future__ import annotations

from functools import lru_cache
from hashlib import md5

_ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZ1234567890"
_PRODUCT_MASK = 0x1EE68054
_LENGTH = 10


@lru_cache(maxsize=1)
def _product_alphabet() -> str:
    letters = list(_ALPHABET)
    seed = md5(b"product", usedforsecurity=False).hexdigest()
    for last in range(len(letters) - 1, 0, -1):
        other = ord(seed[last % len(seed)]) % (last + 1)
        letters[last], letters[other] = letters[other], letters[last]
    return "".join(letters)


@lru_cache(maxsize=65536)
def product_code(product_id: int) -> str:
    """The reference code of a product, as in ``LN_PRODUCT_WWWWHG7N46`` for product 1."""
    letters = _product_alphabet()
    rest, code = product_id ^ _PRODUCT_MASK, ""
    while rest:
        rest, digit = divmod(rest, len(letters))
        code = letters[digit] + code
    return code.rjust(_LENGTH, letters[0])
