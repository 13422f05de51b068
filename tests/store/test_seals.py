"""Secrets at rest."""

import pytest

from bridge.errors import ConfigurationError
from bridge.store.seals import Seal, SealBroken


def test_what_was_sealed_can_be_opened_and_is_not_in_the_clear() -> None:
    """A sealed text shows nothing of the secret."""
    seal = Seal([Seal.new_key()])
    token = seal.seal("sk_live_é")
    assert "sk_live" not in token
    assert seal.open(token) == "sk_live_é"


def test_an_older_key_still_opens_and_resealing_lets_it_go() -> None:
    """Rotation: new key in front, reseal, drop the old one."""
    old, new = Seal.new_key(), Seal.new_key()
    token = Seal([old]).seal("secret")
    both = Seal([new, old])
    assert both.open(token) == "secret"
    assert Seal([new]).open(both.reseal(token)) == "secret"


def test_a_wrong_key_says_what_to_do() -> None:
    """A missing key is named as the cause, without the secret or the token."""
    token = Seal([Seal.new_key()]).seal("secret")
    other = Seal([Seal.new_key()])
    for use in (other.open, other.reseal):
        with pytest.raises(SealBroken, match="cannot be opened with any of the configured keys"):
            use(token)


@pytest.mark.parametrize("keys", [[], ["short"], ["x" * 44]])
def test_unusable_keys_are_refused_without_being_shown(keys: list[str]) -> None:
    """A key that is none stops the start, and is not printed."""
    with pytest.raises(ConfigurationError) as caught:
        Seal(keys)
    assert all(key not in str(caught.value) for key in keys)


def test_a_seal_hides_its_keys() -> None:
    """Neither key nor cipher is in the repr."""
    key = Seal.new_key()
    assert key not in repr(Seal([key]))
