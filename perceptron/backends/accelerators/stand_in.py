"""The CPU in an accelerator's place: what half an hour with a GPU will run has run before.

The only file of the backends that knows of rehearsals. All others ask an accelerator for its
``place`` and do there what they would do on any CPU.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from perceptron.backends.accelerators.protocol import Loop, Queue, loop_of, seconds_by_the_clock
from perceptron.problems.problem import DType
from perceptron.rehearsal import is_rehearsal


def place_of(kind: str) -> str:
    """Return where the work of a device of this kind is done: on itself, or on the CPU."""
    return "cpu" if is_rehearsal() else kind


class HostAccelerator:
    """The CPU, driven by NumPy, in the place of a device whose library needs one.

    There is nothing to wait for and no allocator to ask, and what the device does takes as long as
    queueing it.
    """

    kind = "cuda"
    place = "cpu"

    def unavailable(self) -> str | None:
        return None

    def touch(self) -> None:
        pass

    def synchronize(self) -> None:
        pass

    def reset_peak_memory(self) -> None:
        pass

    def peak_memory(self) -> int | None:
        return None

    def busy_seconds(self, queue: Queue, iterations: int) -> float | None:
        return seconds_by_the_clock(queue, iterations)

    def product(self, width: int, dtype: DType) -> Loop:
        left, right, result = (np.ones((width, width), dtype) for _ in range(3))
        return loop_of(lambda: np.dot(left, right, out=result))

    def copy(self, size: int) -> Loop:
        source, target = (np.ones(size // 4, "float32") for _ in range(2))
        return loop_of(lambda: np.copyto(target, source))

    def transfers(self, size: int) -> Mapping[str, Loop]:
        return {"host to device": self.copy(size), "device to host": self.copy(size)}

    def versions(self) -> dict[str, str]:
        return {}
