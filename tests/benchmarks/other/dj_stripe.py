"""Other software, each in an environment of its own, made from the package registry."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

DJ_STRIPE = ("dj-stripe==2.11.0", "waitress")
SITE = Path(__file__).with_name("dj_stripe_site.py")


@contextmanager
def dj_stripe(folder: Path, secret: str) -> Iterator[tuple[str, int, int]]:
    """A site with dj-stripe at work in ``folder``: path of its endpoint, port, process id."""
    python = _environment(folder / "environment", *DJ_STRIPE)
    data = folder / "data"
    data.mkdir()
    with (
        (folder / "log").open("w") as log,
        subprocess.Popen(
            [str(python), str(SITE), str(data), secret],
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
        ) as site,
    ):
        try:
            assert site.stdout is not None
            told = site.stdout.readline().split()
            if len(told) != 2:
                message = f"dj-stripe did not start: {(folder / 'log').read_text()[-2000:]}"
                raise RuntimeError(message)
            yield told[0], int(told[1]), site.pid
        finally:
            site.terminate()


def _environment(folder: Path, *packages: str) -> Path:
    """A new environment with these packages; its Python."""
    uv = Path(sys.executable).with_name("uv")
    subprocess.run([uv, "venv", "--quiet", "--python", sys.executable, folder], check=True)
    python = folder / "bin" / "python"
    subprocess.run([uv, "pip", "install", "--quiet", "--python", python, *packages], check=True)
    return python
