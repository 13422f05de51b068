"""``planbridge network``: which networks there are, and what each can do."""

from __future__ import annotations

import sys
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Annotated

import typer

from bridge.cli.printing import print_json, print_table
from bridge.cli.subscribe import subscribe
from bridge.cli.treatment import set_options, treatment
from bridge.errors import InvalidInput
from bridge.network.checkup import check_up
from bridge.network.client import NetworkClient
from bridge.network.endpoint import Endpoint
from bridge.payments.client import check_mode
from bridge.store.networks import Credentials, NetworkRepository
from bridge.store.new_keys import NewKeys, replace_keys
from bridge.store.tables import Network
from bridge.wiring import open_app

app = typer.Typer(help="Networks: add, check, list, show, set, remove.", no_args_is_help=True)
app.command("set")(set_options)
app.command("subscribe")(subscribe)

Name = Annotated[str, typer.Argument(help="Short name of the network, such as `main`.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
SecretFile = typer.Option(help="File that holds it; `-` reads standard input.")
StripeKeyFile = typer.Option(
    help="File with the Stripe key (sk_… or rk_…) that money is collected with."
)
WpUser = typer.Option(help="User name of a super admin, for what only WordPress tells.")
WpPasswordFile = typer.Option(help="File with an application password of that user.")


@app.command()
def add(
    name: Name,
    url: Annotated[str, typer.Option(help="Address of the network's main site.")],
    api_key: Annotated[
        str, typer.Option(help="API key (Settings → API & Webhooks).", envvar="PLANBRIDGE_API_KEY")
    ],
    api_secret_file: Annotated[str | None, SecretFile] = None,
    api_secret: Annotated[
        str | None,
        typer.Option(help="Better given by file.", envvar="PLANBRIDGE_API_SECRET"),
    ] = None,
    stripe_secret_file: Annotated[str | None, SecretFile] = None,
    stripe_secret: Annotated[
        str | None,
        typer.Option(
            help="Signing secret (whsec_…) of the Stripe endpoint; better given by file.",
            envvar="PLANBRIDGE_STRIPE_WEBHOOK_SECRET",
        ),
    ] = None,
    stripe_account: Annotated[str, typer.Option(help="Stripe account id (acct_…).")] = "",
    stripe_key_file: Annotated[str | None, StripeKeyFile] = None,
    live: Annotated[bool, typer.Option("--live", help="Take live events, not test ones.")] = False,
    credentials_in_query: Annotated[
        bool,
        typer.Option(
            "--credentials-in-query",
            help="Send key and secret as parameters: for servers that drop Authorization.",
        ),
    ] = False,
    wp_user: Annotated[str | None, WpUser] = None,
    wp_password_file: Annotated[str | None, WpPasswordFile] = None,
    check: Annotated[bool, typer.Option(help="Sign in before adding it.")] = True,
) -> None:
    """Add a network, after signing in to it once.

    Example: planbridge network add main --url https://network.example.com
    --api-key KEY --api-secret-file secret.txt --stripe-secret-file whsec.txt
    """
    secret = _secret(api_secret, api_secret_file, "--api-secret-file", prompt="API secret")
    stripe = _secret(stripe_secret, stripe_secret_file, "--stripe-secret-file", prompt=None)
    stripe_key = _secret(None, stripe_key_file, "--stripe-key-file", prompt=None)
    check_mode(stripe_key, network=name, livemode=live)
    wordpress = _wordpress_user(wp_user, wp_password_file)
    credentials = Credentials(api_key, secret, in_query=credentials_in_query)
    endpoint = Endpoint(url, api_key, secret, in_query=credentials_in_query)
    planbridge = open_app()
    client = NetworkClient(endpoint, name=name, clock=planbridge.clock)
    capabilities = client.probe() if check else None
    with planbridge.session() as session:
        repository = NetworkRepository(session, planbridge.seal)
        network = repository.add(
            name,
            endpoint.url,
            credentials if wordpress is None else _with_user(credentials, wordpress),
            now=planbridge.clock(),
            stripe_secrets=[stripe] if stripe else [],
            stripe_account=stripe_account,
            stripe_key=stripe_key,
            livemode=live,
        )
        if capabilities is not None:
            repository.save_capabilities(network, capabilities.as_json(), now=planbridge.clock())
    typer.echo(f"Added {name}. Next: planbridge sync {name}")


@app.command("list")
def list_networks(as_json: AsJson = False) -> None:
    """Show all networks.

    Example: planbridge network list --json
    """
    networks = open_app().networks()
    if as_json:
        print_json([_facts(item) for item in networks])
        return
    rows = [(item.name, item.url, item.stripe_account, item.synced_at) for item in networks]
    print_table(["name", "address", "Stripe account", "synced"], rows)


@app.command()
def show(name: Name, as_json: AsJson = False) -> None:
    """Show a network: address, terms, how it is treated, what the last check found. No secrets.

    Example: planbridge network show main
    """
    planbridge = open_app()
    network = planbridge.network(name)
    treated = treatment(network, planbridge.settings)
    facts = _facts(network)
    if as_json:
        print_json({**facts, "treatment": treated})
        return
    nested = {key: facts.pop(key) for key in ("terms", "capabilities", "options")}
    del nested["options"]  # `treated` has them
    for inner in nested.values():
        assert isinstance(inner, dict)
        facts |= {key: value for key, value in inner.items() if key != "schemas"}
    print_table(["what", "value"], {**facts, **treated}.items())


@app.command()
def check(name: Name, as_json: AsJson = False) -> None:
    """Find out, without changing anything, what a network can do and what it lacks.

    Example: planbridge network check main
    """
    planbridge = open_app()
    network = planbridge.network(name)
    with planbridge.session() as session:
        user = NetworkRepository(session, planbridge.seal).credentials(network).wp_username
    with planbridge.client(network) as client:
        capabilities, found = check_up(client, network.url, wordpress_user=bool(user))
    with planbridge.session() as session:
        NetworkRepository(session, planbridge.seal).save_capabilities(
            session.merge(network), capabilities.as_json(), now=planbridge.clock()
        )
    if as_json:
        print_json({**capabilities.as_json(), "findings": [asdict(each) for each in found]})
        return
    rows = [
        (each.what, each.found, *(("", "") if each.good is not False else (each.cost, each.cure)))
        for each in found
    ]
    print_table(
        ["what", "found", "what it costs", "what to do"],
        rows,
        title=f"{name} answers, like a release {capabilities.likely_release}",
    )


@app.command()
def remove(
    name: Name,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would go.")] = False,
) -> None:
    """Forget a network and its mirror. The network itself is not touched.

    Example: planbridge network remove main --yes
    """
    planbridge = open_app()
    planbridge.network(name)
    if dry_run:
        typer.echo(f"Would forget {name}: its mirror, quotes, changes and events.")
        return
    if not yes:
        typer.confirm(f"Forget {name} with its mirror, quotes, changes and events?", abort=True)
    with planbridge.session() as session:
        NetworkRepository(session, planbridge.seal).remove(name)
    typer.echo(f"Forgot {name}.")


@app.command()
def rotate(
    name: Name,
    api_key: Annotated[str | None, typer.Option(help="The new API key.")] = None,
    api_secret_file: Annotated[str | None, SecretFile] = None,
    stripe_secret_file: Annotated[str | None, SecretFile] = None,
    stripe_key_file: Annotated[str | None, StripeKeyFile] = None,
    wp_user: Annotated[str | None, WpUser] = None,
    wp_password_file: Annotated[str | None, WpPasswordFile] = None,
) -> None:
    """Change a network's credentials or add a new Stripe signing secret (the old one still counts).

    What is not given stays. `--wp-user ""` forgets the WordPress user.

    Example: planbridge network rotate main --api-key KEY --api-secret-file new.txt
    """
    planbridge = open_app()
    stripe = _secret(None, stripe_secret_file, "--stripe-secret-file", prompt=None)
    stripe_key = _secret(None, stripe_key_file, "--stripe-key-file", prompt=None)
    wordpress = _wordpress_user(wp_user, wp_password_file)
    if bool(api_key) is not bool(api_secret_file):
        raise InvalidInput(what="rotate", why="--api-key and --api-secret-file belong together")
    new = NewKeys(
        api_key=api_key or "",
        api_secret=_secret(None, api_secret_file, "--api-secret-file", prompt=None),
        wp_username=wordpress.name if wordpress else "",
        wp_application_password=wordpress.password if wordpress else "",
        forget_user=wordpress is not None and not wordpress.name,
        stripe_key=stripe_key,
        stripe_secret=stripe,
    )
    with planbridge.session() as session:
        repository = NetworkRepository(session, planbridge.seal)
        network = repository.get(name)
        check_mode(stripe_key, network=name, livemode=network.livemode)
        replace_keys(repository, network, new)
    typer.echo(f"Changed the credentials of {name}.")


@dataclass(frozen=True, slots=True)
class _WordPressUser:
    name: str
    password: str = field(repr=False)


def _wordpress_user(name: str | None, password_file: str | None) -> _WordPressUser | None:
    """The super admin that was given; one without a name means: forget him."""
    if password_file is None and not name:
        return None if name is None else _WordPressUser("", "")
    password = _secret(None, password_file, "--wp-password-file", prompt=None)
    if not (name and password):
        why = "--wp-user and --wp-password-file belong together, and neither may be empty"
        raise InvalidInput(what="The WordPress user", why=why)
    return _WordPressUser(name, password)


def _with_user(credentials: Credentials, user: _WordPressUser) -> Credentials:
    return replace(credentials, wp_username=user.name, wp_application_password=user.password)


def _secret(value: str | None, path: str | None, option: str, *, prompt: str | None) -> str:
    if path == "-":
        return sys.stdin.readline().strip()
    if path is not None:
        try:
            return Path(path).read_text(encoding="utf-8").strip()
        except OSError as error:
            raise InvalidInput(what=option, why=f"{path}: {error.strerror}") from None
    if value is None and prompt is not None:
        return str(typer.prompt(prompt, hide_input=True))
    return value or ""


def _facts(network: Network) -> dict[str, object]:
    shown = {
        key: value for key, value in vars(network).items() if not key.startswith(("_", "sealed_"))
    }
    return {**shown, "collects": bool(network.sealed_stripe_key)}
