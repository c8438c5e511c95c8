"""What a project's build backend says of it: its metadata. Standard library and that backend only.

Run by its path in the interpreter of a side: ``build_metadata.py TREE FOLDER BACKEND [PATH …]``. It
prints the name of the folder that it made in FOLDER.
"""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Sequence
from typing import Any


def main(tree: str, folder: str, backend: str, path: Sequence[str]) -> None:
    """Ask the backend, by the hook that installers ask first."""
    answers = os.dup(1)
    os.dup2(2, 1)  # what the backend prints is no answer
    os.chdir(tree)
    sys.path[:0] = [os.path.join(tree, place) for place in path]
    module, _, attributes = backend.partition(":")
    hooks: Any = importlib.import_module(module)
    for attribute in filter(None, attributes.split(".")):
        hooks = getattr(hooks, attribute)
    made = hooks.prepare_metadata_for_build_wheel(folder, None)
    os.write(answers, os.fsencode(made) + b"\n")


if __name__ == "__main__":
    here = os.path.dirname(os.path.abspath(__file__))
    # Modules of this folder have names that the backend may use too.
    sys.path[:] = [place for place in sys.path if os.path.abspath(place or ".") != here]
    main(sys.argv[1], sys.argv[2], sys.argv[3], sys.argv[4:])
