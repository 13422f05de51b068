"""``python -m tests.benchmarks NAME [--json] [--database URL]``: one table a benchmark.

Each is a module of this folder with ``rows()``, giving what was measured and the limit or
peer measured in the same run. Figures depend on the machine; ratios travel.
"""

from __future__ import annotations

import argparse
import importlib
import inspect
import json
import platform
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import make_url

from bridge.cli.printing import print_table

NAMES = sorted(path.stem for path in Path(__file__).parent.glob("[a-z]*.py"))


def main(arguments: list[str] | None = None) -> int:
    """Run one benchmark and print its table."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    parser.add_argument("name", choices=NAMES)
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    parser.add_argument("--database", help="database URL, for benchmarks that use one")
    parser.add_argument("--peers", action="store_true", help="measure other projects too")
    parser.add_argument("--memory", action="store_true", help="measure peak memory instead")
    given = parser.parse_args(arguments)
    measure = importlib.import_module(f"tests.benchmarks.{given.name}").rows
    options: dict[str, Any] = {}
    for name in ("database", "peers", "memory"):
        if name in inspect.signature(measure).parameters:
            options[name] = getattr(given, name)
        elif getattr(given, name):
            parser.error(f"{given.name} takes no --{name}")
    found: list[dict[str, object]] = measure(**options)
    machine = f"{platform.machine()}, Python {platform.python_version()}"
    if "database" in inspect.signature(measure).parameters:
        machine += f", {make_url(given.database or 'sqlite://').get_backend_name()}"
    when = f"{datetime.now(UTC):%Y-%m-%d}"
    if given.json:
        print(
            json.dumps({"benchmark": given.name, "machine": machine, "date": when, "rows": found})
        )
        return 0
    columns = list(dict.fromkeys(key for row in found for key in row))
    title = f"{given.name} ({machine}, {when})"
    print_table(columns, ([row.get(key) for key in columns] for row in found), title=title)
    return 0


if __name__ == "__main__":
    sys.exit(main())
