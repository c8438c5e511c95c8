"""Dependencies that differ between the revisions: one environment serves both, so they hide.

A pull request that changes a pin alone runs the same code twice. What files declare is compared,
without installing or executing anything: a distribution that the benchmarks import and whose
requirement differs was not compared, unless each side has an environment of its own.
"""

from __future__ import annotations

import ast
import configparser
import json
import re
import tomllib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path, PurePosixPath
from typing import Any

from msgspec.structs import replace
from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from perceptron.errors import UserError
from perceptron.gate.checkout.same_code import Trees, bounded, parsed
from perceptron.records.comparison import Comparison
from perceptron.records.warning import MeasurementWarning
from perceptron.untrusted_text import label, read_asv_json, read_toml

Declared = dict[str, frozenset[str]]
"""What a file requires of each distribution, by its normalized name; of `_WHOLE` what a build or an
installation does as a whole."""

_REQUIREMENTS = re.compile(r"(.*[-_.])?(requirements|constraints)([-_.].*)?\.(txt|in)")
_FOLDERS = frozenset({"requirements", "constraints"})
_CONDA = re.compile(r"(.*[-_.])?(environment|conda-lock)([-_.].*)?\.ya?ml")
_PROJECT, _SETUP_CFG, _SETUP = "pyproject.toml", "setup.cfg", "setup.py"
_LOCKS = frozenset({"uv.lock", "poetry.lock", "pdm.lock", "pylock.toml"})
_PIPFILE, _PIPFILE_LOCK = "Pipfile", "Pipfile.lock"
# Names that stand for no distribution, and that concern every benchmark.
_UNREADABLE = "what cannot be read"
_WHOLE = frozenset({"install_command", "build_command", "install_requires", _UNREADABLE})
# What builds the project; it matters to what is compiled.
_BUILD = "build-system"
# Distributions that a sentence names.
_NAMED = 3


@dataclass(frozen=True)
class Change:
    """A requirement that differs, as the files of each revision have it."""

    name: str
    base: str
    head: str
    file: str
    builds: bool = False
    """Whether it is of what builds the project."""

    def __str__(self) -> str:
        """Return it in a few words, as ``toydep 1.0 → 2.0``."""
        if self.name == _UNREADABLE:
            return label(f"{self.file}, which cannot be read,")
        return label(f"{self.name} {self.base or 'absent'} → {self.head or 'absent'}")


def changed_requirements(names: Iterable[str], trees: Trees, suite: str) -> list[Change]:
    """Return what requirements differ in these files, which may differ between the trees.

    ``suite`` is the file of asv's configuration. Of a file that cannot be read it is that.
    """
    changes: dict[tuple[str, str, str], Change] = {}
    for name in names:
        reader = _reader(PurePosixPath(name), suite)
        if reader is None:
            continue
        base, head = (_declared(reader, tree / name) for tree in trees)
        for of in sorted(base.keys() | head.keys()):
            one, other = (" ".join(sorted(own.get(of, ()))) for own in (base, head))
            if one != other or _UNREADABLE in (*base, *head):
                builds, distribution = of.startswith(f"{_BUILD}:"), of.rpartition(":")[2]
                change = Change(distribution, one, other, name, builds)
                changes.setdefault((distribution, one, other), change)
    return list(changes.values())


def with_dependencies(
    comparison: Comparison,
    changes: Sequence[Change],
    imported: Mapping[str, str],
    is_compiled: bool,
) -> Comparison:
    """Return the comparison with what it did not compare: it is not clean where that matters.

    ``imported`` are the versions of what the benchmarks import. Requirements that this version
    meets on both sides hide nothing, nor do those of what no benchmark imports: they are a note.
    """
    if not changes:
        return comparison
    versions = {str(canonicalize_name(name)): version for name, version in imported.items()}
    hidden = [one for one in changes if _matters(one, versions, is_compiled)]
    others = [one for one in changes if one not in hidden]
    if others:
        told = MeasurementWarning(
            code="dependencies",
            message=f"requirements differ that no benchmark was seen to use: {_listed(others)}",
            advice="compare with --build if they matter all the same",
        )
        comparison = replace(comparison, warnings=[*comparison.warnings, told])
    if not hidden:
        return comparison
    verb = "was" if len(hidden) == 1 else "were"
    reason = f"{_listed(hidden)} {verb} not compared: one environment served both sides"
    advice = (
        "compare with --build, or give each side an interpreter by --base-python, --head-python"
    )
    if comparison.verdict == "clean":
        reason = f"{reason}; next: --build, or an interpreter for each side"
        return replace(comparison, verdict="inconclusive", reason=reason)
    told = MeasurementWarning(code="dependencies", message=reason, advice=advice)
    return replace(comparison, warnings=[*comparison.warnings, told])


