"""asv.conf.json, which may hold comments: read, and its entries checked."""

from __future__ import annotations

from pathlib import Path, PurePosixPath

from perceptron.config_file import read_asv_json
from perceptron.errors import UserError


def load(file: Path) -> dict[str, object]:
    """Return its entries. Raises `UserError` naming the file for what is none."""
    if not file.exists():
        raise UserError(f"--suite {file}: no such file; name the asv.conf.json of your suite")
    try:
        content = read_asv_json(file)
    except UserError as error:
        raise UserError(f"--suite {file}: {error}") from None
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
