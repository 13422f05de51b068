"""``planbridge operator`` and ``planbridge audit``: who may use the console, and what was done."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from bridge.cli.auditing import write_down
from bridge.cli.printing import print_json, print_table
from bridge.errors import InvalidInput
from bridge.store.audit import AuditLog
from bridge.store.operators import OperatorRepository
from bridge.store.tables import AuditEntry, Operator, Role
from bridge.wiring import open_app

app = typer.Typer(
    help="Operators of the console: add, list, role, disable, password.", no_args_is_help=True
)
audit_app = typer.Typer(help="Audit: what operators and customers did.", no_args_is_help=True)


Email = Annotated[str, typer.Argument(help="E-mail address of the operator.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
PasswordFile = Annotated[
    str | None,
    typer.Option(
        "--password-file",
        help="File that holds the password; `-` reads standard input. Asked for if not given.",
    ),
]


@app.command()
def add(
    email: Email,
    role: Annotated[Role, typer.Option(help="What the operator may do.")] = Role.OPERATOR,
    name: Annotated[str, typer.Option(help="Shown beside what the operator does.")] = "",
    password_file: PasswordFile = None,
    no_password: Annotated[
        bool, typer.Option("--no-password", help="Sign-in is through the OIDC provider only.")
    ] = False,
) -> None:
    """Let somebody use the console.

    Example: planbridge operator add me@example.com --role owner
    """
    password = "" if no_password else _password(password_file)
    planbridge = open_app()
    with planbridge.session() as session:
        added = OperatorRepository(session).add(
            email, name=name, role=role, password=password, now=planbridge.clock()
        )
        write_down(
            planbridge,
            session,
            "operator.add",
            subject=added.email,
            detail={"role": role.value},
        )
    typer.echo(f"Added {added.email} as {role.value}.")


@app.command("list")
def list_operators(as_json: AsJson = False) -> None:
    """Show everybody who may use the console.

    Example: planbridge operator list
    """
    with open_app().session() as session:
        facts = [_facts(one) for one in OperatorRepository(session).list()]
    if as_json:
        print_json(facts)
        return
    columns = ["email", "name", "role", "active", "password", "provider", "signed in"]
    print_table(columns, [[each[name] for name in columns] for each in facts])


@app.command("role")
def set_role(email: Email, role: Annotated[Role, typer.Argument(help="The new role.")]) -> None:
    """Give an operator another role. The last owner stays one.

    Example: planbridge operator role me@example.com reader
    """
    planbridge = open_app()
    with planbridge.session() as session:
        operators = OperatorRepository(session)
        operator = operators.get(email)
        before = operator.role
        operators.set_role(operator, role)
        detail = {"from": before.value, "to": role.value}
        write_down(
            planbridge,
            session,
            "operator.role",
            subject=operator.email,
            detail=detail,
        )
    typer.echo(f"{operator.email} is {role.value} now.")


@app.command()
def disable(
    email: Email,
    undo: Annotated[bool, typer.Option("--undo", help="Let the operator in again.")] = False,
) -> None:
    """Keep an operator out, at once: every session ends. The last owner cannot be.

    Example: planbridge operator disable me@example.com
    """
    planbridge = open_app()
    with planbridge.session() as session:
        operators = OperatorRepository(session)
        operator = operators.get(email)
        operators.set_active(operator, undo)
        write_down(
            planbridge,
            session,
            "operator.enable" if undo else "operator.disable",
            subject=operator.email,
        )
    typer.echo(f"{operator.email} {'may sign in again' if undo else 'is kept out'}.")


@app.command()
def password(email: Email, password_file: PasswordFile = None) -> None:
    """Give an operator a new password; every session ends.

    Example: planbridge operator password me@example.com
    """
    planbridge = open_app()
    with planbridge.session() as session:
        operators = OperatorRepository(session)
        operator = operators.get(email)
        operators.set_password(operator, _password(password_file))
        write_down(planbridge, session, "operator.password", subject=operator.email)
    typer.echo(f"Changed the password of {operator.email}.")


@audit_app.callback()
def _audit() -> None:
    """Audit: what operators and customers did."""


@audit_app.command("list")
def list_audit(
    network: Annotated[str, typer.Option(help="Only of this network.")] = "",
    membership: Annotated[int | None, typer.Option(help="Only of this membership.")] = None,
    actor: Annotated[str, typer.Option(help="Only by this e-mail address.")] = "",
    action: Annotated[str, typer.Option(help="Only what begins so, such as `change.`.")] = "",
    limit: Annotated[int, typer.Option(min=1, help="How many at most.")] = 50,
    as_json: AsJson = False,
) -> None:
    """Show what was done, newest first.

    Example: planbridge audit list --network main --action change.
    """
    with open_app().session() as session:
        found = AuditLog(session).list(
            network=network, membership_id=membership, actor=actor, action=action, limit=limit
        )
        rows = [_entry(one) for one in found]
    if as_json:
        print_json(rows)
        return
    columns = ["at", "actor", "action", "network", "membership", "subject", "detail"]
    print_table(
        columns,
        [
            [_words(row["detail"]) if one == "detail" else row[one] for one in columns]
            for row in rows
        ],
    )


def _password(path: str | None) -> str:
    """From a file, standard input or a prompt: never from the command line, which others see."""
    if path is None:
        return str(typer.prompt("Password", hide_input=True, confirmation_prompt=True))
    if path == "-":
        return sys.stdin.readline().rstrip("\r\n")
    try:
        return Path(path).read_text(encoding="utf-8").rstrip("\r\n")
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise InvalidInput(what="--password-file", why=f"{path}: {why}") from None


def _facts(one: Operator) -> dict[str, Any]:
    return {
        "email": one.email,
        "name": one.name,
        "role": one.role.value,
        "active": one.active,
        "password": bool(one.password_hash),
        "provider": bool(one.oidc_subject),
        "signed in": one.signed_in_at,
    }


def _entry(one: AuditEntry) -> dict[str, Any]:
    return {
        "id": one.id,
        "at": one.at,
        "actor": one.actor,
        "action": one.action,
        "network": one.network,
        "membership": one.membership_id,
        "subject": one.subject,
        "detail": one.detail,
    }


def _words(detail: dict[str, Any]) -> str:
    return "; ".join(f"{name}: {value}" for name, value in detail.items())
