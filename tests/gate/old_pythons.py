"""Interpreters that tests look for on this machine."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest


def python(version: str) -> str:
    """Return an interpreter of this version, such as 3.9; skip the test where there is none."""
    built = sorted((Path.home() / ".pyenv" / "versions").glob(f"{version}.*/bin/python"))
    candidates = [str(path) for path in built] + [shutil.which(f"python{version}") or ""]
    for candidate in filter(None, candidates):
        # pyenv's own shims are there for versions that are not.
        tried = subprocess.run([candidate, "-c", ""], capture_output=True, check=False)
        if tried.returncode == 0:
            return candidate
    pytest.skip(f"no Python {version} on this machine")
