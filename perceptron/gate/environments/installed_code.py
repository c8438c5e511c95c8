"""The installed project that an arm imported: what it is, from where, and which build of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from pathlib import Path

from perceptron.gate.checkout.worktrees import with_tilde
from perceptron.gate.environments.interpreters import normal

_DIGITS = 12
# What is imported; a project may write other files beside.
_CODE = {".py", ".so", ".pyd", ".dll", ".dylib"}


@dataclass(frozen=True)
class Code:
    """The project that an arm imported: a distribution, or a package of none without a version."""

    name: str
    version: str | None
    place: str
    """The folder of its package."""
    editable: bool

    @cached_property
    def files(self) -> str:
        """A digest that tells one build from another."""
        return _digest(self.name, self.version, self.place)

    def __str__(self) -> str:
        version = f" {self.version}" if self.version is not None else ", of no distribution,"
        editable = "editable, " if self.editable else ""
        return f"{self.name}{version} from {with_tilde(self.place)} ({editable}files {self.files})"


def _digest(name: str, version: str | None, place: str) -> str:
    """Return the digest of the files of a distribution, of which ``place`` was imported.

    They are known from what its installer wrote down. Where that is not beside them, as for an
    editable one, they are told apart by size and time.
    """
    content = _record(name, version, Path(place).parent)
    if content is None:
        content = "".join(_files(Path(place))).encode("utf-8", "surrogateescape")
    return sha256(content).hexdigest()[:_DIGITS]


def _record(name: str, version: str | None, folder: Path) -> bytes | None:
    """Return what the installer wrote down, if it has the digest of each file."""
    for info in sorted(folder.glob("*.dist-info")):
        own, _, its = info.name.removesuffix(".dist-info").rpartition("-")
        if normal(own) == normal(name) and its == version:
            try:
                content = (info / "RECORD").read_bytes()
            except OSError:
                return None
            return content if b"sha256=" in content else None
    return None


def _files(place: Path) -> Iterator[str]:
    paths = sorted(place.rglob("*")) if place.is_dir() else [place]
    for path in paths:
        if path.suffix not in _CODE:
            continue
        try:
            facts = path.stat()
        except OSError:  # a link that leads nowhere
            continue
        yield f"{path.relative_to(place.parent)}\0{facts.st_size}\0{facts.st_mtime_ns}\n"
