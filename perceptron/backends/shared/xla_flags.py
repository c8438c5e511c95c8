"""Which flags the installed XLA takes: one that it does not know ends the process."""

from __future__ import annotations

import os
import subprocess
import sys
from functools import cache

_ASK = "from jaxlib import xla_client; xla_client.CompileOptions()"
_LOOPS = "--xla_gpu_enable_command_buffer"
# A loop that runs in a command buffer, which is a CUDA graph, asks nobody for its next pass; one
# that the host steers waits for the device before each. Newer XLA takes additions to what it puts
# into command buffers by itself; older takes the list, and its default is given whole.
_WANTED = (
    f"{_LOOPS}=+WHILE,+CONDITIONAL --xla_gpu_graph_min_graph_size=1",
    f"{_LOOPS}=FUSION,CUBLAS,CUBLASLT,CUSTOM_CALL,CUDNN,WHILE,CONDITIONAL"
    " --xla_gpu_graph_min_graph_size=1",
)


def with_loops_on_the_device(own: str) -> str:
    """Return the user's ``own`` flags and those that keep a loop on the device, if XLA has them.

    A user who says what goes into command buffers has the last word.
    """
    if _LOOPS in own:
        return own
    for flags in _WANTED:
        if is_accepted(flags):
            return f"{own} {flags}".strip()
    return own


@cache
def is_accepted(flags: str) -> bool:
    """Return whether XLA takes these flags, by asking it in a process of its own."""
    asked = subprocess.run(
        [sys.executable, "-c", _ASK],
        env={**os.environ, "XLA_FLAGS": flags},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=False,
    )
    return asked.returncode == 0
