"""Which commands there are, and under which name; each is loaded when it is called.

A command brings half of planbridge with it, so loading all of them for one would take seconds.
"""

from __future__ import annotations

from collections.abc import Iterator, MutableMapping
from dataclasses import dataclass
from importlib import import_module
from typing import Any

import typer
from typer.core import TyperGroup

from bridge.errors import InvalidInput


@dataclass(frozen=True, slots=True)
class Command:
    """A command or a group of them.

    ``place`` is the module below `bridge.cli` and the function or `typer.Typer` in it; ``help``
    what it says of itself in one line.
    """

    name: str
    place: str
    help: str

    def load(self) -> Any:
        """What Typer makes of it."""
        module, _, attribute = self.place.partition(":")
        found = getattr(import_module(f"bridge.cli.{module}"), attribute)
        host = typer.Typer(rich_markup_mode=None, add_completion=False)
        if isinstance(found, typer.Typer):
            host.add_typer(found, name=self.name)
        else:
            host.command(self.name)(found)
        return typer.main.get_group(host).commands[self.name]


COMMANDS = (
    Command("network", "network:app", "Networks: add, check, list, show, set, remove."),
    Command(
        "sync",
        "sync:sync",
        "Mirror a network: products, customers, memberships, sites, codes, payments, domains.",
    ),
    Command(
        "catalogue",
        "catalogue:app",
        "Limits, price variations and add-ons of products: show, import, export, learn, push.",
    ),
    Command(
        "offers",
        "quotes:offers",
        "Show what a membership may change to: plans of its group, add-ons of its plan.",
    ),
    Command(
        "quote",
        "quotes:quote",
        "Price a change: every line, what is due now and next, and how it is computed.",
    ),
    Command(
        "preflight",
        "preflight:preflight",
        "Compare what the sites use with the limits they would have after a change.",
    ),
    Command("changes", "changes:app", "Changes: list, show, retry, revoke."),
    Command("account", "account:app", "The customers' account pages."),
    Command("events", "events:app", "Stripe events: list, show, replay, backfill."),
    Command("billing", "billing:app", "Billing of memberships: list, show, retry."),
    Command("adopt", "adopt:app", "Memberships billed by the plugin: plan, run, revert, status."),
    Command("limits", "limits:app", "Limits: where they come from."),
    Command("drift", "drift:app", "Drift: limits changed behind our back."),
    Command("schedules", "schedules:app", "Schedules: what runs by itself."),
    Command("notices", "notices:app", "Notices: e-mails to customers."),
    Command("hooks", "hooks:app", "Hooks: signed events to your own systems."),
    Command(
        "simulate",
        "simulate:simulate",
        "Show what becomes of a membership: renewals, changes and failures, with every amount.",
    ),
    Command(
        "operator", "operators:app", "Operators of the console: add, list, role, disable, password."
    ),
    Command("audit", "operators:audit_app", "Audit: what operators and customers did."),
    Command("stripe", "stripe:app", "Stripe: compare sums with its own."),
    Command("site", "site:app", "Sites: what they use and are allowed."),
    Command(
        "serve",
        "serve:serve",
        "Run the service: webhooks, JSON API and the upgrade engine, until Ctrl-C.",
    ),
    Command("migrate", "serve:migrate", "Bring the database to the tables this version needs."),
    Command("token", "serve:token", "Show the operator's bearer token for /v1."),
    Command(
        "settings",
        "serve:show_settings",
        "List every setting, its environment variable and its default.",
    ),
    Command(
        "demo",
        "demo:demo",
        "Show planbridge on a stand-in network and Stripe: pages to click through, until Ctrl-C.",
    ),
    Command("sandbox", "sandbox:app", "Run a stand-in network until Ctrl-C; prints how to add it."),
    Command(
        "golden", "golden:app", "Compare our results with those that the plugin computed itself."
    ),
)
"""All there are, in the order in which they are listed."""


class OnDemand(MutableMapping[str, Any]):
    """Commands by name, each loaded when it is asked for."""

    def __init__(self) -> None:
        self._known = {command.name: command for command in COMMANDS}
        self._loaded: dict[str, Any] = {}

    def __getitem__(self, name: str) -> Any:
        if name not in self._loaded:
            self._loaded[name] = self._known[name].load()
        return self._loaded[name]

    def __contains__(self, name: object) -> bool:
        return name in self._known or name in self._loaded

    def __iter__(self) -> Iterator[str]:
        return iter({**self._known, **self._loaded})

    def __len__(self) -> int:
        return len(self._known.keys() | self._loaded.keys())

    def __setitem__(self, name: str, command: Any) -> None:
        self._loaded[name] = command

    def __delitem__(self, name: str) -> None:
        del self._loaded[name]


class Commands(TyperGroup):
    """All commands; their list is shown without loading any."""

    def __init__(self, **attributes: Any) -> None:
        super().__init__(**attributes)
        self.commands = OnDemand()

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """What was typed, as text: a name in another encoding could not even be looked up."""
        for argument in args:
            if not argument.isascii() and any("\ud800" <= one <= "\udfff" for one in argument):
                raise InvalidInput(what=f"The argument {argument!r}", why="it is not UTF-8 text")
        parsed: list[str] = super().parse_args(ctx, args)
        return parsed

    def list_commands(self, ctx: Any) -> list[str]:
        """Their names, in order."""
        return list(self.commands)

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """Their names and what each says of itself, as far as it fits into a line."""
        room = formatter.width - 6 - max(len(command.name) for command in COMMANDS)
        with formatter.section("Commands"):
            formatter.write_dl(
                [(command.name, _shortened(command.help, room)) for command in COMMANDS]
            )


def _shortened(text: str, room: int) -> str:
    if len(text) <= room:
        return text
    return text[: room - 3].rpartition(" ")[0].rstrip(",:") + "..."
