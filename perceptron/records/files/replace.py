"""Replace a file in one step, so that no reader and no full disk ever sees half of it."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

import msgspec
from msgspec import Struct


def replace(file: Path, content: bytes | str | Struct) -> None:
    """Write beside the file, then put that in its place; raises OSError and leaves the old one.

    Text is written as UTF-8, a Struct as indented JSON.
    """
    draft = file.with_name(f"{file.name}.{os.getpid()}.tmp")
    try:
        draft.write_bytes(_encoded(content))
        os.replace(draft, file)
    except BaseException:
        with suppress(OSError):
            draft.unlink(missing_ok=True)
        raise


def _encoded(content: bytes | str | Struct) -> bytes:
    if isinstance(content, bytes):
        return content
    if isinstance(content, str):
        return content.encode()
    return msgspec.json.format(msgspec.json.encode(content), indent=2) + b"\n"
