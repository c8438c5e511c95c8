"""A digest of what some of the package's modules do: comments and docstrings make no difference."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from hashlib import sha256
from pathlib import Path

# What a bracket, a quote or a hash sign means depends on these alone. A run opens with this digest,
# and the syntax trees of the same modules take five times as long.
_TOKENS = re.compile(
    r"""
    (?P<text>
        "{3} [^"\\]* (?:(?:\\.|"(?!""))[^"\\]*)* "{3}
      | '{3} [^'\\]* (?:(?:\\.|'(?!''))[^'\\]*)* '{3}
      | " [^"\\\n]* (?:\\.[^"\\\n]*)* "
      | ' [^'\\\n]* (?:\\.[^'\\\n]*)* '
    )
    | \#[^\n]* | (?P<opened>[(\[{]) | (?P<closed>[)\]}])
    """,
    re.DOTALL | re.VERBOSE,
)
# Before a text that is a statement, on its line and at the end of the one above; and behind it.
_BEFORE = re.compile(r"(?:\A|(?<!\\)\n)[ \t]*[rRuU]?\Z")
_BEHIND = re.compile(r"[ \t]*(?:#|\n|\Z)")


def code_digest(package: Path, parts: Sequence[str], without: Collection[str] = frozenset()) -> str:
    """Return 12 hexadecimal digits of these folders and files of a package, some files apart.

    They are the same in a checkout and in an installed copy, on any system and Python. Whole
    folders count, so that a module added to one is part of it without being named.
    """
    result = sha256()
    for name, text in sources(package, parts):
        if name in without:
            continue
        result.update(f"{name}\n{without_words(text)}\n".encode())
    return result.hexdigest()[:12]


def sources(package: Path, parts: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Yield each module by its path in the package, and its text."""
    for part in parts:
        path = package / part
        for file in sorted(path.rglob("*.py")) if path.is_dir() else [path]:
            yield file.relative_to(package).as_posix(), file.read_text(encoding="utf-8")


def without_words(source: str) -> str:
    """Return the lines of a module that are neither blank, nor a comment, nor a docstring.

    The description of an attribute is a docstring as well.
    """
    words = {number for lines in _docstrings(source) for number in lines}
    lines = enumerate(source.splitlines(), start=1)
    kept = [line for number, line in lines if number not in words and line.strip()]
    return "\n".join(line for line in kept if not line.lstrip().startswith("#"))


def _docstrings(source: str) -> Iterator[range]:
    """Yield the numbers of the lines of each text that is a statement by itself."""
    depth = number = counted = 0
    for token in _TOKENS.finditer(source):
        if token["opened"]:
            depth += 1
        elif token["closed"]:
            depth -= 1
        elif token["text"] and not depth:
            begin, end = token.span()
            line = source.rfind("\n", 0, begin)
            if _BEFORE.match(source, max(line, 0), begin) and _BEHIND.match(source, end):
                number += source.count("\n", counted, begin)
                counted = begin
                yield range(number + 1, number + 2 + token["text"].count("\n"))
