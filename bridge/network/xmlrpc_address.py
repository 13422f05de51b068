"""Where a site's own XML-RPC endpoint is, and whether it was that site which answered."""

from __future__ import annotations

from urllib.parse import SplitResult, urlsplit

from bridge.network.xmlrpc_faults import ForeignSite


def site_url(network_url: str, *, network: str, domain: str, path: str) -> str:
    """The address of a site, without a trailing slash, by the network's own scheme.

    ``domain`` and ``path`` as the network shows them: ``127.0.0.1:8080`` and ``/site1/``.

    Raises:
        ForeignSite: not the network's host or a sub-domain of it, on the same port. Such a
            domain is the customer's, and no place for the super admin's password.
    """
    main = urlsplit(network_url)
    url = f"{main.scheme}://{domain.strip().lower()}/{path.strip('/')}".rstrip("/")
    site = _split(url)
    if site is None or site.port != main.port or not _below(_host(site), _host(main)):
        raise ForeignSite(network=network, url=url.rpartition("@")[2])
    return url


def is_another_site(asked: str, told: str) -> bool:
    """Whether a site that says it is at ``told`` is another one than the site ``asked``.

    WordPress answers for the main site at the address of a site that is gone. A custom
    domain, which has nothing in common with the address asked, is taken for the site's own.
    """
    here, there = urlsplit(asked), _split(told)
    if there is None or _place(here) == _place(there):
        return False
    return _below(_host(here), _host(there)) or _below(_host(there), _host(here))


def _split(url: str) -> SplitResult | None:
    try:
        parts = urlsplit(url)
        named = bool(parts.hostname) and parts.username is None and parts.port != 0
    except ValueError:
        return None
    return parts if named and not parts.query and not parts.fragment else None


def _host(parts: SplitResult) -> str:
    return (parts.hostname or "").removeprefix("www.")


def _place(parts: SplitResult) -> tuple[str, str]:
    return _host(parts), parts.path.rstrip("/")


def _below(host: str, parent: str) -> bool:
    return host == parent or host.endswith(f".{parent}")
