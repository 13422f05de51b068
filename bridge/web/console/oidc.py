"""Operators' sign-in through an OpenID Connect provider: authorization code with PKCE.

What is checked of the provider's answer: state, nonce, PKCE, the ID token's signature by the
provider's published keys (asymmetric algorithms only), issuer, audience, authorised party and
times (OpenID Connect Core 1.0 §3.1.3.7). The address counts only when the provider says that
it has verified it.
"""

from __future__ import annotations

import secrets
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from urllib.parse import urlsplit

import requests
from authlib.common.errors import AuthlibBaseError
from authlib.integrations.requests_client import OAuth2Session
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from bridge.errors import PlanbridgeError

ALGORITHMS: Final = ("RS256", "RS384", "RS512", "PS256", "ES256", "ES384", "EdDSA")
_SECONDS: Final = 5.0
_KEPT: Final = timedelta(hours=1)
_SKEW: Final = 120


class SignInRefused(PlanbridgeError):
    """The sign-in did not succeed: {why}."""

    hint = "Begin again at the sign-in page."
    status = 403


class ProviderAway(PlanbridgeError):
    """The sign-in provider does not answer as it should: {why}."""

    hint = "Try again soon, or sign in with a password."
    status = 502


@dataclass(frozen=True, slots=True)
class Begun:
    """A sign-in under way: what the browser carries to the provider and back."""

    state: str
    nonce: str
    verifier: str


@dataclass(frozen=True, slots=True)
class Identity:
    """Whom the provider vouches for; ``email`` is empty unless it has verified it."""

    subject: str
    email: str


class OidcProvider:
    """One provider, found by its issuer's address; what it publishes is kept for an hour."""

    def __init__(
        self,
        issuer: str,
        client_id: str,
        client_secret: str,
        *,
        clock: Callable[[], datetime],
    ) -> None:
        self.issuer = issuer
        self._client_id, self._client_secret = client_id, client_secret
        self._clock = clock
        self._lock = threading.Lock()
        self._published: dict[str, Any] = {}
        self._keys: KeySet | None = None
        self._read_at: datetime | None = None

    def form_targets(self) -> tuple[str, ...]:
        """The origins that a form which begins a sign-in leads to; the issuer's if it is away."""
        try:
            addresses = [self.issuer, str(self._known()["authorization_endpoint"])]
        except ProviderAway:
            addresses = [self.issuer]
        parts = [urlsplit(address) for address in addresses]
        return tuple(dict.fromkeys(f"{one.scheme}://{one.netloc}" for one in parts))

    def begin(self, redirect_uri: str) -> tuple[str, Begun]:
        """Where to send the browser, and what to remember until it comes back.

        Raises:
            ProviderAway: the provider cannot be asked what its addresses are.
        """
        begun = Begun(*(secrets.token_urlsafe(32) for _ in range(3)))
        with self._session(redirect_uri) as session:
            address, _ = session.create_authorization_url(
                self._known()["authorization_endpoint"],
                state=begun.state,
                nonce=begun.nonce,
                code_verifier=begun.verifier,
            )
        return str(address), begun

    def finish(self, begun: Begun, *, code: str, state: str, redirect_uri: str) -> Identity:
        """Change the code for an ID token and believe it if everything fits.

        Raises:
            SignInRefused: something does not fit.
            ProviderAway: the provider does not answer.
        """
        if not code or not secrets.compare_digest(state.encode(), begun.state.encode()):
            raise SignInRefused(why="the answer does not belong to a sign-in begun here")
        endpoint = self._known()["token_endpoint"]
        try:
            with self._session(redirect_uri) as session:
                token = session.fetch_token(
                    endpoint,
                    code=code,
                    code_verifier=begun.verifier,
                    grant_type="authorization_code",
                    timeout=_SECONDS,
                )
        except AuthlibBaseError as error:
            raise SignInRefused(why=f"the provider answered {error.error}") from None
        except (requests.RequestException, ValueError) as error:
            raise ProviderAway(why=type(error).__name__) from None
        return self._believed(str(token.get("id_token") or ""), begun.nonce)

    def _believed(self, id_token: str, nonce: str) -> Identity:
        claims = self._claims(id_token)
        registry = jwt.JWTClaimsRegistry(
            now=int(self._clock().timestamp()),
            leeway=_SKEW,
            iss={"essential": True, "value": self.issuer},
            aud={"essential": True, "value": self._client_id},
            exp={"essential": True},
            iat={"essential": True},
            sub={"essential": True},
            nonce={"essential": True, "value": nonce},
        )
        try:
            registry.validate(dict(claims))
        except JoseError as error:
            raise SignInRefused(why=f"its ID token is not valid ({error.error})") from None
        audience = claims["aud"]
        if isinstance(audience, list) and len(audience) > 1 and "azp" not in claims:
            raise SignInRefused(why="its ID token is for several parties and names none")
        if claims.get("azp", self._client_id) != self._client_id:
            raise SignInRefused(why="its ID token is for another party")
        verified = claims.get("email_verified") is True
        email = claims.get("email")
        return Identity(
            subject=f"{self.issuer}|{claims['sub']}",
            email=email if verified and isinstance(email, str) else "",
        )

    def _claims(self, id_token: str) -> Mapping[str, Any]:
        for fresh in (False, True):  # once more with its newest keys: it may have changed them
            self._known(fresh=fresh)
            assert self._keys is not None, "they are read together with the addresses"
            try:
                return jwt.decode(id_token, self._keys, algorithms=[*ALGORITHMS]).claims
            except (JoseError, ValueError, TypeError):
                continue
        raise SignInRefused(why="its ID token is not signed by the provider")

    def _known(self, *, fresh: bool = False) -> dict[str, Any]:
        with self._lock:
            now = self._clock()
            if fresh or self._read_at is None or now - self._read_at > _KEPT:
                published = _read(f"{self.issuer.rstrip('/')}/.well-known/openid-configuration")
                if published.get("issuer") != self.issuer:
                    raise ProviderAway(why=f"it calls itself {published.get('issuer')!r}")
                for name in ("authorization_endpoint", "token_endpoint", "jwks_uri"):
                    if not isinstance(published.get(name), str):
                        raise ProviderAway(why=f"it publishes no {name}")
                try:
                    keys = KeySet.import_key_set(_read(published["jwks_uri"]))  # type: ignore[arg-type]
                except (JoseError, ValueError, TypeError, KeyError):
                    raise ProviderAway(why="its keys cannot be read") from None
                self._published, self._keys, self._read_at = published, keys, now
            return self._published

    def _session(self, redirect_uri: str) -> OAuth2Session:
        return OAuth2Session(
            self._client_id,
            self._client_secret,
            scope="openid email profile",
            redirect_uri=redirect_uri,
            code_challenge_method="S256",
        )


def _read(address: str) -> dict[str, Any]:
    try:
        answer = requests.get(address, timeout=_SECONDS, allow_redirects=False)
        answer.raise_for_status()
        document = answer.json()
    except (requests.RequestException, ValueError) as error:
        raise ProviderAway(why=f"{address}: {type(error).__name__}") from None
    if not isinstance(document, dict):
        raise ProviderAway(why=f"{address} is no object")
    return document
