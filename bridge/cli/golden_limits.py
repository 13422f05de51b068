"""``planbridge golden limits``: our composition of limits against the plugin's own."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from bridge.cli.golden_cases import compare
from bridge.domain.golden_limits import mismatches
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
    compare(files, lambda case: mismatches(case, release))
