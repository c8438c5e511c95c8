"""Which rows may be compared: those of one state of the code, the newest that has both backends.

Rows of different code, environments or versions of a benchmark are never paired, nor are those of
two definitions of one problem. Different commits are paired only if asv measured them at one level.
Times of a GPU that are physically impossible are reported: the timed code did not wait for it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from itertools import islice, pairwise
from math import exp, log
from operator import attrgetter
from statistics import median

from perceptron import optional
from perceptron.questions.overhead.device_share import is_beside_host
from perceptron.records.grouping import grouped
from perceptron.records.measurement import Measurement
from perceptron.statistics.interval import LARGEST_LOG
from perceptron.statistics.select import (
    Definitions,
    State,
    answers_with,
    by_state,
    has_time,
    is_of_suite,
    newest_moment,
    reason,
)

# Commits to find a level among: older ones say little about the newest.
_MOST_COMMITS = 30

BySize = dict[float, list[Measurement]]
"""The timed rows of one backend in one state, by size."""


class ComparableRows:
    """The timed rows of one family with one comparison key, by state, backend and size."""

    def __init__(self, rows: Iterable[Measurement]) -> None:
        timed = [row for row in rows if row.size > 0 and has_time(row)]
        self._rows = by_state(Definitions(timed).keep(timed))
        # A history has thousands of states, and only the newest few are needed.
        self._by_backend: dict[State, dict[str, BySize]] = {}
        self._newest_first = sorted(
            self._rows, key=lambda state: (self._moment(state), repr(state)), reverse=True
        )

    def states(self, incumbent: str, challenger: str) -> list[State]:
        """Return the states of the newest commit in which both have a time at the same size.

        Another tool may have measured a commit in several environments; of our own rows only the
        newest state counts. Without dates no commit is the newest, and all states are returned.
        """
        both = (state for state in self._newest_first if self._shared(state, incumbent, challenger))
        first = next(both, None)
        if first is None:
            return []
        if all(map(is_of_suite, self._rows[first])):
            return [first]
        if self._moment(first) == ("", ""):
            return [first, *both]
        return [
            state
            for state in self._newest_first
            if _code(state) == _code(first) and self._shared(state, incumbent, challenger)
        ]

    def sessions(self, state: State, incumbent: str, challenger: str) -> list[State]:
        """Return ``state``, then the states that answer together with it, newest first.

        They differ only by the start of their runs.
        """
        others = (
            other
            for other in self._newest_first
            if answers_with(other, state) and self._shared(other, incumbent, challenger)
        )
        return [state, *others]

    def started(self, state: State) -> str:
        """Return when the run of a state started; if that is unknown, the time of its last row."""
        return state.session or max(row.when for row in self._rows[state])

    def level(self, state: State, incumbent: str, challenger: str) -> list[State]:
        """Return ``state``, then the earlier commits at the same level, as repeats of it.

        asv measures each commit in a fresh process. As long as no time of either backend has
        stepped, all commits measured the same. Without asv, which finds the steps, or without
        dates the list holds ``state`` alone.
        """
        earlier = (
            other
            for other in self._newest_first[self._newest_first.index(state) :]
            if _but_commit(other) == _but_commit(state)
            and self._shared(other, incumbent, challenger)
        )
        alike = list(islice(earlier, _MOST_COMMITS))[::-1]
        is_history = state.source == "asv" and all(
            row.committed for other in alike for row in self._rows[other]
        )
        if not is_history or len(alike) < 2 or optional.missing("pages", "asv") is not None:
            return [state]
        first = 0
        for backend in (incumbent, challenger):
            for size in self._shared(state, incumbent, challenger):
                times = [
                    (index, median(row.seconds or 0.0 for row in timed))
                    for index, other in enumerate(alike)
                    if (timed := self.by_size(other, backend).get(size))
                ]
                if len(times) > 1:
                    newest, _ = level_stretches([seconds for _, seconds in times])[-1]
                    first = max(first, times[newest][0])
        return alike[first:][::-1]

    def newest(self, backend: str) -> State | None:
        """Return the newest state in which a backend has a time."""
        return next((state for state in self._newest_first if self.by_size(state, backend)), None)

    def by_size(self, state: State, backend: str) -> BySize:
        """Return the rows of a backend in a state, by size; empty if there are none."""
        if state not in self._by_backend:
            self._by_backend[state] = by_backend_and_size(self._rows[state])
        return self._by_backend[state].get(backend, {})

    def _moment(self, state: State) -> tuple[str, str]:
        return newest_moment(self._rows[state])

    def _shared(self, state: State, incumbent: str, challenger: str) -> set[float]:
        return self.by_size(state, incumbent).keys() & self.by_size(state, challenger).keys()


def by_backend_and_size(rows: Iterable[Measurement]) -> dict[str, BySize]:
    """Return the rows of each backend, by size."""
    by_backend: dict[str, BySize] = {}
    for (name, size), members in grouped(rows, attrgetter("backend", "size")).items():
        by_backend.setdefault(name, {})[size] = members
    return by_backend


def level_stretches(seconds: Sequence[float]) -> list[tuple[int, int]]:
    """Return the first and last index of each stretch of equal level, covering the whole series.

    Uses `asv.step_detect.detect_steps`: a piecewise constant fit (a Potts model) that minimises the
    sum of absolute deviations, as asv's pages do, but without weights, which rows do not keep. It
    takes 25 ms for 500 values with asv's compiled helper, 0.1 s without. Readers must leave out
    impossible seconds: with much larger ratios the search would not end.
    """
    from asv.step_detect import detect_steps  # importing asv takes a tenth of a second

    middle = median(seconds)
    levels = detect_steps([value / middle for value in seconds])
    return [(left, right - 1) for left, right, *_ in levels]


def _but_commit(state: State) -> State:
    return state._replace(commit=None)


def _code(state: State) -> tuple[str | None, ...]:
    return state.source, state.commit, state.code


def described(state: State) -> str:
    """Return a state in a few words."""
    words = [
        f"commit {state.commit[:8]}" if state.commit else None,
        f"code {state.code}" if state.code else None,
        state.environment,
        f"version {state.version[:8]}" if state.version else None,
    ]
    return ", ".join(filter(None, words)) or state.source or "nothing known"


def why_not(
    comparable: ComparableRows, rows: Iterable[Measurement], incumbent: str, challenger: str
) -> str:
    """Return the reason two backends cannot be compared: no time of one, or no common state."""
    newest = {name: comparable.newest(name) for name in (incumbent, challenger)}
    missing = [name for name, state in newest.items() if state is None]
    if missing:
        reasons = {name: reason(rows, name) for name in missing}
        explained = [f"{name}: {why}" for name, why in reasons.items() if why]
        return "; ".join(explained or [f"{name}: no times" for name in missing])
    incumbent_state, challenger_state = newest[incumbent], newest[challenger]
    if incumbent_state is None or challenger_state is None or incumbent_state == challenger_state:
        return "no size was measured on both"
    return (
        f"never measured together: {incumbent} at {described(incumbent_state)}, "
        f"{challenger} at {described(challenger_state)}"
    )


# --- times of a GPU that cannot be right ----------------------------------------------------------

# A flat time alone is no such thing. A GPU that waits for its launches takes equally long whatever
# the work, until the work fills it: an H100 does so while NumPy's time grows thousands of times. So
# a flat GPU is believed, with a caution, unless physics forbids it. Rows of the suite itself wait
# for the device by contract, and are never suspect for being flat.

SYNCHRONIZE = "synchronize before stopping the timer and run again"

# Words that only names of GPU backends contain: torch-cuda, jax[gpu], cupy; not numpy-gpuless.
_GPU_NAME = re.compile(r"(?<![a-z])(gpu|cuda|cupy|rocm|mps|xpu|metal|tpu)(?![a-z])", re.IGNORECASE)
# An interpreter moves a few bytes in the time of a hundred: nothing bounds what a GPU gains on it.
_INTERPRETER_NAME = re.compile(r"(?<![a-z])(c?python|pypy)(?![a-z])", re.IGNORECASE)
# Flat: within 10% while the CPU's work grows a thousandfold.
_FLAT = log(1.10)
_GROWTH = log(1000.0)

# How far ahead a flat GPU may be. Where launches hide the work at every size, the memory idles most
# of the time at the largest as well; a device that moves over half of what the fastest memory known
# can (8 TB/s) cannot hide that, and its time grows. Compiled code on a CPU is taken to move 5 GB/s
# at its largest size (a thread of NumPy or PyTorch moves 3 to 15), so that a flat GPU more than 800
# times as fast would have to move more. Flat GPUs that were waited for are far below: a published
# RTX 4090 is 13 times as fast, and all that an H100 (3.35 TB/s) can gain on a thread of NumPy where
# memory limits a training is 200 to 700 times.
_SLOWEST_CPU = 5e9
# NVIDIA's B200: a 72nd of what the GB200 NVL72 product page states.
_FASTEST_MEMORY = 8000e9
_MOST_AHEAD = _FASTEST_MEMORY / 2 / _SLOWEST_CPU

# NVIDIA's B200 on dense products of 16-bit numbers, in tensor cores: no training that is compared
# here has had more.
_FASTEST_RATE = 2.5e15


def gpus_among(rows: Iterable[Measurement]) -> set[str]:
    """Return the backends that run on a GPU; by their names where no row states a device."""
    devices: dict[str, set[str | None]] = {}
    for backend, device in set(map(attrgetter("backend", "device"), rows)):
        devices.setdefault(backend, set()).add(device)
    return {
        backend
        for backend, stated in devices.items()
        if (_GPU_NAME.search(backend) if stated == {None} else any(map(is_beside_host, stated)))
    }


def suspicions(
    rows: Sequence[Measurement], by_backend: Mapping[str, BySize], sizes: Sequence[float]
) -> tuple[str | None, str | None]:
    """Return why a GPU's times cannot be right, and a caution if they are flat; None for neither.

    ``rows`` are those of two backends at ``sizes``; ``by_backend`` holds the same rows by size.
    Only times that other tools measured can be too short.
    """
    backends = set(by_backend)
    gpus = gpus_among(rows) & backends
    if len(gpus) != 1 or not sizes:
        return None, None
    (gpu,), (cpu,) = gpus, backends - gpus
    foreign = [row for row in rows if row.backend == gpu and not is_of_suite(row)]
    impossible = _below_floor(foreign)
    gpu_times, cpu_times = (_logs(by_backend[name], sizes) for name in (gpu, cpu))
    growth = _spread(cpu_times)
    if growth < _GROWTH or _spread(gpu_times) > _FLAT:
        return impossible, None
    last = max(sizes)
    ahead = exp(min(cpu_times[last] - gpu_times[last], LARGEST_LOG))
    if not impossible and foreign and ahead > _MOST_AHEAD and not _INTERPRETER_NAME.search(cpu):
        moved = ahead * _SLOWEST_CPU / 1e12
        impossible = (
            f"{gpu}'s times are physically impossible; with {_SLOWEST_CPU / 1e9:g} GB/s for {cpu} "
            f"they imply {moved:.2g} TB/s at size {last:,.6g}; {SYNCHRONIZE}"
        )
    grown = exp(min(growth, LARGEST_LOG))
    times_as_long = f"{grown:,.0f}" if grown < 1e9 else f"{grown:.0e}"
    why = f"launch-bound, or not waited for; {SYNCHRONIZE}" if foreign else "launch-bound"
    return impossible, (
        f"{gpu} takes equally long at all sizes while {cpu} takes {times_as_long} times as long: "
        f"{why}"
    )


def _below_floor(rows: Sequence[Measurement]) -> str | None:
    """Return a sentence on the first time too short for its matrix products on any device."""
    for row in rows:
        operations = _operations(row)
        if operations is None or not has_time(row) or row.seconds is None:
            continue
        floor = operations / _FASTEST_RATE
        if row.seconds < floor:
            return (
                f"{row.backend}'s times are physically impossible; they imply "
                f"{operations / row.seconds / 1e15:.2g} PFLOP/s at size {row.size:,.6g}; "
                f"{SYNCHRONIZE}"
            )
    return None


def _operations(row: Measurement) -> float | None:
    """Return the least operations of an iteration's matrix products; None without a stated shape.

    Each layer has one product forwards and one for the gradient of its weights.
    """
    batch = row.batch or row.rows
    if batch is None or row.features is None or row.hidden is None:
        return None
    widths = [row.features, *row.hidden, row.outputs or 1]
    return 2 * 2.0 * batch * sum(left * right for left, right in pairwise(widths))


def _logs(by_size: BySize, sizes: Sequence[float]) -> dict[float, float]:
    return {size: log(median(map(attrgetter("seconds"), by_size[size]))) for size in sizes}


def _spread(logs: Mapping[float, float]) -> float:
    return max(logs.values()) - min(logs.values())
