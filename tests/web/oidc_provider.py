"""A small OpenID Connect provider on a socket, which checks what a real one checks.

Discovery, keys, authorization (with PKCE S256 required), token by code with the client's secret
by HTTP Basic. What it signs can be bent, one thing at a time.
"""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self
from urllib.parse import parse_qs, urlencode, urlsplit

from joserfc import jwt
from joserfc.jwk import ECKey, KeySet, OctKey, RSAKey

CLIENT = "planbridge-console"
SECRET = "secret of the client"
Bend = Callable[[dict[str, Any]], dict[str, Any]]


class OidcStandIn:
    """``person`` is who signs in there next; ``bend`` changes the claims before they are signed."""

    def __init__(self) -> None:
        self.person: dict[str, Any] = {}
        self.bend: Bend = dict
        self.key = RSAKey.generate_key(2048, {"kid": "one"})
        self.sign_with: Any = None
        self.algorithm = "RS256"
        self.codes: dict[str, dict[str, str]] = {}
        stand_in = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                stand_in._get(self)

            def do_POST(self) -> None:
                stand_in._post(self)

            def log_message(self, *_: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.issuer = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def rotate(self) -> None:
        """Sign with a new key from now on, published under another id."""
        self.key = ECKey.generate_key("P-256", {"kid": "two"})
        self.algorithm = "ES256"

    def symmetric(self) -> None:
        """Sign with the public key as an HMAC secret: the oldest trick."""
        self.sign_with = OctKey.import_key(json.dumps(self.key.as_dict(private=False)))
        self.algorithm = "HS256"

    def _get(self, handler: BaseHTTPRequestHandler) -> None:
        parts = urlsplit(handler.path)
        if parts.path == "/.well-known/openid-configuration":
            self._answer(
                handler,
                {
                    "issuer": self.issuer,
                    "authorization_endpoint": f"{self.issuer}/authorize",
                    "token_endpoint": f"{self.issuer}/token",
                    "jwks_uri": f"{self.issuer}/keys",
                },
            )
        elif parts.path == "/keys":
            self._answer(handler, KeySet([self.key]).as_dict(private=False))
        elif parts.path == "/authorize":
            asked = {name: values[0] for name, values in parse_qs(parts.query).items()}
            assert asked["response_type"] == "code"
            assert asked["client_id"] == CLIENT
            assert asked["code_challenge_method"] == "S256"
            assert "openid" in asked["scope"].split()
            code = secrets.token_urlsafe(16)
            self.codes[code] = asked
            query = urlencode({"code": code, "state": asked["state"]})
            handler.send_response(302)
            handler.send_header("Location", f"{asked['redirect_uri']}?{query}")
            handler.end_headers()
        else:
            handler.send_error(404)

    def _post(self, handler: BaseHTTPRequestHandler) -> None:
        body = handler.rfile.read(int(handler.headers["Content-Length"])).decode()
        sent = {name: values[0] for name, values in parse_qs(body).items()}
        asked = self.codes.pop(sent.get("code", ""), None)
        basic = base64.b64encode(f"{CLIENT}:{SECRET}".encode()).decode()
        digest = hashlib.sha256(sent.get("code_verifier", "").encode()).digest()
        challenge = base64.urlsafe_b64encode(digest).decode().rstrip("=")
        if (
            asked is None
            or handler.headers.get("Authorization") != f"Basic {basic}"
            or asked["code_challenge"] != challenge
            or asked["redirect_uri"] != sent.get("redirect_uri")
        ):
            self._answer(handler, {"error": "invalid_grant"}, status=400)
            return
        now = int(time.time())
        claims = {
            "iss": self.issuer,
            "aud": CLIENT,
            "iat": now,
            "exp": now + 300,
            "nonce": asked["nonce"],
            **self.person,
        }
        header = {"alg": self.algorithm, "kid": self.key.kid}
        token = jwt.encode(
            header, self.bend(claims), self.sign_with or self.key, algorithms=[self.algorithm]
        )
        self._answer(handler, {"access_token": "unused", "token_type": "Bearer", "id_token": token})

    @staticmethod
    def _answer(handler: BaseHTTPRequestHandler, document: Any, *, status: int = 200) -> None:
        content = json.dumps(document).encode()
        handler.send_response(status)
        handler.send_header("Content-Type", "application/json")
        handler.send_header("Content-Length", str(len(content)))
        handler.end_headers()
        handler.wfile.write(content)
