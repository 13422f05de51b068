"""Secrets at rest: what a network and its Stripe account give us, encrypted in the database.

A seal has one key or more, newest first. It seals with the first and opens with any, so
a key is rotated by putting a new one in front, resealing, and dropping the old one.
"""

from __future__ import annotations

from collections.abc import Sequence

from cryptography.fernet import Fernet, InvalidToken, MultiFernet

from bridge.errors import ConfigurationError, StoreError


class SealBroken(StoreError):
    """A stored secret cannot be opened with any of the configured keys."""

    hint = (
        "Put the key it was sealed with back into the list of keys (newest first), "
        "or enter the secret again with `planbridge network rotate`."
    )


class Seal:
    """Encrypts and authenticates short texts with Fernet keys, newest first.

    Raises:
        ConfigurationError: no key, or one that is not 32 bytes in URL-safe base64.
    """

    def __init__(self, keys: Sequence[str]) -> None:
        if not keys:
            raise ConfigurationError(problems="there is no key to seal secrets with")
        fernets = []
        for number, key in enumerate(keys, start=1):
            try:
                fernets.append(Fernet(key))
            except ValueError:
                problem = f"secret key {number} is not 32 bytes in URL-safe base64"
                raise ConfigurationError(problems=problem) from None
        self._fernet = MultiFernet(fernets)

    def __repr__(self) -> str:
        return "Seal(<hidden>)"

    @staticmethod
    def new_key() -> str:
        """A fresh random key."""
        return Fernet.generate_key().decode()

    def seal(self, text: str) -> str:
        """The text encrypted with the newest key, as printable ASCII."""
        return self._fernet.encrypt(text.encode()).decode()

    def open(self, token: str) -> str:
        """The text that was sealed.

        Raises:
            SealBroken: no key fits, or the token was altered.
        """
        try:
            return self._fernet.decrypt(token.encode()).decode()
        except InvalidToken:
            raise SealBroken from None

    def reseal(self, token: str) -> str:
        """The same secret sealed with the newest key.

        Raises:
            SealBroken: no key fits, or the token was altered.
        """
        try:
            return self._fernet.rotate(token.encode()).decode()
        except InvalidToken:
            raise SealBroken from None
