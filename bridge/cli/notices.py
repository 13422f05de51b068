"""``planbridge notices``: e-mails to customers."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from bridge.cli.auditing import write_down
from bridge.cli.printing import console, print_json, print_table
from bridge.domain.notices import NoticeKind
from bridge.errors import InvalidInput
from bridge.messaging import Messaging
from bridge.notices.facts import NoUse
from bridge.notices.samples import sample
from bridge.store.networks import NetworkRepository
from bridge.store.notices import NoticeRepository
from bridge.store.tables import Network, Notice, NoticeState
from bridge.wiring import App, open_app

app = typer.Typer(help="Notices: e-mails to customers.", no_args_is_help=True)

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Id = Annotated[int, typer.Argument(metavar="NOTICE", help="Number of the notice.")]
Name = Annotated[str, typer.Argument(metavar="NETWORK", help="Name of the network.")]
_ALL = "all"


@app.command("list")
def list_notices(
    network: Annotated[str | None, typer.Option(help="Only of this network.")] = None,
    state: Annotated[list[NoticeState] | None, typer.Option(help="Only in these states.")] = None,
    kind: Annotated[NoticeKind | None, typer.Option(help="Only of this kind.")] = None,
    membership: Annotated[int | None, typer.Option(help="Only of this membership.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="How many at most.")] = 50,
    as_json: AsJson = False,
) -> None:
    """Show what was told to customers, what waits and what could not be sent, newest first.

    Example: planbridge notices list --state attention
    """
    planbridge = open_app()
    chosen = planbridge.network(network).key if network else None
    names = {one.key: one.name for one in planbridge.networks()}
    with planbridge.session() as session:
        found = NoticeRepository(session).list(
            network_id=chosen, states=state, kind=kind, membership_id=membership, limit=limit
        )
    if as_json:
        print_json([_facts(names, row) for row in found])
        return
    print_table(
        ["notice", "network", "kind", "membership", "to", "state", "when", "why"],
        [
            (
                row.id,
                names[row.network_id],
                row.kind.value,
                row.membership_id,
                row.email,
                row.state.value,
                row.sent_at or row.due_at,
                row.reason,
            )
            for row in found
        ],
    )


@app.command()
def show(
    notice: Id,
    eml: Annotated[
        bool, typer.Option("--eml", help="Print the mail itself, as it would be sent now.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Show a notice, or the mail that it makes (`--eml > notice.eml`).

    Example: planbridge notices show 12 --eml
    """
    planbridge = open_app()
    with planbridge.session() as session:
        found = NoticeRepository(session).get(notice)
    if eml:
        if found.kind is NoticeKind.SIGN_IN:
            raise NoUse(why="a sign-in link is shown to nobody but who asked for it")
        typer.echo(Messaging(planbridge).notices.draft(notice).mail.as_string())
        return
    facts = _facts({one.key: one.name for one in planbridge.networks()}, found)
    if as_json:
        print_json(facts)
    else:
        print_table(["what", "value"], facts.items())


@app.command()
def retry(notice: Id) -> None:
    """Let the running service try a notice again now.

    Example: planbridge notices retry 12
    """
    planbridge = open_app()
    with planbridge.session() as session:
        found = NoticeRepository(session).retry(notice, now=planbridge.clock())
        write_down(
            planbridge,
            session,
            "notice.retry",
            network=NetworkRepository(session, planbridge.seal).by_id(found.network_id).name,
            membership_id=found.membership_id,
            subject=f"notice {notice}",
        )
    typer.echo("The running service sends it now.")


