"""Golden cases: what the plugin itself computed, one JSON document a line, plain or ``.gz``."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson
import typer

from bridge.errors import InvalidInput

SHOWN = 3


class InvalidCases(InvalidInput):
    """The golden cases in {path} cannot be read: {why}."""

    hint = "Expected one JSON object a line, in a plain or a .gz file."


@dataclass(frozen=True, slots=True)
class Difference:
    """A case that does not match: where it stands, and what differs, line by line."""

    where: str
    details: Sequence[str]


def read_cases(path: Path) -> Iterator[dict[str, Any]]:
    """The cases of a file, in order.

    Raises:
        InvalidCases: no such file, not gzip although named ``.gz``, or a line that is no
            JSON object.
    """
    opener = gzip.open if path.suffix == ".gz" else open
    number = 0
    try:
        with opener(path, "rb") as lines:
            for number, line in enumerate(lines, start=1):
                if line.strip():
                    yield _case(path, number, line)
    except (OSError, EOFError, zlib.error) as error:
        why = getattr(error, "strerror", None) or str(error)
        where = f", after line {number}" if number else ""
        raise InvalidCases(path=path, why=f"{why}{where}") from error


def compare(files: Sequence[Path], mismatches: Callable[[dict[str, Any]], list[str]]) -> None:
    """Compare every case of the files and report; ``mismatches`` gives what differs in one.

    Raises:
        InvalidCases: a file cannot be read, holds no case, or ``mismatches`` refuses one
            of its cases with an ``InvalidInput`` that says ``why``.
    """
    total = 0
    differences: list[Difference] = []
    for path in files:
        for number, case in enumerate(read_cases(path), start=1):
            total += 1
            try:
                details = mismatches(case)
            except InvalidInput as error:
                why = f"case {number}: {error.fields.get('why', error)}"
                raise InvalidCases(path=path, why=why) from error
            if details:
                details.append(orjson.dumps(_inputs(case)).decode())
                differences.append(Difference(f"{path}, case {number}", details))
    if total == 0:
        raise InvalidCases(path=", ".join(map(str, files)), why="there is no case in it")
    report(total - len(differences), total, differences)


def report(matched: int, total: int, differences: Sequence[Difference]) -> None:
    """Print "N of M match" and the first differences in full; exit 1 when any case differs."""
    for difference in differences[:SHOWN]:
        typer.echo(f"{difference.where}:")
        for line in difference.details:
            typer.echo(f"  {line}")
    if len(differences) > SHOWN:
        typer.echo(f"… and {len(differences) - SHOWN} more")
    typer.echo(f"{matched} of {total} match")
    if matched != total:
        raise typer.Exit(1)


def _inputs(case: dict[str, Any]) -> dict[str, Any]:
    """A case without the plugin's results."""
    return {
        name: part
        for name, part in case.items()
        if name != "expected" and not name.endswith("_effective")
    }


def _case(path: Path, number: int, line: bytes) -> dict[str, Any]:
    try:
        case = orjson.loads(line)
    except orjson.JSONDecodeError as error:
        raise InvalidCases(path=path, why=f"line {number}: {error}") from error
    if not isinstance(case, dict):
        raise InvalidCases(path=path, why=f"line {number} is not an object")
    return case
