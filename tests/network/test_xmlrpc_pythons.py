"""The adapter makes the library work on every Python that planbridge runs on."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import wordpress_xmlrpc

from .xmlrpc_sites import RECORDINGS

ROOT = Path(__file__).parents[2]
PACKAGES = Path(wordpress_xmlrpc.__file__).parents[1]


def interpreter(version: str) -> str | None:
    """This interpreter, one of pyenv's, or one on the path."""
    if version == f"{sys.version_info.major}.{sys.version_info.minor}":
        return sys.executable
    found = sorted(Path.home().glob(f".pyenv/versions/{version}.*/bin/python{version}"))
    return str(found[-1]) if found else shutil.which(f"python{version}")


@pytest.mark.parametrize("version", ["3.11", "3.12", "3.13"])
def test_calls_that_answer_with_a_list_work(version: str) -> None:
    """With the packages of this environment: the library is pure Python, and so is our part."""
    program = interpreter(version)
    if program is None:
        pytest.skip(f"there is no Python {version} on this machine")
    done = subprocess.run(
        [program, str(Path(__file__).with_name("xmlrpc_probe.py")), str(RECORDINGS)],
        env={
            **os.environ,
            "PYTHONPATH": os.pathsep.join([str(ROOT), str(PACKAGES)]),
            "PYTHONDONTWRITEBYTECODE": "1",
        },
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == {
        "python": [int(part) for part in version.split(".")],
        "title": "Site 1",
        "posts": 3,
        "roles": [["administrator"]],
        "types": ["attachment", "page", "post"],
        "blogs": 3,
        "media": 2,
        "taxonomies": 3,
        "document type refused": True,
        "standard library untouched": True,
    }
