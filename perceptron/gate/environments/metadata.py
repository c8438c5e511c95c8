"""The metadata of a project imported from its tree, for code that reads its own metadata.

Without an installation there is none. So each side gets the metadata in its tree's files, in a
folder that is searched after all others; no code of the project runs.
"""

from __future__ import annotations

import configparser
import re
from pathlib import Path

import msgspec
from msgspec import Struct

from perceptron.errors import UserError
from perceptron.gate.checkout.suite import Suite
from perceptron.untrusted_text import read_toml

_FILE_NAME = re.compile(r"\w[\w.+!-]{0,99}")
# For a project that computes its version: late enough for every lower bound.
_LATE_VERSION = "9999"


class Project(Struct, frozen=True, rename="kebab"):
    """The table ``project`` of pyproject.toml, or its equivalent in setup.cfg."""

    name: str | None = None
    version: str | None = None
    requires_python: str | None = None
    dependencies: tuple[str, ...] = ()
    scripts: dict[str, str] = {}
    gui_scripts: dict[str, str] = {}
    entry_points: dict[str, dict[str, str]] = {}


def project_names(suite: Suite, tree: Path) -> list[str]:
    """Return possible names of the installed project: asv's name may differ from the built one."""
    names = [read(tree / suite.code).name, suite.project]
    return list(dict.fromkeys(name for name in names if name))


def read(root: Path) -> Project:
    """Return the project in this folder, without missing or invalid fields."""
    try:
        file = root / "pyproject.toml"
        table = read_toml(file).get("project", {}) if file.is_file() else {}
        project = msgspec.convert(table, type=Project)
        return _from_setup(root) if project.name is None else project
    except (UserError, msgspec.ValidationError, configparser.Error, OSError, UnicodeDecodeError):
        return Project()  # the build reports such an error


def write(project: Project, folder: Path) -> bool:
    """Write the project as installed metadata. Return whether its fields suffice."""
    version = project.version or _LATE_VERSION
    if not all(_FILE_NAME.fullmatch(text or "") for text in (project.name, version)):
        return False
    name = re.sub(r"[-_.]+", "_", project.name or "")
    dist_info = folder / f"{name}-{version}.dist-info"
    dist_info.mkdir(parents=True)
    lines = ["Metadata-Version: 2.1", f"Name: {project.name}", f"Version: {version}"]
    if project.requires_python is not None:
        lines.append(f"Requires-Python: {project.requires_python}")
    lines += [f"Requires-Dist: {dependency}" for dependency in project.dependencies]
    (dist_info / "METADATA").write_text("\n".join(lines) + "\n", encoding="utf-8")
    groups = {
        "console_scripts": project.scripts,
        "gui_scripts": project.gui_scripts,
        **project.entry_points,
    }
    points = [
        f"[{group}]\n" + "".join(f"{key} = {value}\n" for key, value in of_group.items())
        for group, of_group in groups.items()
    ]
    (dist_info / "entry_points.txt").write_text("\n".join(points), encoding="utf-8")
    return True


def _from_setup(root: Path) -> Project:
    parser = configparser.ConfigParser(interpolation=None)
    parser.read(root / "setup.cfg", encoding="utf-8")
    facts = parser["metadata"] if parser.has_section("metadata") else {}
    version = facts.get("version")
    computed = version is not None and version.startswith(("attr:", "file:"))
    return Project(name=facts.get("name"), version=None if computed else version)
