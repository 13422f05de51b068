"""``planbridge catalogue``: what a network sells on, where its REST interface is silent."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer
from sqlmodel import Session

from bridge.cli.printing import console, print_json, print_table
from bridge.errors import InvalidInput
from bridge.store.networks import id_of
from bridge.store.readers import catalogue_sources
from bridge.store.tables import Network
from bridge.wiring import App, open_app
from sync.catalogue import Difference, Proposal, differences, from_file, take, to_file
from sync.catalogue_file import CatalogueFile, read, write
from sync.learning import learn as learn_catalogue
from sync.pushing import Part, Pushed, carry_out, planned

app = typer.Typer(
    help="Limits, price variations and add-ons of products: show, import, export, learn, push.",
    no_args_is_help=True,
)

Name = Annotated[str, typer.Argument(metavar="NETWORK", help="Name of the network.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Take it without asking.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


class UnreadableFile(InvalidInput):
    """{path} cannot be read: {why}."""


class PushIncomplete(InvalidInput):
    """{count} of {all} writes to the network did not come out as they should."""

    hint = "They are listed above."


@app.command("import")
def import_(
    name: Name,
    file: Annotated[str, typer.Argument(help="Catalogue file; `-` reads standard input.")],
    yes: Yes = False,
) -> None:
    """Take a catalogue file, after showing what it would change.

    Example: planbridge catalogue import main catalogue.yaml
    """
    planbridge = open_app()
    network = planbridge.network(name)
    content, lines = read(_text(file))
    with planbridge.session() as session:
        proposal = from_file(session, network, content, lines)
    _propose(planbridge, network, proposal, yes=yes)


@app.command()
def export(
    name: Name,
    file: Annotated[Path | None, typer.Argument(help="Where to; standard output if none.")] = None,
) -> None:
    """Write everything known as a catalogue file.

    Example: planbridge catalogue export main catalogue.yaml
    """
    planbridge = open_app()
    network = planbridge.network(name)
    with planbridge.session() as session:
        text = write(to_file(session, network))
    if file is None or str(file) == "-":
        typer.echo(text, nl=False)
    else:
        file.write_text(text, encoding="utf-8")


@app.command()
def learn(name: Name, yes: Yes = False) -> None:
    """Learn plans' limits and price variations from what the last sync saw.

    Only what is certain is proposed; the rest is listed.

    Example: planbridge catalogue learn main --yes
    """
    planbridge = open_app()
    network = planbridge.network(name)
    with planbridge.session() as session:
        learned = learn_catalogue(session, network)
    for slug, evidence in learned.evidence.items():
        console.print(f"{slug}: limits as {evidence}", markup=False)
    for question in learned.open_questions:
        console.print(f"open: {question}", markup=False)
    _propose(planbridge, network, learned.proposal, yes=yes)


@app.command()
def push(
    name: Name,
    products: Annotated[
        list[str] | None, typer.Argument(metavar="[SLUG]...", help="Which products; all if none.")
    ] = None,
    part: Annotated[
        list[Part] | None, typer.Option(help="Only this part; may be repeated.")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only show what would go.")] = False,
    yes: Yes = False,
) -> None:
    """Write the catalogue to the network's products, and read back what can be read.

    Limits replace the network's whole row of the product.

    Example: planbridge catalogue push main --dry-run
    """
    planbridge = open_app()
    network = planbridge.network(name)
    with planbridge.session() as session:
        pushes = planned(session, network, slugs=products or (), parts=part or tuple(Part))
    print_table(
        ["product", "part", "value"], ([each.slug, each.part, each.summary] for each in pushes)
    )
    if dry_run or not pushes or not _agreed(f"Write this to {name}?", yes=yes):
        return
    with planbridge.client(network) as client:
        done = list(carry_out(planbridge.engine, network, client, pushes))
    print_table(["product", "part", "outcome"], (_outcome(each) for each in done))
    failed = [each for each in done if each.fault or each.equal is False]
    if failed:
        raise PushIncomplete(count=len(failed), all=len(done))


@app.command()
def show(name: Name, as_json: AsJson = False) -> None:
    """What is known of each product, and from where.

    Example: planbridge catalogue show main
    """
    planbridge = open_app()
    network = planbridge.network(name)
    with planbridge.session() as session:
        file = to_file(session, network)
        sources = catalogue_sources(session, id_of(network))
    if as_json:
        print_json({**file.model_dump(mode="json", exclude_none=True), "sources": sources})
        return
    print_table(
        ["product", "limits", "variations", "add-ons"],
        (
            [
                slug,
                _known(section.limits, sources[slug]["limits"]),
                ", ".join(
                    f"{each.period} {each.amount}" for each in section.price_variations or ()
                ),
                ", ".join(section.available_addons or ()),
            ]
            for slug, section in file.products.items()
        ),
    )


@app.command()
def schema() -> None:
    """The JSON schema of a catalogue file, for editors.

    Example: planbridge catalogue schema > catalogue.schema.json
    """
    print_json(CatalogueFile.model_json_schema())


def _propose(planbridge: App, network: Network, proposal: Proposal, *, yes: bool) -> None:
    with Session(planbridge.engine) as session:
        found = differences(session, network, proposal)
    _print_differences(found)
    if not found or not _agreed("Take this?", yes=yes):
        return
    with planbridge.session() as session:
        take(session, session.merge(network), proposal, clock=planbridge.clock)
    console.print("taken")


def _print_differences(found: Sequence[Difference]) -> None:
    if not found:
        console.print("no difference")
        return
    print_table(
        ["", "", "is", "would be"],
        ([each.subject, each.what, each.before, each.after] for each in found),
    )


def _agreed(question: str, *, yes: bool) -> bool:
    """Yes by option, or by answer on a terminal; elsewhere nothing is taken."""
    if yes:
        return True
    if sys.stdin.isatty():
        return typer.confirm(question)
    typer.echo("Nothing was taken; give --yes to take it.", err=True)
    raise typer.Exit(1)


def _outcome(done: Pushed) -> list[str]:
    return [done.push.slug, done.push.part, str(done.fault) if done.fault else done.proof]


def _known(limits: object, source: str) -> str:
    return "unknown" if limits is None else f"known ({source})"


def _text(file: str) -> str:
    try:
        return sys.stdin.read() if file == "-" else Path(file).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise UnreadableFile(path=file, why=why) from None
