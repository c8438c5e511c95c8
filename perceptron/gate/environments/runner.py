"""asv_runner for interpreters that lack it: pure Python, so ours serves them too."""

from __future__ import annotations

import importlib.util
import shutil
import sys
from pathlib import Path

_PACKAGE = "asv_runner"


def lent(home: Path, python: str) -> list[str]:
    """Return the folders to import it from if the interpreter has none; they lie in ``home``."""
    if python == sys.executable:
        return []
    folder = home / "lent"
    target = folder / _PACKAGE
    if not target.is_dir():
        spec = importlib.util.find_spec(_PACKAGE)
        if spec is None or spec.origin is None:
            return []
        unwanted = shutil.ignore_patterns("__pycache__")
        shutil.copytree(Path(spec.origin).parent, target, ignore=unwanted)
    return [str(folder)]
