"""Find out whether what compiles while the suite runs is here, without importing anything."""

from __future__ import annotations

import os
import shutil
import sys
import sysconfig
from collections.abc import Sequence
from pathlib import Path

from perceptron import optional

INTERPRET = "TRITON_INTERPRET"
"""Set to 1 before Triton is imported, kernels are interpreted on the CPU and not compiled."""


def triton_unavailable() -> str | None:
    """Return why Triton cannot run here, in one line, or None.

    It brings its compiler of kernels, but compiles what launches them with the system's C compiler
    against Python's header. Its interpreter needs neither.
    """
    reason = optional.missing("triton")
    if reason is not None:
        return reason
    return _missing("C", "CC", ["gcc", "clang"])


def cpp_unavailable() -> str | None:
    """Return why TorchInductor cannot compile C++ here, in one line, or None."""
    return _missing("C++", "CXX", [{"darwin": "clang++", "win32": "cl"}.get(sys.platform, "g++")])


def _missing(language: str, variable: str, compilers: Sequence[str]) -> str | None:
    named = os.environ.get(variable)
    if not any(shutil.which(compiler) for compiler in ([named] if named else compilers)):
        problem = f"{variable}={named} not found" if named else f"no {language} compiler found"
        return f"{problem}: install {compilers[0]}"
    header = Path(sysconfig.get_path("include"), "Python.h")
    return None if header.exists() else f"{header.name} not found: install python3-dev"
