"""Which flags the installed XLA takes, and a GPU can run with: others end the process."""

from __future__ import annotations

import os
import subprocess
import sys
from functools import cache

from perceptron.backends.shared.cuda import driver_unavailable

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


# As a training has them: a loop in one whose length is an argument, called more than once. There
# were versions whose second call ended the process (https://github.com/openxla/xla/pull/35760).
_RUN = """
import jax, numpy
from jax import lax, numpy as jnp

def step(_, x):
    return jnp.tanh(jnp.matmul(x, x, precision=lax.Precision.HIGHEST)) + 0.5

def loop(n, x):
    x = lax.fori_loop(0, n // 10, lambda _, y: lax.fori_loop(0, 10, step, y), x)
    return lax.fori_loop(n // 10 * 10, n, step, x)

jitted, start = jax.jit(loop), numpy.eye(4, dtype="float32")
for n in (25, 25, 13):
    expected = start
    for _ in range(n):
        expected = numpy.tanh(expected @ expected) + numpy.float32(0.5)
    numpy.testing.assert_allclose(jitted(n, start), expected, rtol=1e-3)
"""
# Starting JAX on a GPU and compiling takes a tenth of it.
_RUN_SECONDS = 60.0


def with_loops_on_the_device(own: str) -> str:
    """Return the user's ``own`` flags and those that keep a loop on the device, if that works.

    XLA must have them, and a GPU that is here must run a loop rightly with them. A user who says
    what goes into command buffers has the last word.
    """
    if _LOOPS in own:
        return own
    for flags in _WANTED:
        if is_accepted(flags):
            with_flags = f"{own} {flags}".strip()
            is_there = driver_unavailable() is None
            return own if is_there and not runs(with_flags) else with_flags
    return own


def repeats_within_a_graph(flags: str) -> bool:
    """Return whether a loop is a node of a CUDA graph with these flags."""
    return any(word.startswith(_LOOPS) and "WHILE" in word for word in flags.split())


@cache
def is_accepted(flags: str) -> bool:
    """Return whether XLA takes these flags, by asking it in a process of its own."""
    return _ends_well(_ASK, flags)


@cache
def runs(flags: str, platform: str = "cuda") -> bool:
    """Return whether a loop runs rightly with these flags, in a process of its own."""
    return _ends_well(_RUN, flags, JAX_PLATFORMS=platform, XLA_PYTHON_CLIENT_PREALLOCATE="false")


def _ends_well(code: str, flags: str, **variables: str) -> bool:
    try:
        process = subprocess.run(
            [sys.executable, "-c", code],
            env={**os.environ, **variables, "XLA_FLAGS": flags},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
            timeout=_RUN_SECONDS,
        )
    except subprocess.TimeoutExpired:
        return False
    return process.returncode == 0
