"""``planbridge golden limits``: our composition of limits against the plugin's own."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import orjson
import typer

from bridge.cli.golden_cases import Difference, InvalidCases, read_cases, report
from bridge.domain.golden_limits import InvalidCase, mismatches
from bridge.domain.limits import release_of


def limits(
    files: Annotated[list[Path], typer.Argument(help="Files of cases, plain or .gz.")],
    plugin: Annotated[
        str, typer.Option(help="The plugin's release that computed them, such as 2.4.12.")
    ] = "2.4.13",
) -> None:
    """Compose the limits of golden cases and compare them with the plugin's results.

    Example: planbridge golden limits --plugin 2.4.13 limits-2.4.13.jsonl.gz
    """
    release = release_of(plugin)
    total = 0
    differences: list[Difference] = []
    for path in files:
        for number, case in enumerate(read_cases(path), start=1):
            total += 1
            where = f"{path}, case {number}"
            try:
                details = mismatches(case, release)
            except InvalidCase as error:
                raise InvalidCases(
                    path=path, why=f"case {number}: {error.fields['why']}"
                ) from error
            if details:
                inputs = {name: case[name] for name in ("plan", "addons", "membership", "site")}
                details.append(orjson.dumps(inputs).decode())
                differences.append(Difference(where, details))
    if total == 0:
        raise InvalidCases(path=", ".join(map(str, files)), why="there is no case in it")
    report(total - len(differences), total, differences)
