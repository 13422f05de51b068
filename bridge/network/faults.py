"""What a WordPress network can do wrong, one sentence each, and what to do about it.

NetworkError
└── Fault                   carries ``network``; knows whether trying again may help
    ├── Unreachable · TlsFailed · TimedOut · ConnectionLost
    ├── BadCredentials · Blocked · ApiOff · NotWordPress · Redirected
    ├── HtmlInstead · LoginPage · BrokenAnswer · TooLarge
    ├── Maintenance · RateLimited · ServerFault
    ├── Refused             ├── NothingChanged
    ├── Gone
    ├── PagingIgnored · UnreadableRow · CannotTell
    └── WriteNotStored · NotCreated · AnswerLost
"""

from __future__ import annotations

from typing import ClassVar

from bridge.errors import NetworkError


class Fault(NetworkError):
    """The network {network} did not do as asked."""

    transient: ClassVar[bool] = False
    """Trying the same read again shortly may succeed."""

    leaves_write_open: ClassVar[bool] = False
    """A write that ended so may or may not have been carried out: read back before repeating."""

    @property
    def retry_after(self) -> float | None:
        """Seconds that the network asked us to wait, if it did."""
        value = self.fields.get("retry_after")
        return float(value) if isinstance(value, (int, float)) else None


class Unreachable(Fault):
    """The network {network} cannot be reached at {url}: {reason}."""

    hint = "Check the address, DNS, and that the server is up."
    transient = True


class TlsFailed(Fault):
    """The network {network} has no valid certificate for {url}: {reason}."""

    hint = "Renew or correct the certificate of the web server; it is never ignored."


class TimedOut(Fault):
    """The network {network} did not answer {request} within {seconds} seconds."""

    hint = "The server is overloaded or a plugin hangs; try again later."
    transient = True
    leaves_write_open = True


class ConnectionLost(Fault):
    """The network {network} broke off its answer to {request}: {reason}."""

    hint = "Try again; if it stays so, look into the web server's error log."
    transient = True
    leaves_write_open = True


class BadCredentials(Fault):
    """The network {network} refused the API key and secret ({code})."""

    hint = (
        "Compare them with the network's API settings. If they are right, the web server "
        "drops the Authorization header: let it pass (Apache: `CGIPassAuth On`; nginx: "
        "`fastcgi_param HTTP_AUTHORIZATION $http_authorization`), or let planbridge send "
        "them in the query."
    )


class Blocked(Fault):
    """Something in front of the network {network} refused {request} (HTTP {status})."""

    hint = "A firewall or security plugin blocks planbridge: allow its address or /wp-json/wu/v2."


class ApiOff(Fault):
    """The network {network} is WordPress, but does not offer {request}."""

    hint = (
        "Switch the API on in the plugin's settings (`Enable API`), and check that Ultimate "
        "Multisite is active on the network."
    )


class NotWordPress(Fault):
    """There is no WordPress REST interface at {url} for the network {network} ({what})."""

    hint = "Give the address of the network's main site, and use pretty permalinks there."


class Redirected(Fault):
    """The network {network} sends {request} on to {target}."""

    hint = "planbridge does not carry credentials there; if that is the network, use its address."


class HtmlInstead(Fault):
    """The network {network} answered {request} with a web page instead of data."""

    hint = (
        "A cache, firewall or plugin answers in place of the API: exclude /wp-json/ and "
        "xmlrpc.php from it."
    )
    leaves_write_open = True


class LoginPage(HtmlInstead):
    """The network {network} answered {request} with its login page."""

    hint = "A plugin forces visitors to sign in: exempt /wp-json/wu/v2 and xmlrpc.php from it."


class BrokenAnswer(Fault):
    """The network {network} answered {request} with something unreadable: {what}."""

    hint = "Look for PHP warnings or a crash in the network's error log."
    transient = True
    leaves_write_open = True


class TooLarge(Fault):
    """The network {network} answered {request} with more than {limit} bytes."""

    hint = "Nothing was taken; ask for smaller pages."
    leaves_write_open = True


class Maintenance(Fault):
    """The network {network} is down for maintenance (HTTP 503)."""

    hint = "planbridge tries again later."
    transient = True
    leaves_write_open = True


class RateLimited(Fault):
    """The network {network} wants fewer requests (HTTP 429)."""

    hint = "planbridge slows down and tries again later."
    transient = True


class ServerFault(Fault):
    """The network {network} crashed on {request} (HTTP {status}: {what})."""

    hint = "Look into the network's PHP error log."
    transient = True
    leaves_write_open = True


class Refused(Fault):
    """The network {network} refused {request}: {message} ({code}, HTTP {status})."""


class NothingChanged(Refused):
    """The network {network} says that {request} changed nothing ({code}, HTTP {status})."""

    # Code 2: the UPDATE changed 0 rows. With meta in the body it was written all the same
    # (domain/live-findings.md §2.3), so it is never believed, only read back.
    leaves_write_open = True


class Gone(Fault):
    """The network {network} has no {entity} {id}."""

    hint = "It was deleted there; a sync will notice."
    status = 404


class PagingIgnored(Fault):
    """The network {network} does not page through {entity}: page {page} {what}."""

    hint = "A cache serves one page for all, or a plugin changes the query; nothing was lost."


class UnreadableRow(Fault):
    """The network {network} shows {entity} {id} with {field} = {value}, expected {expected}."""

    hint = "Correct the value on the network."


class CannotTell(Fault):
    """The network {network} does not show {what}, so a search by it cannot be trusted."""

    hint = "Update the plugin on the network, or use the mirror."


class WriteNotStored(Fault):
    """The network {network} accepted the change, but {entity} {id} shows {differences}."""

    hint = "Something on the network altered or dropped the value; look before repeating."


class NotCreated(Fault):
    """The network {network} answered as if it had created the {entity}, but stored nothing."""

    hint = "Give every field that the entity needs, such as a discount code's description."


class AnswerLost(Fault):
    """The network {network} may or may not have created the {entity}: {reason}"""

    hint = "Look for it on the network before trying again."
