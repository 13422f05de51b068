"""New keys and secrets of a network, in place of those on record."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from bridge.errors import InvalidInput
from bridge.store.networks import Credentials, NetworkRepository
from bridge.store.seals import SealBroken
from bridge.store.tables import Network


@dataclass(frozen=True, slots=True)
class NewKeys:
    """What is to change; what is "" or None stays. ``forget_user`` takes the WordPress user away.

    ``in_query`` comes with an API key: whether it is sent as a parameter. A signing secret of
    Stripe's endpoint is added: the old one still counts.

    Raises:
        InvalidInput: nothing was given, or one of two that belong together.
    """

    api_key: str = ""
    api_secret: str = field(default="", repr=False)
    in_query: bool | None = None
    wp_username: str = ""
    wp_application_password: str = field(default="", repr=False)
    forget_user: bool = False
    stripe_key: str = field(default="", repr=False)
    stripe_secret: str = field(default="", repr=False)

    def __post_init__(self) -> None:
        if bool(self.api_key) is not bool(self.api_secret):
            raise InvalidInput(what="the API key", why="key and secret belong together")
        if bool(self.wp_username) is not bool(self.wp_application_password):
            why = "name and application password belong together, and neither may be empty"
            raise InvalidInput(what="the WordPress user", why=why)
        if not self.what:
            raise InvalidInput(what="the new keys", why="nothing to change was given")

    @property
    def what(self) -> list[str]:
        """The names of what changes, for the audit."""
        given = {
            "api_key": self.api_key,
            "wp_user": self.wp_username or self.forget_user,
            "stripe_key": self.stripe_key,
            "stripe_secret": self.stripe_secret,
        }
        return [name for name, value in given.items() if value]


def replace_keys(repository: NetworkRepository, network: Network, new: NewKeys) -> None:
    """Keep the new ones, sealed with the newest key, as all the others from now on.

    Raises:
        SealBroken: what stays was sealed with a key that is not configured.
    """
    secrets = None
    if new.stripe_secret:
        secrets = [new.stripe_secret, *repository.stripe_secrets(network)]
    repository.rotate(
        network.name,
        credentials=_credentials(repository, network, new),
        stripe_secrets=secrets,
        stripe_key=new.stripe_key,
    )


def _credentials(
    repository: NetworkRepository, network: Network, new: NewKeys
) -> Credentials | None:
    if not (new.api_key or new.wp_username or new.forget_user):
        return None
    try:
        kept = repository.credentials(network)
    except SealBroken:
        if not new.api_key:
            raise
        # The old ones cannot be opened any more, and need not be.
        kept = Credentials(new.api_key, new.api_secret)
    if new.api_key:
        kept = replace(kept, api_key=new.api_key, api_secret=new.api_secret)
        if new.in_query is not None:
            kept = replace(kept, in_query=new.in_query)
    if new.wp_username or new.forget_user:
        kept = replace(
            kept,
            wp_username=new.wp_username,
            wp_application_password=new.wp_application_password,
        )
    return kept
