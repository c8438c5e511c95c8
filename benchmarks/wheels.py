"""Wheels for measuring on a machine without network: `python -m benchmarks.wheels`.

They are the dependencies in pyproject.toml, without those of the gate, and without NumPy and SciPy:
a machine's NumPy and SciPy fit its PyTorch and JAX.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[1]
OF_THE_GATE = {"asv-runner", "json5", "platformdirs"}
STAYS_AS_IT_IS = {"numpy", "scipy"}
# It depends on NumPy only.
_ALONE = {"contourpy"}
_PLATFORMS = (
    *("manylinux_2_28_x86_64", "manylinux_2_27_x86_64", "manylinux_2_17_x86_64"),
    *("manylinux2014_x86_64", "manylinux_2_12_x86_64", "manylinux2010_x86_64"),
)


def carried() -> list[str]:
    """Return the requirements to download."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    excluded = OF_THE_GATE | STAYS_AS_IT_IS
    return [need for need in project["dependencies"] if _name(need) not in excluded]


def commands(python: str, folder: str) -> list[list[str]]:
    """Return the pip commands that download the wheels for a version of Python to a folder."""
    pip = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check"]
    pip += ["--only-binary=:all:", "--implementation", "cp", "--python-version", python]
    pip += [word for platform in _PLATFORMS for word in ("--platform", platform)]
    pip += ["--dest", folder]
    alone = [need for need in carried() if _name(need) in _ALONE]
    others = [need for need in carried() if _name(need) not in _ALONE]
    return [[*pip, *others], [*pip, "--no-deps", *alone]]


def main() -> None:
    """Download the wheels."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--python", default="3.12", help="version of Python there")
    parser.add_argument("--dest", default="carried", help="folder for the wheels")
    options = parser.parse_args()
    for old in Path(options.dest).glob("*.whl"):
        old.unlink()  # of two versions pip installs none
    for command in commands(options.python, options.dest):
        subprocess.run(command, check=True)


def _name(requirement: str) -> str:
    match = re.match(r"[A-Za-z0-9._-]+", requirement)
    assert match is not None, requirement
    return match[0].lower()


if __name__ == "__main__":
    main()
