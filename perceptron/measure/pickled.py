"""What a program of the user's sends to worker processes: pickled, with where it finds modules."""

from __future__ import annotations

import os
import pickle
import sys
from pathlib import Path


def to_send(pickled: bytes) -> bytes:
    """Return what a file for workers holds: these bytes, and where this process finds modules."""
    search = [os.path.abspath(place) for place in sys.path]  # where "" is, too
    return pickle.dumps((search, pickled))


def received(file: Path) -> bytes:
    """Return the bytes of such a file, and find modules where its writer does.

    They come first: another module of the same name may lie in the folder of this process.
    """
    search, pickled = pickle.loads(file.read_bytes())  # noqa: S301 our caller wrote it
    sys.path[:] = list(dict.fromkeys([*search, *sys.path]))
    return bytes(pickled)
