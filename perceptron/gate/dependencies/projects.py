"""Requirements of a project and its suite: pyproject.toml, setup.cfg, setup.py, pixi.toml and asv.

No code is executed. Where setup.py computes requirements, its whole code is declared as a text.
"""

from __future__ import annotations

import ast
import configparser
import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import replace
from hashlib import sha256
from typing import Any

from perceptron.gate.checkout.same_code import parsed
from perceptron.gate.dependencies.declared import (
    Declared,
    Kind,
    addressed,
    named,
    requirement,
    requirements,
    specifiers,
    table_of,
    tables_of,
    text_of,
)
from perceptron.untrusted_text import asv_json, toml

# Occurrences of a name in a file that sets it and uses it once.
_SET_AND_USED = 2
_FILE = "file:"
_SETUP_WORDS: dict[str, Kind] = {
    "install_requires": "distribution",
    "extras_require": "distribution",
    "tests_require": "distribution",
    "setup_requires": "build",
}


def of_project(content: bytes) -> Iterator[Declared]:
    """Yield the requirements of pyproject.toml, in its own tables and those of tools."""
    whole = toml(content)
    project, tool = table_of(whole, "project"), table_of(whole, "tool")
    yield from requirements(table_of(whole, "build-system").get("requires"), "build")
    yield from requirements(project.get("dependencies"))
    uv = table_of(tool, "uv")
    groups = (
        table_of(project, "optional-dependencies"),
        table_of(whole, "dependency-groups"),
        table_of(table_of(tool, "pdm"), "dev-dependencies"),
        {key: entry for key, entry in uv.items() if key.endswith("-dependencies")},
        *tables_of(table_of(table_of(tool, "hatch"), "envs")),
    )
    for group in groups:
        for name, texts in group.items():
            yield from (replace(entry, group=name) for entry in requirements(texts))
    yield from named(table_of(uv, "sources"))
    poetry = table_of(tool, "poetry")
    poetry_groups = {"": poetry, **table_of(poetry, "group")}
    for name in poetry_groups:
        table = table_of(poetry_groups, name)
        for key in ("dependencies", "dev-dependencies"):
            # Its requirement of Python is the project's supported range.
            required = {k: v for k, v in table_of(table, key).items() if k != "python"}
            distribution = name or key.removesuffix("dependencies")
            yield from (replace(entry, group=distribution) for entry in named(required))
    yield from _tables_of_pixi(table_of(tool, "pixi"))


def of_pixi(content: bytes) -> Iterator[Declared]:
    """Yield the requirements of pixi.toml."""
    return _tables_of_pixi(toml(content))


def _tables_of_pixi(whole: Mapping[str, Any]) -> Iterator[Declared]:
    """Yield the requirements of the tables, for each feature and each platform."""
    for key, table in whole.items():
        if isinstance(table, dict) and key.endswith("dependencies"):
            yield from named(table)
        elif isinstance(table, dict):
            yield from _tables_of_pixi(table)


def of_setup_cfg(content: bytes) -> Iterator[Declared]:
    """Yield the requirements of setup.cfg, without files that it includes."""
    for text, kind in _lists_of_setup_cfg(content):
        if not text.startswith(_FILE):
            for line in filter(None, map(str.strip, text.splitlines())):
                yield requirement(line, kind)


def included_by_setup_cfg(content: bytes) -> Iterator[str]:
    """Yield the lists of requirements that setup.cfg includes; none if it is unreadable."""
    with suppress(configparser.Error):
        for text, _ in _lists_of_setup_cfg(content):
            if text.startswith(_FILE):
                yield from text.removeprefix(_FILE).split(",")


def _lists_of_setup_cfg(content: bytes) -> Iterator[tuple[str, Kind]]:
    """Yield the values that list requirements, or name their files; a description is neither."""
    parser = configparser.ConfigParser(interpolation=None, inline_comment_prefixes=("#",))
    parser.read_string(text_of(content))
    for word, kind in _SETUP_WORDS.items():
        yield parser.get("options", word, fallback="").strip(), kind
    if parser.has_section("options.extras_require"):
        for text in dict(parser["options.extras_require"]).values():
            yield text.strip(), "distribution"


def of_setup(content: bytes) -> Iterator[Declared]:
    """Yield the requirements in setup.py's literals, or else its whole code as a text."""
    tree = parsed(content)
    if tree is None:
        raise ValueError("no Python")
    code, nodes = ast.dump(tree), list(ast.walk(tree))
    digest = sha256(code.encode(errors="replace")).hexdigest()
    whole = Declared("what it computes", source=digest, kind="text")
    names_them = any(text in code for text in _SETUP_WORDS)
    literals = _literals(tree, nodes)
    for call in (node for node in nodes if isinstance(node, ast.Call)):
        called = getattr(call.func, "id", getattr(call.func, "attr", ""))
        for word in call.keywords:
            if word.arg in _SETUP_WORDS:
                listed = _argument(word, literals)
                yield from [whole] if listed is None else listed
            elif word.arg is None and called == "setup" and names_them:
                yield whole


def _argument(word: ast.keyword, literals: Mapping[str, ast.expr]) -> list[Declared] | None:
    """Return the requirements in an argument of setup; None where it is computed."""
    value = word.value
    if isinstance(value, ast.Name):
        value = literals.get(value.id, value)
    try:
        texts = ast.literal_eval(value)
    except (ValueError, TypeError):
        return None
    entries: list[Declared] = []
    for text in texts.values() if isinstance(texts, dict) else [texts]:
        lines = text.splitlines() if isinstance(text, str) else list(text)
        entries.extend(requirements(lines, _SETUP_WORDS[word.arg or ""]))
    return entries


def _literals(tree: ast.Module, nodes: Iterable[ast.AST]) -> dict[str, ast.expr]:
    """Return the values of names that are set once and used once: nothing else changes them."""
    uses = Counter(node.id for node in nodes if isinstance(node, ast.Name))
    return {
        target.id: statement.value
        for statement in tree.body
        if isinstance(statement, ast.Assign)
        for target in statement.targets
        if isinstance(target, ast.Name) and uses[target.id] == _SET_AND_USED
    }


def of_asv(content: bytes) -> Iterator[Declared]:
    """Yield the requirements that asv installs: its matrix, and those in its commands."""
    whole = asv_json(content)
    if not isinstance(whole, dict):
        return
    matrix, include = table_of(whole, "matrix"), whole.get("include")
    if "build_command" in whole:
        command = json.dumps(whole["build_command"])
        yield Declared("build_command", source=command, kind="build")
    for key, table in (("install_command", whole), ("env", matrix), ("env_nobuild", matrix)):
        if key in table:
            text = json.dumps(table[key], sort_keys=True)
            yield Declared(key, source=text, kind="text")
    pythons = whole.get("pythons")
    for version in pythons if isinstance(pythons, list) else ():
        if re.fullmatch(r"\d+\.\d+", str(version)):
            yield Declared("python", f"=={version}.*")
    is_grouped = bool({"req", "env", "env_nobuild"} & matrix.keys())
    required = [table_of(matrix, "req") if is_grouped else matrix]
    rows = include if isinstance(include, list) else []
    required += [table_of(row, "req") for row in rows if isinstance(row, dict)]
    for table in required:
        for name, versions in table.items():
            for version in versions if isinstance(versions, list) and versions else [versions]:
                yield _of_matrix(name.removeprefix("pip+"), version)


def _of_matrix(name: str, version: object) -> Declared:
    if "://" in name:
        return addressed(name)
    is_any = version is None or version in ("", [])
    return replace(requirement(name), required="" if is_any else specifiers(str(version)))
