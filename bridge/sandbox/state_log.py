"""The file that lets a killed sandbox start again: one JSON line for each change."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any


class StateLog:
    """An append-only log. A line cut off by a kill is left out when reading."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._cut_to_whole_lines()
        self._file = path.open("a", encoding="utf-8", buffering=1 << 20)

    def entries(self) -> Iterator[dict[str, Any]]:
        """What was written by earlier runs, oldest first."""
        with self._path.open(encoding="utf-8") as lines:
            for line in lines:
                yield json.loads(line)

    def append(self, entry: dict[str, Any]) -> None:
        """Add an entry; it is out of this process after ``flush``."""
        self._file.write(json.dumps(entry, separators=(",", ":")) + "\n")

    def clear(self) -> None:
        """Forget what earlier runs wrote."""
        self._file.truncate(0)

    def flush(self) -> None:
        """Hand everything appended to the operating system."""
        self._file.flush()

    def close(self) -> None:
        """Flush and close the file."""
        self._file.close()

    def _cut_to_whole_lines(self) -> None:
        if not self._path.exists():
            return
        content = self._path.read_bytes()
        whole = content[: content.rfind(b"\n") + 1]
        if len(whole) != len(content):
            self._path.write_bytes(whole)
