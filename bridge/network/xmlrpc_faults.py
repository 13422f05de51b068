"""What a single site can do wrong over XML-RPC, beside what `bridge.network.faults` has.

Fault
├── XmlRpcOff · SiteSilent
├── XmlRpcSignInRefused · XmlRpcForbidden
├── ForeignSite · WrongSite · TooManyToCount
└── UnsafeXml
"""

from __future__ import annotations

from bridge.network.faults import Fault


class XmlRpcOff(Fault):
    """The site {url} of the network {network} does not take XML-RPC calls ({what})."""

    hint = (
        "planbridge does without these facts. To have them, let its address reach xmlrpc.php: "
        "the web server, a firewall or a security plugin has switched it off."
    )


class SiteSilent(Fault):
    """The site {url} of the network {network} answered an XML-RPC call with nothing at all."""

    # Seen of WordPress 6.9: its page about the site's state is left out for XML-RPC.
    hint = "WordPress does so for a site that is archived, suspended or deleted."


class XmlRpcSignInRefused(Fault):
    """The site {url} of the network {network} refused the WordPress user {user}: {message}"""

    hint = (
        "Give the super admin's user name and an application password of his with `planbridge "
        "network rotate {network} --wp-user NAME --wp-password-file FILE`; WordPress takes "
        "application passwords over https only."
    )


class XmlRpcForbidden(Fault):
    """The site {url} of the network {network} does not let {user} call {request}: {message}"""

    hint = "Only a super admin of the network may do so on every site."


class ForeignSite(Fault):
    """The site {url} is not at the address of the network {network}."""

    hint = "The super admin's password goes to the network's own host and its sub-domains only."


class WrongSite(Fault):
    """Not the site {url} of the network {network} answered, but {told}."""

    hint = "The site was deleted or moved; a sync will notice."


class TooManyToCount(Fault):
    """The site {url} of the network {network} has more {what} than can be counted by XML-RPC."""

    hint = "The companion plugin counts them on the spot."


class UnsafeXml(Fault):
    """The network {network} answered {request} with XML that has a document type of its own."""

    hint = "No WordPress does so: something else answers there, and it was not read further."
