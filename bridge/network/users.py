"""WordPress' own users, of whom the plugin shows no more than the id.

``wp/v2/users`` lists the members of the site that is asked, and nobody else. Customers are
members of their own sites, and of the main site only where the network is set so
(seen on a running network: ``include=`` at the main site finds nobody, at the customer's
site one). So whoever is not found at the main site is to be looked for at a site of his.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final

from bridge.network.answers import Json
from bridge.network.faults import (
    ApiOff,
    BadCredentials,
    Blocked,
    BrokenAnswer,
    Fault,
    NotWordPress,
    Refused,
)
from bridge.network.transport import Params, Transport

AT_ONCE: Final = 100
"""The most that WordPress shows on a page."""

_SHOWN = "id,username,name,email,locale"
WORDPRESS: Final = "/wp-json/wp/v2"
"""WordPress' own interface, below the address of a site."""

_FORBIDDEN = (401, 403)


class UsersHidden(Fault):
    """WordPress of the network {network} does not show its users to {user} ({what})."""

    hint = (
        "Give the user name and an application password of a super admin with `planbridge "
        "network rotate`, and let /wp-json/wp/v2/users through security plugins."
    )


@dataclass(frozen=True, slots=True)
class SignIn:
    """A WordPress user, by an application password of his."""

    username: str
    password: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class WordPressUser:
    """A user; ``locale`` is the one in force for him, such as ``fr_FR``."""

    id: int
    username: str
    display_name: str
    email: str
    locale: str


class UsersClient:
    """Reads users as a super admin; ``username`` is his name, which errors quote."""

    def __init__(self, transport: Transport, *, username: str) -> None:
        self._transport = transport
        self._username = username

    def close(self) -> None:
        """Give the pooled connections back."""
        self._transport.close()

    def read(self, ids: Sequence[int], *, site: str | None = None) -> dict[int, WordPressUser]:
        """Those of the users, by id, who are members of a site; of the main site unless given.

        ``site`` is its address (`bridge.network.xmlrpc_address.site_url`). A hundred a
        request.

        Raises:
            UsersHidden: wrong user name or password, or one who may not list users.
            Fault: what else kept the site from telling.
        """
        transport = self._transport if site is None else self._transport.at(site + WORDPRESS)
        found: dict[int, WordPressUser] = {}
        for start in range(0, len(ids), AT_ONCE):
            wanted = ids[start : start + AT_ONCE]
            found |= self._page(transport, wanted)
        return found

    def _page(self, transport: Transport, wanted: Iterable[int]) -> dict[int, WordPressUser]:
        asked = set(wanted)
        params: Params = {
            "context": "edit",
            "include": ",".join(map(str, sorted(asked))),
            "per_page": AT_ONCE,
            "_fields": _SHOWN,
        }
        try:
            answer, body = transport.read("/users", params)
        except (ApiOff, NotWordPress):
            raise self._hidden("there is no such interface") from None
        except Blocked as fault:
            raise self._hidden(f"HTTP {fault.fields['status']}") from None
        except BadCredentials as fault:
            raise self._hidden(str(fault.fields["code"])) from None
        except Refused as fault:
            if fault.fields["status"] not in _FORBIDDEN:
                raise
            raise self._hidden(str(fault.fields["code"])) from None
        if not isinstance(body, list):
            what = "something that is no list"
            raise BrokenAnswer(network=transport.network, request=answer.request, what=what)
        users = (_user(each) for each in body)
        return {user.id: user for user in users if user is not None and user.id in asked}

    def _hidden(self, what: str) -> UsersHidden:
        return UsersHidden(network=self._transport.network, user=self._username, what=what)


def _user(shown: Json) -> WordPressUser | None:
    """A user; None for what is none, or does not show what only an editor sees."""
    if not isinstance(shown, dict) or not isinstance(shown.get("email"), str):
        return None
    try:
        number = int(shown["id"])
    except (KeyError, TypeError, ValueError):
        return None
    return WordPressUser(
        id=number,
        username=str(shown.get("username") or ""),
        display_name=str(shown.get("name") or ""),
        email=shown["email"].strip(),
        locale=str(shown.get("locale") or ""),
    )
