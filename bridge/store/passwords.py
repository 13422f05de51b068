"""Operators' passwords: argon2id hashes, the same work for whoever asks."""

from __future__ import annotations

from functools import cache
from typing import Final

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from bridge.errors import InvalidInput

SHORTEST: Final = 12
LONGEST: Final = 1000

_hasher = PasswordHasher()


class WeakPassword(InvalidInput):
    """This password cannot be used: {why}."""

    hint = "A few words that nobody would put together are good; a password manager is better."


def hashed(password: str) -> str:
    """The hash to keep of a new password.

    Raises:
        WeakPassword: shorter than 12 characters, longer than 1,000, or one character repeated.
    """
    if len(password) < SHORTEST:
        raise WeakPassword(why=f"it has fewer than {SHORTEST} characters")
    if len(password) > LONGEST:
        raise WeakPassword(why=f"it has more than {LONGEST} characters")
    if len(set(password)) < 4:
        raise WeakPassword(why="it repeats the same characters")
    return _hasher.hash(password)


def matches(kept: str, password: str) -> bool:
    """Whether a password is the one kept. Takes as long where none is kept, and is False."""
    try:
        return _hasher.verify(kept or _nobodys(), password[: LONGEST + 1]) and bool(kept)
    except (VerificationError, InvalidHashError):
        return False


def outdated(kept: str) -> bool:
    """Whether a hash was made with other parameters than today's."""
    return _hasher.check_needs_rehash(kept)


@cache
def _nobodys() -> str:
    return _hasher.hash("the password of nobody")
