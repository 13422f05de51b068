"""Signatures as the Standard Webhooks specification has them."""

from __future__ import annotations

import base64
import hashlib
import hmac
from datetime import UTC, datetime

import pytest

from bridge.hooks.signing import InvalidSecret, key_of, new_secret, signed_headers

# Published with the specification's libraries (standard-webhooks, test vectors of all of them).
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
MESSAGE = "msg_p5jXN8AQM9LWM0D4loKWxJek"
TIMESTAMP = 1614265330
BODY = b'{"test": 2432232314}'
SIGNATURE = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_the_published_vector() -> None:
    """Any library of the specification takes what we sign."""
    headers = signed_headers(SECRET, MESSAGE, BODY, now=datetime.fromtimestamp(TIMESTAMP, UTC))
    assert headers == {
        "webhook-id": MESSAGE,
        "webhook-timestamp": str(TIMESTAMP),
        "webhook-signature": SIGNATURE,
    }


def test_a_new_secret_is_of_its_own_and_long_enough() -> None:
    """32 random bytes."""
    one, other = new_secret(), new_secret()
    assert one != other
    assert one.startswith("whsec_")
    assert len(key_of(one)) == 32


@pytest.mark.parametrize(
    "secret", ["", "whsec_", "whsec_short", "whsec_!!!!", "whsec_" + "A" * 200]
)
def test_bad_secrets_are_refused(secret: str) -> None:
    """Nothing is signed with what can be guessed."""
    with pytest.raises(InvalidSecret):
        key_of(secret)


def verify(secret: str, headers: dict[str, str], body: bytes, *, now: float) -> bool:
    """The receiver's side, as the README shows it."""
    if abs(now - int(headers["webhook-timestamp"])) > 300:
        return False
    key = base64.b64decode(secret.removeprefix("whsec_"))
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    expected = "v1," + base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
    return any(
        hmac.compare_digest(expected, given) for given in headers["webhook-signature"].split()
    )


def test_the_receivers_side() -> None:
    """The body, the id, the time: whoever changes one of them is found out."""
    secret = new_secret()
    now = datetime.fromtimestamp(TIMESTAMP, UTC)
    headers = dict(signed_headers(secret, "evt_1", BODY, now=now))
    assert verify(secret, headers, BODY, now=TIMESTAMP + 299)
    assert not verify(secret, headers, BODY, now=TIMESTAMP + 301)
    assert not verify(secret, headers, BODY + b" ", now=TIMESTAMP)
    assert not verify(secret, {**headers, "webhook-id": "evt_2"}, BODY, now=TIMESTAMP)
    assert not verify(new_secret(), headers, BODY, now=TIMESTAMP)
