"""The kind of hardware that a run tells about: the CPU alone, or a GPU beside it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from perceptron.analysis.device_share import is_beside_host
from perceptron.analysis.select import has_time
from perceptron.records.environment import Environment
from perceptron.records.measurement import Measurement
from perceptron.rehearsal import SUFFIX, is_rehearsal

CPU = "CPU"


def kind_of_hardware(rows: Sequence[Measurement], environment: Environment) -> str | None:
    """Return `CPU`, or the name of the GPU that has times in these rows of one run.

    None for a rehearsal, which tells nothing about any hardware: the CPU stood in for a device.
    """
    if is_rehearsal(environment.variables):
        return None
    trained = list(on_devices(rows))
    if any((row.device or "").endswith(SUFFIX) for row in trained):
        return None
    if not trained:
        return CPU
    # What was there while it trained, else the first one of the machine: that is what trains.
    names = [row.gpu.name for row in trained if row.gpu is not None]
    names += [gpu.name for gpu in environment.gpus]
    return next((name for name in names if name.strip()), trained[0].device)


def on_devices(rows: Iterable[Measurement]) -> Iterable[Measurement]:
    """Return the rows with a time of a training on something else than the CPU."""
    return (row for row in rows if has_time(row) and is_beside_host(row.device))
