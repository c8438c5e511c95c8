"""The contents of a revision's files, read from git: as committed, without following links."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from perceptron.gate.checkout.revisions import Revision, git

# Largest file that is read, in bytes; a lock of a large project has a few millions.
_LARGEST = 16_000_000
_FILE = "100"  # prefix of the modes of ordinary files


@dataclass(frozen=True)
class Unread:
    """A file that is not read, because it is a link or too large; ``state`` shows differences."""

    state: str


class Contents:
    """The files of a revision, with the changes of the working tree if it is compared.

    The trees that are compared share HEAD's benchmarks; here each revision has its own.
    """

    def __init__(self, repository: Path, revision: Revision) -> None:
        self._repository = repository
        self._changed = frozenset(revision.changed or ())
        self._objects: dict[str, str | Unread] = {}
        listing = git(repository, "ls-tree", "-r", "-l", "-z", "--full-tree", revision.commit)
        for row in filter(None, listing.split("\0")):
            facts, _, name = row.partition("\t")
            mode, kind, object_id, size = facts.split()
            if kind == "blob":
                is_read = mode.startswith(_FILE) and int(size) <= _LARGEST
                self._objects[name] = object_id if is_read else Unread(object_id)

    @property
    def names(self) -> set[str]:
        """Return the names of all files, relative to the root."""
        present = {name for name in self._changed if os.path.lexists(self._repository / name)}
        return (self._objects.keys() - self._changed) | present

    def read(self, names: Iterable[str]) -> dict[str, bytes | Unread]:
        """Return the contents of those of the files that exist."""
        existing = self.names.intersection(names)
        contents = {name: self._of_working_tree(name) for name in existing & self._changed}
        committed = {name: self._objects[name] for name in existing - self._changed}
        object_ids = [entry for entry in committed.values() if isinstance(entry, str)]
        request = "".join(f"{object_id}\n" for object_id in object_ids)
        output = git(self._repository, "cat-file", "--batch", stdin=request) if object_ids else ""
        objects = dict(_objects(os.fsencode(output)))
        for name, entry in committed.items():
            contents[name] = objects[entry] if isinstance(entry, str) else entry
        return contents

    def _of_working_tree(self, name: str) -> bytes | Unread:
        file = self._repository / name
        facts = file.lstat()
        if stat.S_ISREG(facts.st_mode) and facts.st_size <= _LARGEST:
            return file.read_bytes()
        return Unread(f"{facts.st_size} {facts.st_mtime_ns}")


def _objects(output: bytes) -> Iterator[tuple[str, bytes]]:
    """Yield the id and the content of each object that git sent, after its header line."""
    position = 0
    while position < len(output):
        begin = output.index(b"\n", position) + 1
        object_id, _, size = output[position:begin].split()
        position = begin + int(size) + 1
        yield object_id.decode(), output[begin : position - 1]