def _listed(changes: Sequence[Change]) -> str:
    more = [f"{len(changes) - _NAMED} more"] if len(changes) > _NAMED else []
    return ", ".join([*map(str, changes[:_NAMED]), *more])


def _matters(change: Change, versions: Mapping[str, str], is_compiled: bool) -> bool:
    """Return whether a benchmark may run otherwise with what one side requires."""
    if change.builds:
        return is_compiled
    if change.name in _WHOLE:
        return True
    version = versions.get(canonicalize_name(change.name))
    return version is not None and not all(
        _meets(version, own) for own in (change.base, change.head)
    )


def _meets(version: str, required: str) -> bool:
    """Return whether a version is what these specifiers allow; nothing allows any."""
    if not required or version == required:  # as a pin or a lock has it
        return True
    if required[0] not in "<>=!~;[@":
        return False
    try:
        return Requirement(f"x{required}").specifier.contains(version, prereleases=True)
    except InvalidRequirement:
        return False  # of several files, or in words of another tool


# --- what files declare --------------------------------------------------------------------------

_Reader = Callable[[Path], Iterator[tuple[str, str]]]
"""Yields names of distributions and what is required of each."""


def _declared(reader: _Reader, file: Path) -> Declared:
    """Return what a file requires; of one that cannot be read that it is this one."""
    text = bounded(file)
    if text is None:
        return {_UNREADABLE: frozenset({"too large"})} if file.is_file() else {}
    found: dict[str, set[str]] = {}
    try:
        for name, required in reader(file):
            found.setdefault(name, set()).add(required)
    except (UserError, configparser.Error, ValueError, TypeError, AttributeError, RecursionError):
        return {_UNREADABLE: frozenset({sha256(text).hexdigest()[:8]})}
    return {name: frozenset(required) for name, required in found.items()}


def _reader(path: PurePosixPath, suite: str) -> _Reader | None:
    """Return what reads this file; None for one that requires nothing."""
    if str(path) == suite:
        return _of_asv
    is_list = path.suffix in (".txt", ".in") and path.parent.name in _FOLDERS
    if is_list or _REQUIREMENTS.fullmatch(path.name):
        return _of_list
    if path.name in _LOCKS:
        return _of_lock
    if _CONDA.fullmatch(path.name):
        return _of_conda
    readers: dict[str, _Reader] = {
        _PROJECT: _of_project,
        _SETUP_CFG: _of_setup_cfg,
        _SETUP: _of_setup,
        _PIPFILE: _of_pipfile,
        _PIPFILE_LOCK: _of_pipfile_lock,
    }
    return readers.get(path.name)


def _requirement(text: str) -> Iterator[tuple[str, str]]:
    """Yield the distribution that a requirement names, and what is required of it."""
    try:
        of = Requirement(text)
    except InvalidRequirement:
        name = re.match(r"[A-Za-z0-9][\w.-]*", text)
        yield (canonicalize_name(name[0]) if name else text, text)
        return
    extras = f"[{','.join(sorted(of.extras))}]" if of.extras else ""
    marker = f"; {of.marker}" if of.marker else ""
    place = f" @ {of.url}" if of.url else ""
    exact = re.fullmatch(r"===?([^*,]+)", str(of.specifier))
    # A pin is shown as its version; `_meets` reads no such thing as a range.
    yield (
        canonicalize_name(of.name),
        f"{extras}{exact[1] if exact else of.specifier}{place}{marker}",
    )


def _requirements(texts: object, prefix: str = "") -> Iterator[tuple[str, str]]:
    for text in texts if isinstance(texts, list) else ():
        if isinstance(text, str):
            for name, required in _requirement(text):
                yield f"{prefix}{name}", required


def _of_project(file: Path) -> Iterator[tuple[str, str]]:
    content = read_toml(file)
    project, build = _table(content, "project"), _table(content, "build-system")
    yield from _requirements(project.get("dependencies"))
    for group in ("optional-dependencies",):
        for texts in _table(project, group).values():
            yield from _requirements(texts)
    for texts in _table(content, "dependency-groups").values():
        yield from _requirements(texts)
    yield from _requirements(build.get("requires"), f"{_BUILD}:")
    tool = _table(content, "tool")
    yield from _requirements(_table(tool, "uv").get("constraint-dependencies"))
    yield from _requirements(_table(tool, "uv").get("override-dependencies"))
    for texts in _table(_table(tool, "pdm"), "dev-dependencies").values():
        yield from _requirements(texts)
    poetry = _table(tool, "poetry")
    groups = [poetry, *_table(poetry, "group").values()]
    for own in groups:
        for key in ("dependencies", "dev-dependencies"):
            yield from _named(_table(own, key))


