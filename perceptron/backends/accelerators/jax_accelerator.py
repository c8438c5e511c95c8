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
    device_type_of,
)
from perceptron.problems.problem import DType

if TYPE_CHECKING:
    import jax

_PLUGINS = ("jax_cuda12_plugin", "jax_cuda13_plugin")
"""JAX's CUDA plugins, one for each major version of CUDA."""

# So wide that XLA calls cuBLAS instead of writing a kernel itself.
_TOUCHED_WIDTH = 256
_VERSIONS = {
    "cuda": "cuda_runtime_get_version",
    "cuda driver": "cuda_driver_get_version",
    "cublas": "cublas_get_version",
    "cudnn": "cudnn_get_version",
}
_LOOPS = "--xla_gpu_enable_command_buffer"
# A loop in a command buffer, which is a CUDA graph, runs without the host; otherwise the host waits
# for the device before each pass. Newer XLA takes additions to its default list of what goes into
# command buffers; older XLA takes the whole list.
_WANTED = (
    f"{_LOOPS}=+WHILE,+CONDITIONAL --xla_gpu_graph_min_graph_size=1",
    f"{_LOOPS}=FUSION,CUBLAS,CUBLASLT,CUSTOM_CALL,CUDNN,WHILE,CONDITIONAL"
    " --xla_gpu_graph_min_graph_size=1",
)
# Loops as in a training: a loop within a loop whose length is an argument, called more than once.
# In some versions the second call ended the process (https://github.com/openxla/xla/pull/35760).
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
# Starting JAX on a GPU and compiling takes a tenth of this.
_RUN_SECONDS = 60.0
DECIDED = "PERCEPTRON_XLA_FLAGS"
"""Set to the flags that a process found to work, so that its children need not try them again."""


class JaxAccelerator(Accelerator):
    """The first device of a kind."""

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self._peak_before = 0

    @property
    def device_type(self) -> str:
        return device_type_of(self.kind)

    def unavailable(self) -> str | None:
        if self.device_type == "cpu":
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
        """The device as a JAX object; starts JAX's client."""
        import jax

        return jax.devices(self.device_type)[0]

    def touch(self) -> None:
        self.product(_TOUCHED_WIDTH, "float32")(1)

    def synchronize(self) -> None:
        """Wait for a small program, which the device runs after all queued work.

        JAX has no other way to wait for a device; this includes a launch.
        """
        (self._placed(np.ones(())) + 1).block_until_ready()

    def reset_peak_memory(self) -> None:
        """Note the peak so far, which JAX cannot reset."""
        self._peak_before = self._memory("peak_bytes_in_use") or 0

    def peak_memory(self) -> int | None:
        """Return the peak of this process if it rose since `reset_peak_memory`.

        Otherwise it is unknown: at most the earlier peak.
        """
        peak = self._memory("peak_bytes_in_use")
        return peak if peak is not None and peak > self._peak_before else None

    def free_memory(self) -> int | None:
        """Return the bytes left to JAX's allocator, which takes at most 3/4 of the device."""
        limit, used = self._memory("bytes_limit"), self._memory("bytes_in_use")
        return None if limit is None or used is None else limit - used

    def busy_seconds(self, queue: Queue, iterations: int) -> float | None:
        """Return None: JAX has no events with the device's time."""
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
        on_device, cpu = self._placed(host), jax.devices("cpu")[0]
        # Not through NumPy: an array of JAX caches its copy on the host.
        return {
            "host to device": _loop(lambda: jax.device_put(host, device)),
            "device to host": _loop(lambda: jax.device_put(on_device, cpu)),
        }

    def versions(self) -> dict[str, str]:
        """Return the versions of CUDA's libraries that JAX's plugin found, by name."""
        versions = {}
        for plugin in _PLUGINS:
            try:
                module: Any = import_module(f"{plugin}._versions")
            except ImportError:
                continue
            for name, function in _VERSIONS.items():
                try:
                    number = int(getattr(module, function)())
                except Exception:  # noqa: BLE001, S112 some versions of JAX lack it
                    continue
                is_cuda = name.startswith("cuda")  # 13010 is 13.1
                versions[name] = (
                    f"{number // 1000}.{number % 1000 // 10}" if is_cuda else str(number)
                )
        return versions

    def _placed(self, array: np.ndarray[Any, Any]) -> jax.Array:
        import jax

        placed: jax.Array = jax.device_put(array, self.device)
        return placed.block_until_ready()

    def _memory(self, name: str) -> int | None:
        """Return a statistic of JAX's allocator; None on a CPU, which has none."""
        statistics = self.device.memory_stats() or {}
        return statistics.get(name)


def _loop(work: Callable[..., jax.Array], *arguments: object) -> Loop:
    """Return a loop that queues the work and waits for the last result."""
    import jax

    def loop(iterations: int) -> None:
        with jax.enable_x64(True):
            for _ in range(iterations):
                last = work(*arguments)
            last.block_until_ready()

    return loop


def with_loops_on_the_device(user_flags: str) -> str:
    """Return ``user_flags`` with flags that keep a loop on the GPU, if they work; see `runs`.

    Flags of the user about command buffers are left as they are. Trying takes up to two minutes;
    without a GPU nothing is tried.
    """
    if _LOOPS in user_flags or cuda_unavailable() is not None:
        return user_flags
    if (decided := os.environ.get(DECIDED)) is not None:
        return decided
    tried = (f"{user_flags} {flags}".strip() for flags in _WANTED)
    return next((flags for flags in tried if runs(flags)), user_flags)


def repeats_within_a_graph(flags: str) -> bool:
    """Return whether these flags make a loop a node of a CUDA graph."""
    return any(word.startswith(_LOOPS) and "WHILE" in word for word in flags.split())


@cache
def runs(flags: str, platform: str = "cuda") -> bool:
    """Return whether a loop computes the right values with these flags, in a new process."""
    variables = {"JAX_PLATFORMS": platform, "XLA_PYTHON_CLIENT_PREALLOCATE": "false"}
    try:
        process = subprocess.run(
            [sys.executable, "-P", "-c", _RUN],
            env={**os.environ, **variables, "XLA_FLAGS": flags},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
            timeout=_RUN_SECONDS,
        )
    except subprocess.TimeoutExpired:
        return False
    return process.returncode == 0
