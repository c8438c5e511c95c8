"""A minute on a GPU before anything is measured there: `python -m benchmarks.gpu_smoke FILE`.

Every backend of a GPU trains the OR gate for a moment, and its time is printed beside the expected
time of an H100: a number far off shows a fault before a day is spent on measuring. The flags that
XLA accepts are tried once, and stored in FILE.
"""

from __future__ import annotations

import sys
from collections.abc import Hashable, Iterator
from math import inf
from pathlib import Path
from typing import Any, NamedTuple

from perceptron.backends import registry
from perceptron.backends.accelerators.jax_accelerator import with_loops_on_the_device
from perceptron.backends.accelerators.protocol import cuda_unavailable
from perceptron.machine import usable_cores
from perceptron.measure.job import Extra, Job, Time
from perceptron.measure.launch import Workers
from perceptron.numbers import digits
from perceptron.records.measurement import ExtraName


class Expected(NamedTuple):
    """The expected range of a number, and the fault that a value beyond ``least``, ``most`` shows.

    No GPU has been measured yet: these are estimates.
    """

    unit: str
    low: float
    high: float
    least: float = 0.0
    most: float = inf
    beyond: str = ""

    def beside(self, value: float) -> str:
        """Return a value as text, with its expected range and its fault."""
        wrong = "" if self.least <= value <= self.most else f": {self.beyond}"
        span = f"{digits(self.low)} to {digits(self.high)}"
        return f"{digits(value)} {self.unit}, expected {span}{wrong}"


EXPECTED = {
    "numpy": Expected("µs", 4, 6),
    "torch-cpu": Expected("µs", 45, 110),
    "torch-cuda": Expected("µs", 80, 160, least=50, beyond="not synchronised"),
    "torch-cuda-manual": Expected("µs", 60, 110),
    "torch-cuda-graph": Expected("µs", 15, 30, least=8, beyond="incomplete replay"),
    "jax-cuda": Expected("µs", 5, 15),
    "torch-cuda-persistent": Expected("µs", 0.5, 2),
    "product": Expected("TFLOP/s", 45, 55, most=100, beyond="TF32 is on"),
    "copy": Expected("TB/s", 2.8, 3.2),
    "host to device": Expected("GB/s", 45, 55),
    "device to host": Expected("GB/s", 45, 55),
}
_RATES: tuple[ExtraName, ...] = ("ceiling", "device")
_ONE = {"µs": 1e-6, "TFLOP/s": 1e12, "TB/s": 1e12, "GB/s": 1e9}


def smoke() -> Iterator[str]:
    """Yield a line for each backend, and for each rate of the device."""
    about: dict[str, Any] = {"problem": "or-gate", "dtype": "float32", "threads": usable_cores()}
    about |= {"samples": 3, "minimum_seconds": 0.01}
    on_gpu = (name for name in registry.BUILT_IN if registry.load(name).device == "cuda")
    names = ["numpy", "torch-cpu", *on_gpu]
    absent = {name: reason for name in names if (reason := registry.reason_unavailable(name))}
    jobs: dict[Hashable, Job] = {
        name: Time(backend=name, **about) for name in names if name not in absent
    }
    with Workers() as workers:
        workers.warm(jobs)
        for name in names:
            outcome = None if name in absent else workers.run(name, jobs[name])
            if outcome is None or outcome.seconds is None:
                yield f"{name}: {absent[name] if outcome is None else outcome.reason}"
            else:
                yield _line(name, outcome.seconds)
        workers.end(*jobs)
        if "torch-cuda" not in absent:
            for job in (Extra(backend="torch-cuda", extra=rate, **about) for rate in _RATES):
                for part in workers.run(job.extra, job).parts:
                    if part.name in EXPECTED:
                        yield _line(part.name, part.work / part.seconds)


def _line(name: str, value: float) -> str:
    expected = EXPECTED.get(name)
    text = (
        f"{digits(value / 1e-6)} µs"
        if expected is None
        else expected.beside(value / _ONE[expected.unit])
    )
    return f"{name}: {text}"


if __name__ == "__main__":
    if cuda_unavailable() is None:
        Path(sys.argv[1]).write_text(with_loops_on_the_device(""), encoding="utf-8")
    for line in smoke():
        print(line, flush=True)
