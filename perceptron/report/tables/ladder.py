"""Where one iteration's time goes, as tables."""

from __future__ import annotations

from collections.abc import Sequence

from perceptron.analysis.device_share import is_beside_host
from perceptron.analysis.disturbance import Disturbance, disturbance
from perceptron.analysis.over_processes import threads_in_all
from perceptron.analysis.overhead.iteration_phases import IterationPhase, WholeIteration
from perceptron.analysis.overhead.ladder import OverheadResult
from perceptron.analysis.overhead.roofline import Ceilings, roofs
from perceptron.analysis.overhead.rung import Rung
from perceptron.numbers import (
    NONE,
    count,
    digits,
    duration,
    duration_interval,
    percent,
    ratio,
    rough_percent,
)
from perceptron.report.tables import device
from perceptron.report.tables.disturbed import with_disturbed
from perceptron.report.tables.terminal import fits, out, table

RUNG_COLUMNS = (
    "backend",
    "dtype",
    "one iteration",
    "× the floor",
    "kernels>",
    "to prepare>",
    "removes",
)
_REMOVES = RUNG_COLUMNS.index("removes")
ROOFLINE_COLUMNS = (
    "backend",
    "GFLOP/s>",
    "of the ceiling>",
    "GB/s>",
    "of the ceiling>",
    "bound by",
)
PHASE_COLUMNS = ("backend", "phase", "one iteration", "share>")


def show(result: OverheadResult) -> None:
    """Print the ladder, the phases of its topmost rungs, what devices did, and the rooflines."""
    _show_rungs(result)
    if line := no_floor_line(result):
        out.print(f"{line}\n", markup=False, soft_wrap=True)
    if result.phases:
        table("Inside one eager iteration", *phase_table(result))
    device.show(result.rungs, result.device, result.gpus)
    for limits in roofs(result.ceilings):
        if cells := roofline_cells(result, limits):
            table(roofline_title(result, limits), ROOFLINE_COLUMNS, cells)
    for line in (*roofless_lines(result), harness_line(result)):
        if line:
            out.print(f"{line}\n", markup=False, soft_wrap=True)


def _show_rungs(result: OverheadResult) -> None:
    """Print the ladder; where it is wider than the terminal, what rungs remove comes after it."""
    title = f"{result.problem}: one iteration, {ladder_threads(result)}"
    columns, cells = rung_table(result)
    if fits(columns, cells):
        table(title, columns, cells)
        return
    times = [[row[at] for at in range(len(columns)) if at != _REMOVES] for row in (columns, *cells)]
    table(title, times[0], times[1:])
    removes = [(row[0], row[_REMOVES]) for row in cells]
    table("What each rung removes", (columns[0], columns[_REMOVES]), removes)


def no_floor_line(result: OverheadResult) -> str:
    """Return why no rung is called the floor; empty where one is."""
    return "" if result.no_floor is None else f"No floor: {result.no_floor}."


def rung_table(result: OverheadResult) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    """Return headings and `rung_cells`, and how far the rungs were contended if any was."""
    disturbances = (_contention(result, rung.backend) for rung in result.rungs)
    return with_disturbed(RUNG_COLUMNS, rung_cells(result.rungs), disturbances)


def phase_table(result: OverheadResult) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    """Return headings and `phase_cells`, and how far their loops were contended if any was."""
    cells = phase_cells(result)
    disturbances = (_contention(result, backend, phase) for backend, phase, *_ in cells)
    return with_disturbed(PHASE_COLUMNS, cells, disturbances)


def _contention(result: OverheadResult, backend: str, phase: str | None = None) -> Disturbance:
    return disturbance(row for row in result.rows if (row.backend, row.phase) == (backend, phase))


def ladder_words(ladder: OverheadResult) -> str:
    """Name the top of the ladder and its floor, or say why none is known."""
    times = {
        rung.backend: (rung.seconds_per_iteration, rung.low, rung.high)
        for rung in ladder.rungs
        if rung.seconds_per_iteration is not None
    }
    if not times:
        return "not measured"
    top = next(iter(times))
    words = f"{ladder.problem}: {top} {duration_interval(*times[top])}; "
    if ladder.no_floor is not None:
        return f"{words}no floor: {ladder.no_floor}"
    floor = min(times, key=lambda name: times[name][0])
    return f"{words}the floor, {floor}: {duration_interval(*times[floor])}"


def ladder_threads(result: OverheadResult) -> str:
    """Return how many threads its rungs have."""
    return threads_in_all(result.threads, (rung.backend for rung in result.rungs))


def rung_cells(rungs: Sequence[Rung]) -> list[tuple[str, ...]]:
    """Return a row for each rung; one that was not measured says why."""
    return [_rung(rung) for rung in rungs]


