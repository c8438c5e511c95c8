"""asv_runner's plug-ins, without reading every package. Part of the program: standard library only.

When it is imported, asv_runner parses the metadata of every installed distribution, because one of
them may be called ``asv_bench…``: a third of the start of a process, in each of them. The names of
the folders tell as much.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib import metadata

_PREFIX = "asv_bench"


@contextmanager
def looked_for_by_folder() -> Iterator[None]:
    """Let nobody find a distribution meanwhile, unless one may be a plug-in."""
    if may_have_plugins(sys.path):
        yield
        return
    before = metadata.distributions
    metadata.distributions = lambda **_: iter(())
    try:
        yield
    finally:
        metadata.distributions = before


def may_have_plugins(folders: Sequence[str]) -> bool:
    """Return whether a name in these folders begins as a plug-in's does, or one is no folder."""
    for folder in folders:
        try:
            names = os.listdir(folder or os.curdir)
        except FileNotFoundError:
            continue
        except OSError:  # an archive, or forbidden
            return True
        if any(name.lower().startswith(_PREFIX) for name in names):
            return True
    return False
