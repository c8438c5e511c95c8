"""The GPUs of the ranks, as one device: asked in the ranks, for they hold the memory."""

from __future__ import annotations

from perceptron.backends.accelerators.protocol import Queue
from perceptron.backends.accelerators.torch_accelerator import TorchAccelerator
from perceptron.backends.protocol import Ranks


class RanksAccelerator(TorchAccelerator):
    """What does not concern training, such as a copy, is asked of the first GPU, in this process.

    Its own seconds are unknown: no event of one GPU tells when it waits for another.
    """

    def __init__(self, kind: str, ranks: Ranks) -> None:
        super().__init__(kind)
        self._ranks = ranks

    def touch(self) -> None:
        """Start the ranks, each of which starts its GPU."""
        self._ranks.call(_touch, self.kind)

    def reset_peak_memory(self) -> None:
        self._ranks.call(_reset_peak_memory, self.kind)

    def peak_memory(self) -> int | None:
        """Return the sum of what each rank's GPU held at most."""
        peaks = self._ranks.call(_peak_memory, self.kind)
        known = [peak for peak in peaks if peak is not None]
        return sum(known) if len(known) == len(peaks) else None

    def free_memory(self) -> int | None:
        """Return what the GPU with the least has left, for a training holds as much on each."""
        free = [size for size in self._ranks.call(_free_memory, self.kind) if size is not None]
        return min(free, default=None)

    def release(self) -> None:
        self._ranks.call_running(_release, self.kind)

    def busy_seconds(self, queue: Queue, iterations: int) -> float | None:
        return None


def _touch(kind: str) -> None:
    TorchAccelerator(kind).touch()


def _reset_peak_memory(kind: str) -> None:
    TorchAccelerator(kind).reset_peak_memory()


def _peak_memory(kind: str) -> int | None:
    return TorchAccelerator(kind).peak_memory()


def _free_memory(kind: str) -> int | None:
    return TorchAccelerator(kind).free_memory()


def _release(kind: str) -> None:
    TorchAccelerator(kind).release()