def _rung(rung: Rung) -> tuple[str, ...]:
    kernels = _kernels(rung)
    dtype = rung.dtype or NONE
    if rung.seconds_per_iteration is None:
        reason = f"not measured: {rung.reason}"
        return (rung.backend, dtype, reason, NONE, kernels, NONE, rung.removes)
    return (
        rung.backend,
        dtype,
        duration_interval(rung.seconds_per_iteration, rung.low, rung.high),
        ratio(rung.ratio_to_floor, rung.ratio_low, rung.ratio_high),
        kernels,
        _prepare(rung),
        rung.removes,
    )


def _prepare(rung: Rung) -> str:
    """Return what preparing took; where nothing was compiled it says that it was found."""
    if rung.prepare_seconds is None:
        return NONE
    return duration(rung.prepare_seconds) + (" (cached)" if rung.prepared_from_cache else "")


def _kernels(rung: Rung) -> str:
    """Return how many were counted, and how many a profiler saw where there was a device."""
    counted = NONE if rung.kernels_per_iteration is None else count(rung.kernels_per_iteration)
    if rung.kernels_profiled is None:
        return counted
    return f"{counted} (profiler {count(rung.kernels_profiled)})"


def phase_cells(result: OverheadResult) -> list[tuple[str, ...]]:
    """Return rows for each backend: its phases, then their sum beside the iteration by itself.

    Shares and sum are left out where a phase is undecided.
    """
    undecided = {phase.backend for phase in result.phases if phase.low is None}
    wholes = {whole.backend: whole for whole in result.wholes if whole.backend not in undecided}
    rows = []
    for backend in dict.fromkeys(phase.backend for phase in result.phases):
        whole = wholes.get(backend)
        seconds = None if whole is None else whole.seconds_per_iteration
        rows += [_phase(phase, seconds) for phase in result.phases if phase.backend == backend]
        if whole is not None:
            rows.append(_whole(whole))
    return rows


def _whole(whole: WholeIteration) -> tuple[str, ...]:
    share = whole.phases_seconds / whole.seconds_per_iteration
    seconds = (
        f"{duration(whole.phases_seconds)}; the iteration by itself "
        f"{duration(whole.seconds_per_iteration)}"
    )
    return (whole.backend, "all", seconds, percent(share, 0))


def _phase(phase: IterationPhase, iteration_seconds: float | None) -> tuple[str, ...]:
    share = NONE
    if iteration_seconds is not None:
        share = percent(phase.seconds_per_iteration / iteration_seconds, 0)
    seconds = duration_interval(phase.seconds_per_iteration, phase.low, phase.high)
    return (phase.backend, phase.phase, seconds, share)


def roofline_cells(result: OverheadResult, limits: Ceilings) -> list[tuple[str, ...]]:
    """Return how much of its device's ceilings each rung reached, of the rungs on that device."""
    return [
        (
            rung.backend,
            digits(rung.gflops, 2),
            rough_percent(rung.gflops / limits.gflops),
            digits(rung.gbytes, 2),
            rough_percent(rung.gbytes / limits.gbytes),
            bound_words(rung),
        )
        for rung in result.rungs
        if rung.device == limits.device and rung.gflops is not None and rung.gbytes is not None
    ]


def bound_words(rung: Rung) -> str:
    """Return what a rung is bound by; of one on a device also how busy that is."""
    return f"{rung.bound or NONE}{device.busy_words(rung.busy_share)}"


def roofline_title(result: OverheadResult, limits: Ceilings) -> str:
    """Return what the shares of a device's roofline are of."""
    whose = limits.name if is_beside_host(limits.device) else ladder_threads(result)
    return (
        f"Against the ceilings of {whose}: a large float32 product reached "
        f"{digits(limits.gflops)} GFLOP/s, a large copy {digits(limits.gbytes)} GB/s"
    )


def roofless_lines(result: OverheadResult) -> list[str]:
    """Return a line for each device with rungs and without ceilings, where others have some."""
    if not result.ceilings:
        return []
    devices = {limits.device for limits in result.ceilings}
    without: dict[str, list[str]] = {}
    for rung in result.rungs:
        if rung.seconds_per_iteration is not None and rung.device not in devices:
            without.setdefault(rung.device or "a device not stated", []).append(rung.backend)
    return [
        f"No ceiling of {name} was measured: {', '.join(names)} "
        f"{'is' if len(names) == 1 else 'are'} held against none."
        for name, names in without.items()
    ]


def harness_line(result: OverheadResult) -> str:
    """Return what measuring itself adds."""
    if result.harness_seconds is None or result.harness_share is None:
        return ""
    return (
        f"The clock and an empty call take {duration(result.harness_seconds)}, at most "
        f"{rough_percent(result.harness_share)} of a sample."
    )
