"""The distributions that a suite uses, and their installed versions.

A module belongs to the distribution that lists its file: several distributions may share a package,
and few have the names of their modules.
"""

from __future__ import annotations

import os
import platform
import re
import sys
from collections.abc import Iterable, Iterator
from importlib import metadata
from types import ModuleType
from typing import Any

from .provenance import distribution_of, imported, is_inside, normal, real_folder

# Packages that run the suite. They are in every process, and no benchmark measures them.
_RUNNERS = re.compile(r"asv(-runner)?|iniconfig|pluggy|pytest(-.*)?")
_IMPORT = re.compile(
    rb"^[ \t]*(?:from[ \t]+([\w.]+)[ \t]+import\b|import[ \t]+([\w., \t]+))", re.MULTILINE
)


def versions(
    job: dict[str, Any], before: frozenset[str], at_start: frozenset[str]
) -> dict[str, Any]:
    """Return the ``versions`` of Python and of imported distributions, and of those ``used``.

    The suite or the project imports these, perhaps while a benchmark runs, and they import others.
    ``before`` are the modules that the runner needed, ``at_start`` those loaded with the
    interpreter. A distribution in the tree has the version of its commit.
    """
    python = platform.python_version()
    modules = {name: module for name, module in list(sys.modules.items()) if name not in at_start}
    files = dict(imported(modules.values()))
    roots = [os.path.realpath(job["tree"])]
    names = job.get("installed")
    installed = distribution_of(names, modules.values()) if names else None
    if installed is not None:
        roots.append(installed["place"])
    local = {name for name, file in files.items() if any(is_inside(file, root) for root in roots)}
    foreign = {name: file for name, file in files.items() if not is_inside(file, roots[0])}
    # Watched files are not read: that would be reported.
    read = local if "watched" not in job else ()
    named = {word for name in read for word in _named(files[name])} - local
    tops = {name.split(".")[0] for name in files.keys() - foreign.keys()}
    owners, owned = _owners(foreign, named, tops)
    # Packages that run the suite import more of their modules later.
    runners = {facts for name, facts in owners.items() if name in before}
    after = {
        name: module
        for name, module in modules.items()
        if name not in before and owners.get(name) not in runners
    }
    used = (after.keys() | named | set(_held(after.values()))) - local
    versions = {name: version for name, version in owners.values() if name}
    used_versions = {
        normal(name): version for word, (name, version) in owners.items() if word in used
    }
    used_versions |= {normal(name): version for name, version in owned}
    of_project = "" if installed is None else normal(installed["name"])
    used_versions = {
        name: version
        for name, version in used_versions.items()
        if name != of_project and not _RUNNERS.fullmatch(name)
    }
    used_versions.update(
        (name, version)
        for name, version in _required(used_versions).items()
        if name != of_project and not _RUNNERS.fullmatch(name)
    )
    return {
        "versions": {"python": f"{platform.python_implementation()} {python}", **versions},
        "used": {"python": python, **used_versions},
    }


def _named(file: str) -> Iterator[str]:
    """Yield the modules that a module's source imports, anywhere in it."""
    if not file.endswith(".py"):
        return
    try:
        with open(file, "rb") as stream:
            text = stream.read()
    except OSError:
        return
    for source, listed in _IMPORT.findall(text):
        for words in (source or listed).decode(errors="replace").split(","):
            if words.split() and not words.startswith("."):
                yield words.split()[0]


def _held(modules: Iterable[Any]) -> Iterator[str]:
    """Yield the names of modules in other modules' namespaces: they import these too."""
    for module in list(modules):
        for value in list(getattr(module, "__dict__", {}).values()):
            if type(value) is ModuleType:
                yield str(value.__dict__.get("__name__"))


def _required(distributions: dict[str, str]) -> dict[str, str]:
    """Return the versions of what ``distributions`` require, and of what that requires in turn.

    It may be imported while a benchmark runs.
    """
    versions: dict[str, str] = {}
    todo = list(distributions)
    while todo:
        for text in _requirements(todo.pop()):
            match = re.match(r"[A-Za-z0-9][\w.-]*", text)
            name = normal(match[0]) if match and "extra" not in text.partition(";")[2] else ""
            if name and name not in distributions and name not in versions:
                try:
                    versions[name] = metadata.version(name)
                except Exception:  # noqa: BLE001, S112 as where a marker rules it out
                    continue
                todo.append(name)
    return versions


def _requirements(name: str) -> list[str]:
    try:
        return metadata.requires(name) or []
    except Exception:  # noqa: BLE001 a broken one requires nothing
        return []


def _owners(
    files: dict[str, str], named: Iterable[str], local: set[str]
) -> tuple[dict[str, tuple[str, str]], set[tuple[str, str]]]:
    """Return the name and version of each module's distribution, and those of ``named`` modules,
    which need not be imported."""
    places = {file: name for name, file in files.items()}
    wanted: dict[str, set[str]] = {}
    for name in named:
        wanted.setdefault(name.split(".")[0], set()).add(name.replace(".", "/"))
    owners: dict[str, tuple[str, str]] = {}
    owned: set[tuple[str, str]] = set()
    excluded = {*local, *getattr(sys, "stdlib_module_names", ())}
    tops: dict[str, tuple[str, str]] = {}
    for distribution in metadata.distributions():
        try:
            facts = str(distribution.metadata["Name"]), distribution.version
            root = real_folder(str(distribution.locate_file("")))
            listed = (distribution.read_text("RECORD") or "").splitlines()
            named_tops = (distribution.read_text("top_level.txt") or "").split()
        except Exception:  # noqa: BLE001, S112 a broken one is of no use to a benchmark
            continue
        for top in named_tops or [normal(facts[0]).replace("-", "_")]:
            tops.setdefault(top, facts)
        for line in listed:
            path = line.split(",", 1)[0]
            module = places.get(f"{root}{os.sep}{path}")
            if module is not None:
                owners.setdefault(module, facts)
            top = path.partition("/")[0].partition(".")[0]
            for prefix in wanted.get(top, ()):
                if path.startswith((f"{prefix}/", f"{prefix}.")):
                    owned.add(facts)
                    excluded.add(top)
    # Without a list of files: as Debian installs, or from a folder.
    for name in files.keys() - owners.keys():
        top = name.split(".")[0]
        if top in tops and top not in excluded:
            owners[name] = tops[top]
    return owners, owned | {tops[top] for top in (wanted.keys() & tops.keys()) - excluded}
