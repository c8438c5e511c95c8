"""Requirements of extras: a library may import them while a benchmark runs, although no source of
its own or of the suite names them.

The runner follows requirements without extras. Here an interpreter lists its installed
distributions, and imports none of them.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from perceptron.gate.checkout.python import ask
from perceptron.gate.dependencies.declared import Declared
from perceptron.records.block import PAIR, Side

_LISTING = """
import importlib.metadata, json
rows = []
for distribution in importlib.metadata.distributions():
    rows.append([distribution.metadata["Name"], distribution.version, distribution.requires or []])
print(json.dumps(rows))
"""
_Row = tuple[str | None, str | None, list[str]]


def with_extras(
    used: Mapping[Side, Mapping[str, str]],
    pythons: Mapping[Side, str],
    requested: Iterable[Declared],
) -> dict[Side, Mapping[str, str]]:
    """Return the versions of used distributions, and of those that their extras require.

    The project ``requested`` these extras, or one distribution requests them of another.
    """
    pairs = [(entry.name, extra) for entry in requested for extra in entry.extras[1:-1].split(",")]
    return {side: {**_required(pythons[side], used[side], pairs), **used[side]} for side in PAIR}


def _required(
    python: str, used: Mapping[str, str], requested: Iterable[tuple[str, str]]
) -> dict[str, str]:
    rows = ask([python, "-c", _LISTING], list[_Row], Path(os.sep)) or []
    # The first distribution of a name is the imported one.
    installed = {
        canonicalize_name(name): (version, texts) for name, version, texts in reversed(rows) if name
    }
    versions: dict[str, str] = {}
    todo = [(name, "") for name in used] + [pair for pair in requested if pair[0] in used]
    visited: set[tuple[str, str]] = set()
    while todo:
        name, extra = entry = todo.pop()
        version, texts = installed.get(canonicalize_name(name), (None, []))
        if version is None or entry in visited:
            continue
        visited.add(entry)
        versions[name] = version
        todo += [pair for text in texts for pair in _with_extra(text, canonicalize_name(extra))]
    return versions


def _with_extra(text: str, extra: str) -> list[tuple[str, str]]:
    """Return the (name, extra) pairs that this text requires of a distribution with this extra.

    Other conditions of a marker are ignored: only installed distributions count.
    """
    try:
        parsed = Requirement(text)
    except InvalidRequirement:
        return []
    marker = str(parsed.marker or "")
    if "extra" in marker and f'"{extra}"' not in marker:
        return []
    return [(canonicalize_name(parsed.name), inner) for inner in ("", *parsed.extras)]
