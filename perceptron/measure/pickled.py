"""Pickled objects that a user's program sends to worker processes, with its search path."""

from __future__ import annotations

import os
import pickle
import sys
from pathlib import Path

from perceptron.processes.fresh_python import standard_first


def to_send(pickled: bytes) -> bytes:
    """Return the content of a file for workers: ``pickled`` and this process's search path.

    The program's own folder and the current one come last: a user's file ``numba.py`` must not
    replace a library that a worker needs.
    """
    script = getattr(sys.modules.get("__main__"), "__file__", None) or ""
    program_folders = {os.getcwd(), os.path.dirname(os.path.abspath(script))}
    search = [os.path.abspath(folder) for folder in sys.path]  # "" is the current folder
    return pickle.dumps((sorted(search, key=program_folders.__contains__), pickled))


def received(file: Path) -> bytes:
    """Return the ``pickled`` bytes in a file of `to_send`; adopt its writer's search path."""
    search, pickled = pickle.loads(file.read_bytes())  # noqa: S301 our caller wrote it
    sys.path[:] = standard_first([*search, *sys.path])
    return bytes(pickled)
