"""The file that lets a killed sandbox start again: one JSON line for each change."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from bridge.errors import InvalidInput

HEADER = b'{"planbridge sandbox":1}\n'
"""The first line, by which a file is known as one of ours."""


class StateFileUnusable(InvalidInput):
    """The sandbox's state file {path} cannot be used: {why}."""

    hint = "Delete it, or name another one, to begin with the example."


class StateLog:
    """An append-only log. A line cut off by a kill is left out when reading.

    Raises:
        StateFileUnusable: the file cannot be opened, or is of something else.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            self._keep_whole_lines()
            self._file = path.open("a", encoding="utf-8", buffering=1 << 20)
        except OSError as error:
            raise StateFileUnusable(path=path, why=error.strerror) from error

    def entries(self) -> Iterator[dict[str, Any]]:
        """What was written by earlier runs, oldest first."""
        with self._path.open("rb") as lines:
            next(lines, None)
            for number, line in enumerate(lines, start=2):
                try:
                    yield json.loads(line)
                except ValueError:
                    why = f"line {number} is no entry"
                    raise StateFileUnusable(path=self._path, why=why) from None

    def append(self, entry: dict[str, Any]) -> None:
        """Add an entry; it is out of this process after ``flush``."""
        self._file.write(json.dumps(entry, separators=(",", ":")) + "\n")

    def clear(self) -> None:
        """Forget what earlier runs wrote."""
        self._file.truncate(len(HEADER))

    def flush(self) -> None:
        """Hand everything appended to the operating system."""
        self._file.flush()

    def close(self) -> None:
        """Flush and close the file."""
        self._file.close()

    def _keep_whole_lines(self) -> None:
        content = self._path.read_bytes() if self._path.exists() else b""
        if HEADER.startswith(content) and content != HEADER:
            self._path.write_bytes(HEADER)
            return
        if not content.startswith(HEADER):
            raise StateFileUnusable(path=self._path, why="it is not a sandbox's")
        whole = content[: content.rfind(b"\n") + 1]
        if len(whole) != len(content):
            self._path.write_bytes(whole)
