"""The Python that runs the benchmarks: the named one, else the project's."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Sequence
from importlib import metadata
from pathlib import Path
from shutil import which
from typing import Any

import msgspec
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from perceptron.errors import UserError
from perceptron.gate.side_variables import side_variables

_OURS = "perceptron-bench"
_INSTALLERS = ("pip", "setuptools", "uv", "wheel")
_OLDEST = (3, 9)
_SECONDS = 60.0


def find_python(named: str | None) -> str:
    """Return the interpreter of ``--python``: a path, or a name on PATH.

    Without the option it is this interpreter. If only perceptron is installed here, the project has
    another environment: the activated one, the folder ``.venv`` here, or the first on PATH. Raises
    `UserError` if it is no Python, or too old.
    """
    if named is None:
        python = _of_the_project() if _is_by_itself() else sys.executable
    elif (path := which(named)) is not None:
        python = path
    else:
        raise UserError(f"--python {named}: no such program: name an interpreter of Python")
    if _is_ours(python):
        return sys.executable
    executable, version = _executable_and_version(python)
    if not executable:
        raise UserError(f"--python {python}: it does not start: name an interpreter of Python")
    if tuple(map(int, minor(version).split("."))) < _OLDEST:
        wanted = ".".join(map(str, _OLDEST))
        raise UserError(f"--python {python}: benchmarks need {wanted} or later: name another one")
    # A program found by name may be a script that chooses an interpreter, such as pyenv's, which
    # valgrind cannot count. A script named by its path is used as it is.
    return os.path.abspath(python) if named and os.sep in named else executable


def version_of(python: str) -> str:
    """Return the text of ``sys.version`` of an interpreter; empty if it does not start."""
    return sys.version if python == sys.executable else _executable_and_version(python)[1]


def minor(version: str) -> str:
    """Return the minor version, such as 3.12, from the text of ``sys.version``."""
    return ".".join(version.split(".")[:2])


def _of_the_project() -> str:
    for folder in filter(None, (os.environ.get("VIRTUAL_ENV"), ".venv")):
        python = os.path.join(folder, "bin", "python")
        if os.access(python, os.X_OK):
            return python
    candidates = (which(name, path=_path_without_ours()) for name in ("python", "python3"))
    return next(filter(None, candidates), sys.executable)


def variables_of(python: str) -> dict[str, str]:
    """Return the variables to set for it: its children must not run in this environment either."""
    return {} if python == sys.executable else {"PATH": _path_without_ours()}


def _path_without_ours() -> str:
    """Return PATH without the folder of this virtual environment, which uvx puts first."""
    is_virtual = sys.prefix != sys.base_prefix
    return os.pathsep.join(
        folder
        for folder in os.get_exec_path()
        if not (is_virtual and _is_ours(os.path.join(folder, "python")))
    )


def _is_ours(python: str) -> bool:
    """Return whether it belongs to this process's environment, under any of its names."""
    this_python, other_python = (
        (os.path.realpath(os.path.dirname(file)), os.path.realpath(file))
        for file in (sys.executable, python)
    )
    return this_python == other_python


def _is_by_itself() -> bool:
    """Return whether only perceptron, its dependencies and its extras are installed here."""
    requires: dict[str, list[str]] = {}
    for package in metadata.distributions():
        requires.setdefault(
            canonicalize_name(package.metadata["Name"] or ""), package.requires or []
        )
    needed, queue = {*_INSTALLERS}, [_OURS]
    while queue:
        name = queue.pop()
        if name not in needed:
            needed.add(name)
            requirements = map(Requirement, requires.get(name, []))
            queue += [
                canonicalize_name(requirement.name)
                for requirement in requirements
                if name == _OURS
                or requirement.marker is None
                or requirement.marker.evaluate({"extra": ""})
            ]
    return requires.keys() <= needed


def _executable_and_version(python: str) -> tuple[str, str]:
    """Return the interpreter's answer, by its name in this folder; empty texts if it fails."""
    program = "import json, sys; print(json.dumps([sys.executable, sys.version]))"
    answer: tuple[str, str] | None = ask([python, "-I", "-c", program], tuple[str, str])
    return answer if answer and re.match(r"\d+\.\d+", answer[1]) else ("", "")


def ask(command: Sequence[str], kind: object, folder: Path | None = None) -> Any:
    """Return the JSON output of an interpreter's command as a ``kind``; None if it fails."""
    try:
        process = subprocess.run(
            command,
            cwd=folder,
            env=side_variables(),
            capture_output=True,
            timeout=_SECONDS,
            check=True,
        )
        return msgspec.json.decode(process.stdout, type=kind)
    except (OSError, subprocess.SubprocessError, msgspec.DecodeError, RecursionError):
        return None
