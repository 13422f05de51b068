"""Operators who are signed in, each a browser without scripts."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

import requests

from bridge.store.operators import OperatorRepository
from bridge.store.tables import AuditEntry, Role
from bridge.wiring import App

PASSWORD = "correct horse battery staple"
_TOKEN = re.compile(r'name="_token" value="([^"]+)"')


@dataclass
class Browser:
    """Keeps cookies, and sends the form token of the last page with every form."""

    url: str
    session: requests.Session = field(default_factory=requests.Session)
    token: str = ""

    def get(self, path: str, **options: Any) -> requests.Response:
        """A page; redirects are not followed."""
        answer = self.session.get(f"{self.url}{path}", allow_redirects=False, timeout=60, **options)
        found = (
            _TOKEN.search(answer.text) if "html" in answer.headers.get("content-type", "") else None
        )
        self.token = found.group(1) if found else self.token
        return answer

    def post(
        self, path: str, fields: dict[str, Any] | None = None, **options: Any
    ) -> requests.Response:
        """A form of the last page."""
        return self.session.post(
            f"{self.url}{path}",
            data={"_token": self.token, **(fields or {})},
            allow_redirects=False,
            timeout=60,
            **options,
        )

    def sign_in(self, email: str, password: str = PASSWORD) -> requests.Response:
        """Through the page; afterwards the token is that of the session."""
        self.get("/console/sign-in")
        answer = self.post("/console/sign-in", {"email": email, "password": password})
        if answer.status_code == 303:
            self.get("/console/me")
        return answer


def appoint(planbridge: App, email: str, role: Role, password: str = PASSWORD) -> None:
    """An operator who may sign in."""
    with planbridge.session() as session:
        OperatorRepository(session).add(email, role=role, password=password, now=planbridge.clock())


def audited(planbridge: App, action: str = "") -> list[AuditEntry]:
    """What was written down, newest first."""
    from bridge.store.audit import AuditLog

    with planbridge.session() as session:
        return AuditLog(session).list(action=action, limit=500)
