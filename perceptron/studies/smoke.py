"""Half a minute with a GPU: does every backend train, and about as fast as it should?

No measurement, and no row: a look at what would make the rest of the day worthless, while there is
time to stop it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from time import monotonic
from typing import NamedTuple

from msgspec.structs import replace

from perceptron.backends import registry
from perceptron.machine import usable_cores
from perceptron.measure.job import Batch, Outcome
from perceptron.measure.launch import Abandoned, Workers
from perceptron.records.files.lock import temporary_folder
from perceptron.records.gpu_day import Smoked
from perceptron.records.measurement import ExtraName

_PROBLEM = "or-gate"
_SAMPLES, _SAMPLE_SECONDS = 3, 0.002
# Of the time, for importing: all at once.
_SHARE_FOR_STARTING = 0.5
_EXTRAS: tuple[ExtraName, ...] = ("ceiling", "device")


class _Expected(NamedTuple):
    """A range, and what a number below or above it by far means."""

    low: float
    high: float
    unit: str = "µs"
    lowest: float = 0.0
    too_low: str = ""
    highest: float = float("inf")
    too_high: str = ""


_ON_DEVICE = "{}, its device"
# On an H100 and its host: of an iteration on the OR gate, and of the device around it.
EXPECTED = {
    "numpy": _Expected(4, 6),
    "torch-cpu": _Expected(45, 75),
    "torch-cuda": _Expected(80, 160, lowest=50, too_low="not synchronised"),
    _ON_DEVICE.format("torch-cuda"): _Expected(20, 40),
    "torch-cuda-manual": _Expected(60, 110),
    "torch-cuda-graph": _Expected(15, 30, lowest=8, too_low="an incomplete replay"),
    "torch-cuda-persistent": _Expected(0.5, 2),
    "jax-cuda": _Expected(5, 15, highest=25, too_high="the host steers the loop"),
    "copy": _Expected(2.8, 3.2, "TB/s"),
    "product": _Expected(45, 55, "TFLOP/s", highest=100, too_high="TF32 is on"),
    "host to device": _Expected(45, 55, "GB/s", lowest=20, too_low="not pinned"),
    "device to host": _Expected(45, 55, "GB/s", lowest=20, too_low="not pinned"),
}
_SCALES = {"µs": 1e6, "TB/s": 1e-12, "TFLOP/s": 1e-12, "GB/s": 1e-9}


def smoke(backends: Sequence[str], gpu: str, seconds: float) -> list[Smoked]:
    """Have each backend take ten iterations that agree, and time some more; then look at the GPU.

    ``gpu`` is the backend by which that is asked. What is not done within ``seconds`` says so.
    """
    begun = monotonic()
    ends = begun + _SHARE_FOR_STARTING * seconds

    def left() -> float:
        return ends - monotonic()

    found: list[Smoked] = []
    with temporary_folder() as references, Workers(left) as workers:

        def asked(job: Batch) -> Outcome:
            try:
                backend = registry.load(job.backend)
                (outcome,) = workers.run((job.backend, job.extra), job, backend)
                return outcome
            except Abandoned:
                return Outcome(problem=_PROBLEM, status="failed", reason="did not end in time")

        with suppress(Abandoned):  # what did not start is asked again, and says so
            workers.warm({(name, None): (_job(name), registry.load(name)) for name in backends})
        ends = begun + seconds
        for name in backends:
            agrees = asked(replace(_job(name), check=True, references=str(references)))
            found += _of_backend(name, asked(_job(name)) if agrees.status == "ok" else agrees)
        for extra in _EXTRAS:
            found += _of_device(asked(_job(gpu, extra)), extra)
    return found


def _job(name: str, extra: ExtraName | None = None) -> Batch:
    return Batch(
        backend=name,
        problems=[_PROBLEM],
        dtype=registry.published_dtype(name) if extra is None else "float32",
        threads=usable_cores(),
        samples=_SAMPLES,
        minimum_seconds=_SAMPLE_SECONDS,
        extra=extra,
    )


def _of_backend(name: str, outcome: Outcome) -> Iterator[Smoked]:
    if outcome.seconds is None:
        failed = outcome.status == "failed"
        yield Smoked(what=name, measured=None, unit="µs", remark=outcome.reason, failed=failed)
        return
    yield smoked(name, outcome.seconds)
    if outcome.device_seconds is not None:
        yield smoked(_ON_DEVICE.format(name), outcome.device_seconds)


def _of_device(outcome: Outcome, extra: str) -> Iterator[Smoked]:
    if outcome.status != "ok":
        yield Smoked(what=extra, measured=None, unit="", remark=outcome.reason, failed=True)
    for part in outcome.parts:
        if part.name in EXPECTED:
            yield smoked(part.name, part.work / part.seconds)


def smoked(what: str, measured: float) -> Smoked:
    """Return a number, in seconds or a rate a second, beside what is expected of it."""
    expected = EXPECTED.get(what)
    if expected is None:
        return Smoked(what=what, measured=measured * _SCALES["µs"], unit="µs")
    value = measured * _SCALES[expected.unit]
    remark = None
    if value < expected.lowest:
        remark = f"below {expected.lowest:g}: {expected.too_low}"
    elif value > expected.highest:
        remark = f"above {expected.highest:g}: {expected.too_high}"
    return Smoked(
        what=what,
        measured=value,
        unit=expected.unit,
        low=expected.low,
        high=expected.high,
        remark=remark,
    )
