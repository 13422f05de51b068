"""``planbridge account``: sign-in links for customers, the key of links, the network's brand."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from sqlmodel import Session

from bridge.cli.auditing import write_down
from bridge.cli.printing import print_json, print_table
from bridge.errors import ConfigurationError, InvalidInput, NotFound
from bridge.store.brands import brand_of, set_brand
from bridge.store.people import customers_by_email
from bridge.store.readers import load_customer, membership_record
from bridge.store.tables import Network, NetworkBrand
from bridge.web.pages.languages import LANGUAGES
from bridge.web.pages.links import LIFETIME
from bridge.web.pages.sessions import account_path
from bridge.wiring import open_app

app = typer.Typer(help="The customers' account pages.", no_args_is_help=True)

Name = Annotated[str, typer.Argument(help="Name of the network.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@app.callback()
def _group() -> None:
    """The customers' account pages."""


@app.command()
def link(
    network: Name,
    customer: Annotated[int | None, typer.Argument(help="Id of the customer.")] = None,
    email: Annotated[str, typer.Option(help="The customer by his e-mail address.")] = "",
    membership: Annotated[int | None, typer.Option(help="The customer of a membership.")] = None,
    to: Annotated[str, typer.Option(help="Where to go, such as memberships/7/change.")] = "",
    lang: Annotated[str, typer.Option(help=f"Language: {', '.join(LANGUAGES)}.")] = "",
    as_json: AsJson = False,
) -> None:
    """Make a link that signs a customer in to his account: once, within 15 minutes.

    Example: planbridge account link main --email customer12@example.com --lang fr
    """
    planbridge = open_app()
    place = planbridge.network(network)
    setup = planbridge.settings.pages()
    if not setup.public_url:
        raise ConfigurationError(
            problems="PLANBRIDGE_PUBLIC_URL has to say where browsers reach the service"
        )
    if lang and lang not in LANGUAGES:
        raise InvalidInput(what=f"--lang {lang}", why=f"expected one of {', '.join(LANGUAGES)}")
    now = planbridge.clock()
    with planbridge.session() as session:
        who = _customer(session, place, customer, email, membership)
        token = setup.links.issue(network, who, now=now, language=lang, to=to)
        made = setup.links.read(network, token, now=now)
        if made.to != to:
            raise InvalidInput(what=f"--to {to}", why="expected a path below the account")
        write_down(planbridge, session, "account.link", network=network, subject=f"customer {who}")
    url = f"{setup.public_url}{account_path(network)}/enter?token={token}"
    if as_json:
        print_json({"customer": who, "url": url, "expires_at": made.expires_at})
        return
    typer.echo(url)
    typer.echo(
        f"Opens the account of customer {who}, once, within {LIFETIME.seconds // 60} minutes. "
        "Whoever has it gets in: send it to nobody else.",
        err=True,
    )


@app.command()
def key(network: Name) -> None:
    """Show the key that the network signs links with (bridge/web/ACCOUNT-LINKS.md).

    Whoever has it can open every account of the network. It changes with the sealing keys.

    Example: planbridge account key main
    """
    planbridge = open_app()
    planbridge.network(network)
    with planbridge.session() as session:
        write_down(planbridge, session, "account.key", network=network, subject=network)
    typer.echo(planbridge.settings.pages().links.of(network))


@app.command()
def brand(
    network: Name,
    name: Annotated[str | None, typer.Option(help="What customers know it as.")] = None,
    colour: Annotated[str | None, typer.Option(help="#rrggbb; empty for the usual one.")] = None,
    logo: Annotated[
        Path | None, typer.Option(help="PNG, JPEG or SVG, 256 KiB at most.", dir_okay=False)
    ] = None,
    no_logo: Annotated[bool, typer.Option("--no-logo", help="Take the logo away.")] = False,
    support_email: Annotated[str | None, typer.Option(help="Where questions go.")] = None,
    as_json: AsJson = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only check and show.")] = False,
) -> None:
    """Show or set how a network's pages and mails look. What is not given stays.

    Text keeps its contrast whatever the colour: it is darkened or lightened where needed.

    Example: planbridge account brand main --name "Example Sites" --colour "#7a1f5c"
    """
    planbridge = open_app()
    place = planbridge.network(network)
    given = {"name": name, "colour": colour, "support_email": support_email}
    changed = [option for option, value in given.items() if value is not None]
    picture = b"" if no_logo else _read(logo)
    if picture is not None:
        changed.append("logo")
    with Session(planbridge.engine, expire_on_commit=False) as session:
        if not changed:
            shown = brand_of(session, place)
        else:
            shown = set_brand(
                session,
                place,
                name=name,
                colour=colour,
                logo=picture,
                support_email=support_email,
            )
        if changed and not dry_run:
            write_down(
                planbridge,
                session,
                "network.brand",
                network=network,
                subject=network,
                detail={"changed": changed},
            )
            session.commit()
        _show(shown, as_json=as_json)


def _customer(
    session: Session, place: Network, customer: int | None, email: str, membership: int | None
) -> int:
    """The one customer that was named, in whichever of the three ways."""
    if sum((customer is not None, bool(email), membership is not None)) != 1:
        raise InvalidInput(
            what="account link", why="name one customer: by id, --email or --membership"
        )
    if membership is not None:
        return membership_record(session, place.key, membership).customer_id
    if customer is not None:
        return load_customer(session, place.key, customer).id
    found = customers_by_email(session, place.key, email)
    if len(found) != 1:
        what = "customer with e-mail" if not found else "single customer with e-mail"
        raise NotFound(what=what, key=email)
    return found[0]


def _read(logo: Path | None) -> bytes | None:
    if logo is None:
        return None
    try:
        return logo.read_bytes()
    except OSError as error:
        raise InvalidInput(what="--logo", why=f"{logo}: {error.strerror}") from None


def _show(brand: NetworkBrand, *, as_json: bool) -> None:
    facts = {
        "name": brand.name,
        "colour": brand.colour,
        "logo": f"{brand.logo_type}, {len(brand.logo)} bytes" if brand.logo_type else "",
        "support_email": brand.support_email,
    }
    if as_json:
        print_json(facts)
    else:
        print_table(["what", "value"], facts.items())
