"""asv.conf.json, which may hold comments: read, and its entries checked."""

from __future__ import annotations

from pathlib import Path, PurePosixPath

import json5

from perceptron.errors import UserError


def load(file: Path) -> dict[str, object]:
    """Return its entries. Raises `UserError` naming the file for what is none."""
    try:
        content = json5.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UserError(
            f"--suite {file}: no such file; name the asv.conf.json of your suite"
        ) from None
    except OSError as error:
        raise UserError(f"--suite {file}: cannot be read: {error.strerror}") from None
    except ValueError as error:  # not UTF-8, or not JSON
        problem = " ".join(str(error).split())
        raise UserError(f"--suite {file}: not asv's JSON: {problem}") from None
    if not isinstance(content, dict):
        raise UserError(f"--suite {file}: must hold one JSON object")
    return content


def text(file: Path, content: dict[str, object], field: str, default: str) -> str:
    """Return an entry that is text; raises `UserError` naming file and field."""
    value = content.get(field, default)
    if not isinstance(value, str):
        raise UserError(f"--suite {file}: {field} must be text, got {value!r}")
    return value


def inside(file: Path, field: str, path: PurePosixPath) -> str:
    """Return it without dots; raises `UserError` if it leads out of the repository."""
    parts: list[str] = []
    for part in path.parts:
        if path.is_absolute() or (part == ".." and not parts):
            raise UserError(f"--suite {file}: {field} leads out of the repository")
        if part == "..":
            parts.pop()
        else:
            parts.append(part)
    return "/".join(parts) or "."
