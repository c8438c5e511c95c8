"""asv.conf.json's way to build and install a project, read without asv.

The first combination of ``pythons`` and ``matrix`` is made.
"""

from __future__ import annotations

import re
import shlex
import shutil
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct
from packaging.requirements import InvalidRequirement, Requirement

from perceptron.errors import UserError
from perceptron.gate.checkout.python import minor, version_of
from perceptron.gate.checkout.suite import load_asv
from perceptron.untrusted_text import quoted

# Kinds of requirements that virtual environments with pip can have.
_TYPES = {"": "virtualenv", "virtualenv": "virtualenv", "uv": "uv"}
_KINDS = {"req", "env", "env_nobuild"}
_OF_A_REPOSITORY = re.compile(r"\w+(\+\w+)?://")
_BEFORE = re.compile(r"(in-dir|return-code|[A-Za-z_]\w*)=(.*)", re.DOTALL)


class _File(Struct, frozen=True):
    """The entries used here, with asv's defaults."""

    project: str = "project"
    repo_subdir: str = ""
    environment_type: str | None = None
    pythons: list[str] = []
    matrix: dict[str, Any] = {}
    exclude: list[dict[str, Any]] = []
    build_command: list[str] | str | None = None
    install_command: list[str] | str | None = None
    install_timeout: float = 600.0


@dataclass(frozen=True)
class Recipe:
    """An environment, and how the project is installed in it."""

    kind: str
    """asv's name of this kind of environment."""
    name: str
    """asv's name of this combination of Python and requirements."""
    python: str
    """The interpreter that makes it."""
    requirements: tuple[str, ...]
    variables: Mapping[str, str]
    build_variables: Mapping[str, str]
    """The matrix's variables that builds see as well."""
    project: str
    subfolder: str
    build_commands: Sequence[str] | None
    """asv's commands of the build; None to build as pyproject.toml says."""
    install_commands: Sequence[str] | None
    timeout: float
    others: int
    """Number of further combinations in the file."""


def read(file: Path | None, named: str, python: str = sys.executable) -> Recipe:
    """Read asv's file, shown to users as ``named``, for this interpreter or one that it names.

    Without a file the recipe installs only the project and its declared requirements.

    Raises `UserError` for an environment that cannot be made here.
    """
    try:
        config = msgspec.convert(load_asv(file, named) if file else {}, type=_File)
    except msgspec.ValidationError as error:
        raise UserError(f"{named}: {error}") from None
    kind = _TYPES.get(config.environment_type or "")
    if kind is None or config.pythons == ["same"]:
        raise UserError(
            f"{named}: --build makes no environment of type "
            f"{quoted(config.environment_type or 'existing')}: set environment_type to virtualenv, "
            "or build each revision yourself and use --installed"
        )
    matrix = config.matrix if config.matrix.keys() & _KINDS else {"req": config.matrix}
    values = {
        (section, name): (value if isinstance(value, list) else [value]) or [""]
        for section, entries in matrix.items()
        if isinstance(entries, dict)
        for name, value in entries.items()
    }
    further = (len(config.pythons) or 1) * prod(map(len, values.values())) - 1
    if config.exclude and further:
        raise UserError(
            f"{named}: exclude is not read: leave one combination in pythons and matrix"
        )
    chosen: dict[str, dict[str, str]] = {section: {} for section in _KINDS}
    for (section, name), (first, *_) in values.items():
        if section in _KINDS and first is not None:  # null: absent in this combination
            chosen[section][name] = str(first)
    version, python = _python(named, config.pythons, python)
    variables = {**chosen["env"], **chosen["env_nobuild"]}
    if not all(
        name and "=" not in name and f"{name}{text}".isprintable()
        for name, text in variables.items()
    ):
        raise UserError(f"{named}: matrix: {quoted(variables)} are no variables of a process")
    entries = [*sorted(chosen["req"].items()), *sorted(variables.items())]
    return Recipe(
        kind=kind,
        name="-".join([kind, f"py{version}", *(f"{name}{value}" for name, value in entries)]),
        python=python,
        requirements=tuple(_requirement(named, *entry) for entry in chosen["req"].items()),
        variables=variables,
        build_variables=chosen["env"],
        project=config.project,
        subfolder=config.repo_subdir,
        build_commands=_listed(config.build_command),
        install_commands=_listed(config.install_command),
        timeout=config.install_timeout,
        others=further,
    )


def _python(named: str, versions: Sequence[str], python: str) -> tuple[str, str]:
    """Return a version and its interpreter: this one if it is named, else the first on PATH."""
    current = minor(version_of(python))
    if current in versions or not versions:
        return current, python
    for version in versions:
        path = shutil.which(version if version.startswith("pypy") else f"python{version}")
        if path is not None:
            return version, path
    raise UserError(
        f"{named}: none of its pythons ({', '.join(versions)}) is here: install one, or add "
        f"{current}"
    )


def _requirement(named: str, name: str, version: str) -> str:
    name = name.removeprefix("pip+").strip()
    if _OF_A_REPOSITORY.match(name):
        return name
    text = f"{name}=={version}" if version[:1].isalnum() else f"{name}{version}"
    try:
        Requirement(text)
    except InvalidRequirement:
        raise UserError(f"{named}: matrix: {quoted(text)} is no requirement of pip's") from None
    return text


def _listed(commands: list[str] | str | None) -> list[str] | None:
    return [commands] if isinstance(commands, str) else commands


def filled_in(
    text: str, values: Mapping[str, str]
) -> tuple[list[str], str | None, dict[str, str], list[int] | None]:
    """Return a command of the file with its placeholders filled in; no shell reads it.

    Returns its words, its folder, its variables, and the exit codes of success, None for all.
    Raises `UserError` naming the command for one that asv would not run either.
    """

    def value(match: re.Match[str]) -> str:
        whole, name = match[0], match[1]
        if whole in ("{{", "}}"):
            return whole[0]
        if name not in values:
            raise UserError(f"{text}: there is no {whole} here, only {', '.join(values)}")
        return values[name]

    try:
        arguments = [re.sub(r"\{\{|\}\}|\{(\w*)\}", value, word) for word in shlex.split(text)]
        folder: str | None = None
        variables: dict[str, str] = {}
        codes: list[int] | None = [0]
        while arguments and (before := _BEFORE.fullmatch(arguments[0])):
            key, setting = before.groups()
            if key == "in-dir":
                folder = setting
            elif key == "return-code":
                codes = None if setting == "any" else [int(code) for code in setting.split(",")]
            else:
                variables[key] = setting
            del arguments[0]
    except ValueError as error:
        raise UserError(f"{text}: {error}") from None
    if not arguments:
        raise UserError(f"{text}: names no program")
    return arguments, folder, variables, codes
