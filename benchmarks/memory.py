"""asv: the most memory that a training holds."""

from __future__ import annotations

from benchmarks.cases import BACKENDS, SIZES, Case, NotHere, prepare
from perceptron.backends import registry
from perceptron.measure.memory import release, watch_peak, watched_peak

# Arrays so large that the memory of libraries is negligible: for smaller arrays, the peak depends
# on what ran in the process before.
_PROBLEMS = (f"perceptron-features:{SIZES['perceptron-features'][-1]}",)


class PeakBytes:
    """Peak bytes beyond those held before; n/a if the system or the device does not report them."""

    params = (_PROBLEMS, BACKENDS)
    param_names = ("problem", "backend")
    unit = "bytes"
    timeout = 120.0
    version = "1"

    def setup(self, problem: str, backend: str) -> None:
        """Import, start thread pools and load the data set before the peak is watched."""
        if registry.load(backend).device != "cpu":
            raise NotImplementedError(f"{backend}: its memory is not this process's")
        watch_peak()
        if watched_peak() is None:
            raise NotImplementedError("this system does not tell the peak of a process")
        family, size = problem.split(":")
        self.case = Case(family, int(size), backend)
        try:
            prepare(Case(family, SIZES[family][0], backend))
        except NotHere as reason:
            raise NotImplementedError(str(reason)) from None
        release()

    def track_peak_bytes(self, problem: str, backend: str) -> int | None:
        """Return the peak of preparing and of an iteration of training."""
        watch_peak()
        prepare(self.case).train(1)
        return watched_peak()
