"""What a project says of itself in its files: its name, its version, its scripts, who builds it."""

from __future__ import annotations

import configparser
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from perceptron.config_file import read_toml
from perceptron.errors import UserError

# Of a project that names none (PEP 517).
_LEGACY = "setuptools.build_meta:__legacy__"
# What metadata is read for: the rest of it may be dynamic.
_READ = {"version", "scripts", "gui-scripts", "entry-points"}
_FILE_NAME = re.compile(r"\w[\w.+!-]{0,99}")
_GROUPS = {"scripts": "console_scripts", "gui-scripts": "gui_scripts"}


@dataclass(frozen=True)
class Project:
    """A project, as far as its files say it without running any code."""

    name: str | None = None
    version: str | None = None
    requires_python: str | None = None
    dependencies: Sequence[str] = ()
    entry_points: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    is_static: bool = False
    """Whether nobody needs to be asked."""
    backend: str = _LEGACY
    backend_path: Sequence[str] = ()


def read(root: Path) -> Project | None:
    """Return the project in this folder; None if there is none, or its files make no sense."""
    try:
        project, older = _from_pyproject(root), _from_setup(root)
        if project is None or older is None or project.name is not None:
            return project or older
        return replace(project, name=older.name, version=older.version)
    except (UserError, OSError, ValueError, TypeError, AttributeError, configparser.Error):
        return None  # whoever builds it will hear of that


def write(project: Project, folder: Path) -> bool:
    """Write what is known as installed metadata. Return whether that is enough."""
    if not (
        _FILE_NAME.fullmatch(project.name or "") and _FILE_NAME.fullmatch(project.version or "")
    ):
        return False
    assert project.name is not None
    name = re.sub(r"[-_.]+", "_", project.name)
    made = folder / f"{name}-{project.version}.dist-info"
    made.mkdir(parents=True, exist_ok=True)
    lines = ["Metadata-Version: 2.1", f"Name: {project.name}", f"Version: {project.version}"]
    if project.requires_python is not None:
        lines.append(f"Requires-Python: {project.requires_python}")
    lines += [f"Requires-Dist: {dependency}" for dependency in project.dependencies]
    (made / "METADATA").write_text("\n".join(lines) + "\n", encoding="utf-8")
    groups = [
        f"[{group}]\n" + "".join(f"{key} = {value}\n" for key, value in points.items())
        for group, points in project.entry_points.items()
    ]
    if groups:
        (made / "entry_points.txt").write_text("\n".join(groups), encoding="utf-8")
    return True


def _from_pyproject(root: Path) -> Project | None:
    file = root / "pyproject.toml"
    if not file.is_file():
        return None
    content = read_toml(file)
    own, build = content.get("project", {}), content.get("build-system", {})
    if not own and not build:
        return None  # settings of tools
    dynamic = set(_texts(own.get("dynamic", [])))
    name, version = _text(own.get("name")), _text(own.get("version"))
    points = {_GROUPS[table]: own[table] for table in _GROUPS if table in own}
    points |= own.get("entry-points", {})
    return Project(
        name=name,
        version=version,
        requires_python=_text(own.get("requires-python")),
        dependencies=_texts(own.get("dependencies", [])),
        entry_points={group: _text_of_each(of_group) for group, of_group in points.items()},
        is_static=name is not None and version is not None and not dynamic & _READ,
        backend=_text(build.get("build-backend")) or _LEGACY,
        backend_path=_texts(build.get("backend-path", [])),
    )


def _text(value: object) -> str | None:
    """Return it if it is text or nothing. Raises TypeError."""
    if value is None or isinstance(value, str):
        return value
    raise TypeError(f"no text: {value!r}")


def _texts(value: object) -> tuple[str, ...]:
    if not isinstance(value, list):
        raise TypeError(f"no list: {value!r}")
    return tuple(text for text in map(_text, value) if text is not None)


def _text_of_each(value: object) -> dict[str, str]:
    if not isinstance(value, dict):
        raise TypeError(f"no table: {value!r}")
    return dict(zip(value, _texts(list(value.values())), strict=True))


def _from_setup(root: Path) -> Project | None:
    """Return what setup.cfg says; setup.py may say otherwise, so setuptools is to be asked."""
    file = root / "setup.cfg"
    parser = configparser.ConfigParser(interpolation=None)
    if file.is_file():
        parser.read_string(file.read_text(encoding="utf-8"))
    facts: Mapping[str, Any] = parser["metadata"] if parser.has_section("metadata") else {}
    if not facts and not (root / "setup.py").is_file():
        return None
    version = facts.get("version")
    computed = version is not None and version.startswith(("attr:", "file:"))
    return Project(name=facts.get("name"), version=None if computed else version)