def _of_setup_cfg(file: Path) -> Iterator[tuple[str, str]]:
    parser = configparser.ConfigParser(interpolation=None)
    parser.read(file, encoding="utf-8")
    for section, key, prefix in (
        ("options", "install_requires", ""),
        ("options", "setup_requires", f"{_BUILD}:"),
    ):
        yield from _requirements(parser.get(section, key, fallback="").split("\n"), prefix)
    if parser.has_section("options.extras_require"):
        for text in dict(parser["options.extras_require"]).values():
            yield from _requirements(text.split("\n"))


def _of_setup(file: Path) -> Iterator[tuple[str, str]]:
    """Yield what setup.py requires: by its literals, else as one text that may mean anything."""
    for node in ast.walk(_parsed(file)):
        if isinstance(node, ast.keyword) and node.arg in ("install_requires", "extras_require"):
            texts = [one.value for one in ast.walk(node.value) if isinstance(one, ast.Constant)]
            yield "install_requires", ast.unparse(node.value)[:200]
            if isinstance(node.value, ast.List | ast.Dict):
                yield from _requirements(texts)


def _parsed(file: Path) -> ast.Module:
    tree = parsed(bounded(file) or b"")
    if tree is None:
        raise ValueError("no Python")
    return tree


def _of_list(file: Path) -> Iterator[tuple[str, str]]:
    """Yield the lines of a list of pip's; options and hashes are none."""
    text = (bounded(file) or b"").decode(errors="replace").replace("\\\n", " ")
    for line in text.splitlines():
        line = re.split(r"(?:^|\s)(?:#|--)", line.strip())[0].strip()
        if line and not line.startswith("-"):
            yield from _requirement(line)


def _of_lock(file: Path) -> Iterator[tuple[str, str]]:
    # Of more bytes than other files, which people write.
    content = tomllib.loads((bounded(file) or b"").decode())
    for one in [*_list(content, "package"), *_list(content, "packages")]:
        if isinstance(one, dict) and isinstance(one.get("name"), str):
            yield canonicalize_name(one["name"]), str(one.get("version", ""))


def _of_pipfile(file: Path) -> Iterator[tuple[str, str]]:
    content = read_toml(file)
    for key in ("packages", "dev-packages"):
        yield from _named(_table(content, key))


def _of_pipfile_lock(file: Path) -> Iterator[tuple[str, str]]:
    content = json.loads(bounded(file) or b"{}")
    for key in ("default", "develop"):
        for name, one in _table(content, key).items():
            yield canonicalize_name(name), str(one.get("version", "")).removeprefix("==")


def _of_conda(file: Path) -> Iterator[tuple[str, str]]:
    """Yield the packages of an environment or a lock of conda's, by the lines that name them."""
    text = (bounded(file) or b"").decode(errors="replace")
    for name, required in re.findall(
        r"^\s*- ([A-Za-z][\w.-]*)[ \t]*([<>=!~][^#\n]*)?$", text, re.M
    ):
        yield canonicalize_name(name), required.strip().lstrip("=")
    for name, version in re.findall(r"^\s*-? name: (\S+)\n\s+version: (\S+)", text, re.M):
        yield canonicalize_name(name), version.strip("'\"")


def _of_asv(file: Path) -> Iterator[tuple[str, str]]:
    content = read_asv_json(file)
    if not isinstance(content, dict):
        return
    for key in ("install_command", "build_command"):
        if key in content:
            yield key, json.dumps(content[key])
    matrix = content.get("matrix")
    if not isinstance(matrix, dict):
        return
    required = (
        matrix.get("req", matrix) if {"req", "env", "env_nobuild"} & matrix.keys() else matrix
    )
    if isinstance(required, dict):
        for name, versions in required.items():
            bare = name.removeprefix("pip+")
            texts = versions if isinstance(versions, list) else [versions]
            yield canonicalize_name(bare), " or ".join(str(one or "any") for one in texts)


def _named(table: Mapping[str, object]) -> Iterator[tuple[str, str]]:
    for name, required in table.items():
        text = required if isinstance(required, str) else json.dumps(required, sort_keys=True)
        yield canonicalize_name(name), text


def _table(content: Mapping[str, Any], key: str) -> dict[str, Any]:
    found = content.get(key)
    return found if isinstance(found, dict) else {}


def _list(content: Mapping[str, Any], key: str) -> list[Any]:
    found = content.get(key)
    return found if isinstance(found, list) else []
