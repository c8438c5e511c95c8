"""How long the threads of all processes that train together waited for a core.

Those that gloo exchanges gradients with are not read. Each time they are woken they wait some
microseconds until the thread that computes stops to wait for them: that is part of the exchange and
happens on a quiet machine too. Whoever takes a core from a rank takes it from its computing too.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager, suppress
from pathlib import Path

from perceptron.backends.protocol import Backend, ranks_of
from perceptron.measure.timing import Meter
from perceptron.waiting import WaitingMeter

# What PyTorch and gloo name their threads.
_EXCHANGING = ("gloo", "pt_gloo", "pt_nccl")


@contextmanager
def meter_of(backend: Backend) -> Iterator[Meter | None]:
    """Yield what tells how long the threads of this process and of those that help it waited.

    These are a backend's ranks, or the processes that have work of it. None for a backend that
    trains in this process alone, whose meter `time_training` makes itself.
    """
    helping = ranks_of(backend) or backend
    if not hasattr(helping, "process_ids"):
        yield None
        return
    numbers = helping.process_ids()
    if numbers is None:
        yield Unknown()
        return
    with ExitStack() as stack:
        meters = [WaitingMeter(), *(Computing(f"/proc/{number}/task") for number in numbers)]
        kept = [stack.enter_context(closing(meter)) for meter in meters]
        yield Together(kept, len(numbers))


class Computing(WaitingMeter):
    """A meter of the threads of a process without those that exchange gradients."""

    def refresh(self) -> None:
        super().refresh()
        for thread in list(self._files):
            with suppress(OSError):  # it has just ended
                name = Path(self._threads, thread, "comm").read_text()
                if name.startswith(_EXCHANGING):
                    os.close(self._files.pop(thread))
                    self._nanoseconds.pop(thread, None)


class Together:
    """Meters of several processes as one; what is unknown of one is unknown of all."""

    def __init__(self, meters: Sequence[Meter], processes: int) -> None:
        self._meters = meters
        self.processes = processes

    def __call__(self) -> float | None:
        waited = [meter() for meter in self._meters]
        known = [seconds for seconds in waited if seconds is not None]
        return sum(known) if len(known) == len(waited) else None

    def refresh(self) -> None:
        for meter in self._meters:
            meter.refresh()

    def leave_out_idle(self) -> None:
        for meter in self._meters:
            meter.leave_out_idle()

    @property
    def ran_seconds(self) -> float:
        """Seconds that the threads had run at the last call, added up."""
        return sum(meter.ran_seconds for meter in self._meters)

    @property
    def threads(self) -> int:
        """Threads that are read."""
        return sum(meter.threads for meter in self._meters)


class Unknown:
    """Where ranks run on other machines, whose threads this one does not see."""

    ran_seconds = 0.0
    threads = 1

    def __call__(self) -> None:
        return None

    def refresh(self) -> None:
        pass

    def leave_out_idle(self) -> None:
        pass
