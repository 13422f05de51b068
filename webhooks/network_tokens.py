"""The secret part of the address at which a network calls: the plugin signs nothing.

Derived from the sealing keys, so nothing is stored. A key that is rotated still counts for
as long as it is configured.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Sequence


class NetworkTokens:
    """Makes and checks the token of each network; ``keys`` newest first."""

    def __init__(self, keys: Sequence[bytes]) -> None:
        self._keys = tuple(keys)

    def __repr__(self) -> str:
        return "NetworkTokens(<hidden>)"

    def of(self, network: str) -> str:
        """The token of a network, by the newest key."""
        return _token(self._keys[0], network)

    def fits(self, network: str, token: str) -> bool:
        """Whether it is the network's; takes as long whatever the answer."""
        given = token.encode()
        checked = [hmac.compare_digest(_token(key, network).encode(), given) for key in self._keys]
        return any(checked)


def _token(key: bytes, network: str) -> str:
    return hmac.new(
        key, b"planbridge network calls\0" + network.encode(), hashlib.sha256
    ).hexdigest()
