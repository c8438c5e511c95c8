"""Compute a digest of some of the package's modules."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from hashlib import sha256
from pathlib import Path


def code_digest(package: Path, parts: Sequence[str]) -> str:
    """Return 12 hexadecimal digits of the SHA-256 of the modules in these folders and files.

    They are the same in a checkout and in an installed copy, on any system. Folders count with all
    their modules, so that a new module is included.
    """
    result = sha256()
    for name, text in sources(package, parts):
        result.update(f"{name}\n{text}\n".encode())
    return result.hexdigest()[:12]


def sources(package: Path, parts: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Yield the path in the package and the text of each module."""
    for part in parts:
        path = package / part
        for file in sorted(path.rglob("*.py")) if path.is_dir() else [path]:
            yield file.relative_to(package).as_posix(), file.read_text(encoding="utf-8")
