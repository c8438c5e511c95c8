"""Find out whether Triton can compile here, without importing it."""

from __future__ import annotations

import os
import shutil
import sysconfig
from pathlib import Path

from perceptron import optional
from perceptron.rehearsal import is_rehearsal

INTERPRET = "TRITON_INTERPRET"
"""Set to 1 before Triton is imported, kernels are interpreted on the CPU and not compiled."""


def triton_unavailable() -> str | None:
    """Return why Triton cannot run here, in one line, or None.

    It brings its compiler of kernels, but compiles what launches them with the system's C compiler
    against Python's header. Its interpreter, which a rehearsal uses, needs neither.
    """
    reason = optional.missing("triton")
    return reason if reason is not None or is_rehearsal() else _compiler_unavailable()


def _compiler_unavailable() -> str | None:
    named = os.environ.get("CC")
    if not any(shutil.which(compiler) for compiler in ([named] if named else ["gcc", "clang"])):
        problem = f"CC={named} not found" if named else "no C compiler found"
        return f"{problem}: Triton needs one to launch kernels, install gcc"
    # Debian's default scheme is for what users install themselves; Triton looks elsewhere, too.
    scheme = sysconfig.get_default_scheme().replace("posix_local", "posix_prefix")
    header = Path(sysconfig.get_path("include", scheme), "Python.h")
    if header.exists():
        return None
    return f"{header.name} not found: Triton needs it to launch kernels, install python3-dev"
