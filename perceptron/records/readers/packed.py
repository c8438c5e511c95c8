"""Open a file that may be compressed, refuse what unpacks without end, and decode its JSON."""

from __future__ import annotations

import bz2
import gzip
import io
import json
import lzma
import re
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, cast

from perceptron.errors import UserError

ENDINGS = ("", ".gz", ".bz2", ".xz", ".zip")
"""Endings of packed files, behind the ending of their content."""
MOST_BYTES = 2**26
"""The most bytes of an unpacked file. A few kilobytes can unpack to more than any memory."""
MOST_JSON_BYTES = 2**28
_HEAD = 2**16
_HALF = re.compile(rb"\\u[dD][89a-fA-F]")
_DAMAGED = (EOFError, zlib.error, lzma.LZMAError, gzip.BadGzipFile, zipfile.BadZipFile)


@contextmanager
def open_unpacked(file: Path) -> Iterator[io.BufferedReader]:
    """Open a file, gzip, bzip2, xz or a zip of one file among them; yields what is in it.

    Raises `UserError` naming the file where it is packed in another way or damaged, or where more
    is in it than is read, and OSError where it cannot be opened.
    """
    # In blocks of 8 KiB, as by default, reading rows took a fifth longer.
    opened: io.BufferedReader = io.BufferedReader(io.FileIO(file), _HEAD)
    with opened as packed:
        head = packed.peek(6)
        unpack = next((_UNPACKERS[magic] for magic in _UNPACKERS if head.startswith(magic)), None)
        if unpack is None:
            yield packed
            return
        with unpack(file, packed) as stream:
            content = _all_of(file, stream)
        yield io.BufferedReader(cast(io.RawIOBase, io.BytesIO(content)), _HEAD)


def _all_of(file: Path, stream: IO[bytes]) -> bytes:
    """Unpack at once: seconds of reading rows come after the refusal of too many, not before."""
    try:
        content = stream.read(MOST_BYTES + 1)
    except (*_DAMAGED, OSError) as error:
        raise UserError(f"{file}: cannot be unpacked: {error}; pack it again") from None
    if len(content) > MOST_BYTES:
        raise UserError(f"{file}: unpacks to more than {MOST_BYTES >> 20} MiB; unpack and split it")
    return content


def read_json_bytes(file: Path, content: IO[bytes]) -> bytes:
    """Return all of a file that is opened; raises `UserError` where that is too much at once."""
    text = content.read(MOST_JSON_BYTES + 1)
    if len(text) > MOST_JSON_BYTES:
        raise UserError(f"{file}: more than {MOST_JSON_BYTES >> 20} MiB of JSON; split it")
    return text


def _unzip(file: Path, packed: io.BufferedReader) -> IO[bytes]:
    try:
        archive = zipfile.ZipFile(packed)
        members = [member for member in archive.infolist() if not member.is_dir()]
        if len(members) == 1:
            return archive.open(members[0])
    except (*_DAMAGED, OSError, NotImplementedError, RuntimeError) as error:
        raise UserError(f"{file}: cannot be unpacked: {error}; unpack it yourself") from None
    raise UserError(f"{file}: a zip of {len(members)} files: unpack it, and name the files")


def _refuse(file: Path, _: io.BufferedReader) -> IO[bytes]:
    raise UserError(f"{file}: compressed with zstandard, which is not read; unpack it first")


_UNPACKERS: dict[bytes, Callable[[Path, io.BufferedReader], IO[bytes]]] = {
    b"\x1f\x8b": lambda _, packed: cast(IO[bytes], gzip.GzipFile(fileobj=packed)),
    b"BZh": lambda _, packed: cast(IO[bytes], bz2.BZ2File(packed)),
    b"\xfd7zXZ\x00": lambda _, packed: cast(IO[bytes], lzma.LZMAFile(packed)),  # noqa: SIM115 the caller closes it
    b"PK\x03\x04": _unzip,
    b"\x28\xb5\x2f\xfd": _refuse,
}


def decode_lenient(content: bytes) -> object:
    """Return what a JSON document holds, as Python's own decoder understands it.

    Half of a character that takes two (a lone surrogate) is no text that could be shown or written,
    and becomes a question mark. Raises ValueError for what is no JSON and RecursionError for what
    is nested too deeply.
    """
    document = json.loads(content)
    if _HALF.search(content):
        text = json.dumps(document, ensure_ascii=False)
        document = json.loads(text.encode("utf-8", "replace"))
    return document
