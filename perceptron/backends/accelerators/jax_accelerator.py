"""A device that JAX drives, and the flags with which XLA keeps a loop on it.

Flags that the installed XLA does not take, or a GPU cannot run with, end the process.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import numpy as np

from perceptron.backends.accelerators.protocol import (
    Accelerator,
    Loop,
    Queue,
    cuda_unavailable,
    place_of,
)
from perceptron.problems.problem import DType

if TYPE_CHECKING:
    import jax

_PLUGINS = ("jax_cuda12_plugin", "jax_cuda13_plugin")
"""What brings CUDA to JAX, each for one of its major versions."""

# So wide that XLA asks the library of products instead of writing a kernel itself.
_TOUCHED_WIDTH = 256
_VERSIONS = {
    "cuda": "cuda_runtime_get_version",
    "cuda driver": "cuda_driver_get_version",
    "cublas": "cublas_get_version",
    "cudnn": "cudnn_get_version",
}
_LOOPS = "--xla_gpu_enable_command_buffer"
# A loop that runs in a command buffer, which is a CUDA graph, asks no host for its next pass; one
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
DECIDED = "PERCEPTRON_XLA_FLAGS"
"""Set to the flags that a process found, so that those that it starts need not try them again."""


class JaxAccelerator(Accelerator):
    """The first device of a kind."""

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self._peak_before = 0

    @property
    def place(self) -> str:
        return place_of(self.kind)

    def unavailable(self) -> str | None:
        if self.place == "cpu":
            return None
        reason = cuda_unavailable()
        if reason is None and not any(find_spec(plugin) for plugin in _PLUGINS):
            return (
                "this JAX is installed without CUDA: pip install 'jax[cuda13]', "
                "or 'jax[cuda12]' for a driver before 580"
            )
        return reason

    @property
    def device(self) -> jax.Device:
        """What JAX calls it; asking for it starts JAX's client."""
        import jax

        return jax.devices(self.place)[0]

    def touch(self) -> None:
        self.product(_TOUCHED_WIDTH, "float32")(1)

    def synchronize(self) -> None:
        """Wait for a small program, before which the device does all that was queued.

        JAX knows no other way to wait for a device: this takes a launch as well.
        """
        (self._placed(np.ones(())) + 1).block_until_ready()

    def reset_peak_memory(self) -> None:
        """Note the peak so far: JAX cannot forget it."""
        self._peak_before = self._memory("peak_bytes_in_use") or 0

    def peak_memory(self) -> int | None:
        """Return the peak of this process if it rose since; otherwise what was needed is unknown.

        It was then at most what something before it needed.
        """
        peak = self._memory("peak_bytes_in_use")
        return peak if peak is not None and peak > self._peak_before else None

    def free_memory(self) -> int | None:
        """Return what the allocator may still give out: three quarters of the device's at most."""
        limit, used = self._memory("bytes_limit"), self._memory("bytes_in_use")
        return None if limit is None or used is None else limit - used

    def busy_seconds(self, queue: Queue, iterations: int) -> float | None:
        """Return None: JAX has no events to read the device's clock by."""
        return None

    def product(self, width: int, dtype: DType) -> Loop:
        import jax
        from jax import lax
        from jax import numpy as jnp

        def multiplied(left: jax.Array, right: jax.Array) -> jax.Array:
            return jnp.matmul(left, right, precision=lax.Precision.HIGHEST)

        with jax.enable_x64(True):
            square = self._placed(np.ones((width, width), dtype))
        return _loop(jax.jit(multiplied), square, square)

    def copy(self, size: int) -> Loop:
        import jax
        from jax import numpy as jnp

        return _loop(jax.jit(jnp.copy), self._placed(np.ones(size // 4, "float32")))

    def transfers(self, size: int) -> Mapping[str, Loop]:
        import jax

        host, device = np.ones(size // 4, "float32"), self.device
        there, cpu = self._placed(host), jax.devices("cpu")[0]
        # Not through NumPy: an array of JAX keeps what it once gave to it.
        return {
            "host to device": _loop(lambda: jax.device_put(host, device)),
            "device to host": _loop(lambda: jax.device_put(there, cpu)),
        }

    def versions(self) -> dict[str, str]:
        """Return what JAX's CUDA plugin found, as the libraries number themselves."""
        found = {}
        for plugin in _PLUGINS:
            try:
                module: Any = import_module(f"{plugin}._versions")
            except ImportError:
                continue
            for name, function in _VERSIONS.items():
                try:
                    number = int(getattr(module, function)())
                except Exception:  # noqa: BLE001, S112 one that a version of JAX does not tell
                    continue
                is_cuda = name.startswith("cuda")  # 13010 is 13.1
                found[name] = f"{number // 1000}.{number % 1000 // 10}" if is_cuda else str(number)
        return found

    def _placed(self, array: np.ndarray[Any, Any]) -> jax.Array:
        import jax

        placed: jax.Array = jax.device_put(array, self.device)
        return placed.block_until_ready()

    def _memory(self, name: str) -> int | None:
        """Return one of the allocator's numbers; a CPU has none."""
        statistics = self.device.memory_stats() or {}
        return statistics.get(name)


def _loop(work: Callable[..., jax.Array], *arguments: object) -> Loop:
    """Return a loop that queues the work and waits for the last, behind which nothing is left."""
    import jax

    def loop(iterations: int) -> None:
        with jax.enable_x64(True):
            for _ in range(iterations):
                last = work(*arguments)
            last.block_until_ready()

    return loop


def with_loops_on_the_device(own: str) -> str:
    """Return the user's ``own`` flags and those that keep a loop on the GPU, if that works.

    A loop must run rightly with them. A user's own choice of what goes into command buffers comes
    last and wins. To try takes up to two minutes; without a GPU there is nothing to try.
    """
    if _LOOPS in own or cuda_unavailable() is not None:
        return own
    if (decided := os.environ.get(DECIDED)) is not None:
        return decided
    tried = (f"{own} {flags}".strip() for flags in _WANTED)
    return next((flags for flags in tried if runs(flags)), own)


def repeats_within_a_graph(flags: str) -> bool:
    """Return whether a loop is a node of a CUDA graph with these flags."""
    return any(word.startswith(_LOOPS) and "WHILE" in word for word in flags.split())


@cache
def runs(flags: str, platform: str = "cuda") -> bool:
    """Return whether a loop runs rightly with these flags, in a process of its own."""
    own = {"JAX_PLATFORMS": platform, "XLA_PYTHON_CLIENT_PREALLOCATE": "false"}
    try:
        process = subprocess.run(
            [sys.executable, "-P", "-c", _RUN],
            env={**os.environ, **own, "XLA_FLAGS": flags},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
            timeout=_RUN_SECONDS,
        )
    except subprocess.TimeoutExpired:
        return False
    return process.returncode == 0
