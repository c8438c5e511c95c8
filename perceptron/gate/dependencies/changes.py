"""Requirements that differ between two revisions, by the files that declare them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from perceptron.gate.checkout.contents import Contents, Unread
from perceptron.gate.checkout.revisions import Revision
from perceptron.gate.dependencies.declared import Declared, Kind
from perceptron.gate.dependencies.files import (
    NOT_READ,
    UNREADABLE,
    are_alternatives,
    declared,
    declares,
    included,
    is_aside,
    is_read_by_build,
)
from perceptron.untrusted_text import shortened

Files = Mapping[str, bytes | Unread]
"""The contents of the files that declare requirements, by their names from the root."""

# Depth to which lists of requirements may include others.
_DEPTH = 5
# Most characters of each side in a sentence.
_LONGEST = 40


@dataclass(frozen=True)
class Change:
    """A requirement that differs, as the same file of each revision has it."""

    name: str
    kind: Kind
    base: frozenset[Declared]
    head: frozenset[Declared]
    file: str
    alternatives: bool = False
    """Whether one of several entries is installed, as in a lock."""
    aside: bool = False
    """Whether the file has no influence on the benchmarks."""
    built: bool = False
    """Whether building and installing the project reads the file."""

    def __str__(self) -> str:
        """Return a short description, such as ``toydep 1.0 → 2.0``."""
        if self.name == UNREADABLE:
            return f"{shortened(self.file)}, which cannot be read,"
        if self.name == NOT_READ:
            return f"{shortened(self.file)}, which is not looked at"
        if any(
            entry.kind == "text" or entry.name == "build_command" for entry in self.base | self.head
        ):
            return f"{shortened(self.name)} in {shortened(self.file)}"
        base, head = (
            shortened(" ".join(map(str, sorted(entries))), _LONGEST) or "absent"
            for entries in (self.base - self.head, self.head - self.base)
        )
        if _together(self.base) == _together(self.head):
            return f"{shortened(self.name)} in another group"
        if base == head:
            return f"{shortened(self.name)} from another source"
        return f"{shortened(self.name)} {base} → {head}"


def changed_requirements(
    repository: Path, base: Revision, head: Revision, suite: str, code: str
) -> list[Change]:
    """Return the requirements that differ between the revisions, read from git.

    ``suite`` is the file of asv's configuration, ``code`` the folder of the project.
    """
    files = [_declaring(Contents(repository, revision), suite) for revision in (base, head)]
    return list(changes(files[0], files[1], suite, code))


def requested_extras(
    repository: Path, revisions: Iterable[Revision], suite: str, code: str
) -> set[Declared]:
    """Return the requirements, changed or not, that name extras of a distribution."""
    return {
        entry
        for revision in revisions
        for name, content in _declaring(Contents(repository, revision), suite).items()
        if not is_aside(name, code)
        for entry in declared(name, content, suite)
        if entry.extras
    }


def changes(base: Files, head: Files, suite: str, code: str = ".") -> Iterator[Change]:
    """Yield the differences between the files' requirements, file by file."""
    for name in sorted(base.keys() | head.keys()):
        if base.get(name) == head.get(name):
            continue
        base_entries, head_entries = (
            _grouped(declared(name, files[name], suite) if name in files else ())
            for files in (base, head)
        )
        for key in sorted(base_entries.keys() | head_entries.keys()):
            pair = base_entries.get(key, frozenset()), head_entries.get(key, frozenset())
            # Moving to another group is no change, unless versions change places.
            ungrouped = _together(pair[0])
            is_same = ungrouped == _together(pair[1]) and len(ungrouped) == 1
            if pair[0] == pair[1] or is_same:
                continue
            distribution, kind = key
            aside = is_aside(name, "" if distribution != UNREADABLE else code)
            facts = are_alternatives(name, suite), aside, is_read_by_build(name, suite)
            yield Change(distribution, kind, *pair, name, *facts)


def _grouped(entries: Iterable[Declared]) -> dict[tuple[str, Kind], frozenset[Declared]]:
    """Return the requirements of each distribution, separately for each purpose."""
    groups: dict[tuple[str, Kind], set[Declared]] = {}
    for entry in entries:
        groups.setdefault((entry.name, entry.kind), set()).add(entry)
    return {key: frozenset(group) for key, group in groups.items()}


def _together(entries: Iterable[Declared]) -> frozenset[Declared]:
    return frozenset(replace(entry, group="") for entry in entries)


def _declaring(contents: Contents, suite: str) -> Files:
    """Return the files that declare requirements, and the files that these include."""
    files: dict[str, bytes | Unread] = {}
    names = {name for name in contents.names if declares(name, suite)}
    for _ in range(_DEPTH):
        new = contents.read(names - files.keys())
        files |= new
        readable = [(name, content) for name, content in new.items() if isinstance(content, bytes)]
        names = {inner for name, content in readable for inner in included(name, content)}
    return files