@app.command("test")
def try_out(
    name: Name,
    to: Annotated[str, typer.Option(help="Where to send it.")],
    kind: Annotated[NoticeKind, typer.Option(help="Which kind of notice.")] = (
        NoticeKind.CHANGE_DONE
    ),
    language: Annotated[str, typer.Option(help="In which language, such as fr.")] = "",
) -> None:
    """Send an invented notice here and now, to see that mails go out and how they look.

    Example: planbridge notices test main --to me@example.com --language fr
    """
    if to.count("@") != 1 or any(sign.isspace() for sign in to):
        raise InvalidInput(what=repr(to), why="expected an e-mail address")
    planbridge = open_app()
    network = planbridge.network(name)
    messaging = Messaging(planbridge)
    story = sample(
        kind,
        currency=str(network.terms.get("currency", "USD")),
        account_url=messaging.desk.account_url(name),
        now=planbridge.clock(),
    )
    draft = messaging.notices.try_out(network, story, to=to, language=language)
    with planbridge.session() as session:
        detail = {"kind": kind.value, "to": to}
        write_down(planbridge, session, "notice.test", network=name, detail=detail)
    console.print(f"The mail server has taken it for {to} ({draft.language}).", markup=False)


@app.command("set")
def set_notices(
    name: Name,
    on: Annotated[
        list[str] | None, typer.Option("--on", help="Switch a kind on, or `all`; repeatable.")
    ] = None,
    off: Annotated[
        list[str] | None, typer.Option("--off", help="Switch a kind off, or `all`; repeatable.")
    ] = None,
    from_name: Annotated[
        str | None, typer.Option(help="Name that mails come from; the network's own if empty.")
    ] = None,
    from_address: Annotated[
        str | None, typer.Option(help="Address that mails come from; the server's if empty.")
    ] = None,
    language: Annotated[
        str | None, typer.Option(help="Language of customers who have none on record.")
    ] = None,
    renewal_days: Annotated[
        int | None, typer.Option(min=1, max=90, help="Days before a renewal that it is told.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Show or decide what a network's customers are told, and who the mails come from.

    What is switched on tells what happens from then on, never what happened before.

    Example: planbridge notices set main --on all --off renewal_ahead --from-address a@example.com
    """
    planbridge = open_app()
    network = planbridge.network(name)
    switched = [(kind, True) for kind in _kinds(on)] + [(kind, False) for kind in _kinds(off)]
    with planbridge.session() as session:
        repository = NoticeRepository(session)
        for kind, is_on in switched:
            repository.switch(network.key, kind, is_on=is_on, now=planbridge.clock())
            detail = {"kind": kind.value, "on": is_on}
            write_down(planbridge, session, "notice.switch", network=name, detail=detail)
        before = repository.profile(network.key).model_dump()
        repository.set_profile(
            network.key,
            from_name=from_name,
            from_address=from_address,
            language=language,
            renewal_days=renewal_days,
        )
        after = repository.profile(network.key).model_dump()
        if changed := {what: value for what, value in after.items() if value != before[what]}:
            write_down(planbridge, session, "notice.sender", network=name, detail=changed)
    _print_set(planbridge, network, as_json=as_json)


def _print_set(planbridge: App, network: Network, *, as_json: bool) -> None:
    with planbridge.session() as session:
        repository = NoticeRepository(session)
        profile = repository.profile(network.key)
        kinds = {
            kind.value: "always" if not kind.switchable else repository.is_on(network.key, kind)
            for kind in NoticeKind
        }
    who = profile.model_dump(exclude={"network_id"})
    if as_json:
        print_json({"network": network.name, "kinds": kinds, **who})
        return
    print_table(["notice", "on"], kinds.items(), title=network.name)
    print_table(["what", "value"], who.items())
    if not planbridge.settings.smtp_host:
        console.print("No mail server is set (PLANBRIDGE_SMTP_HOST): notices wait until one is.")


def _kinds(names: list[str] | None) -> list[NoticeKind]:
    known = [kind for kind in NoticeKind if kind.switchable]
    found: list[NoticeKind] = []
    for name in names or ():
        if name == _ALL:
            found += known
        elif name in known:
            found.append(NoticeKind(name))
        else:
            expected = ", ".join([*known, _ALL])
            raise InvalidInput(what=f"notice {name!r}", why=f"expected one of {expected}")
    return found


def _facts(names: dict[int, str], row: Notice) -> dict[str, Any]:
    shown = row.model_dump(exclude={"network_id", "sealed"})
    return {"network": names[row.network_id], **shown}
