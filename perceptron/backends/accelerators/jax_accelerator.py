"""A device that JAX drives."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import numpy as np

from perceptron.backends.accelerators.protocol import Loop, Queue
from perceptron.backends.accelerators.stand_in import place_of
from perceptron.backends.shared.cuda import driver_unavailable
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


class JaxAccelerator:
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
        reason = driver_unavailable()
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
