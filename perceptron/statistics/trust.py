"""Recorded facts that make timings less trustworthy, as warnings with advice."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from msgspec import Struct

from perceptron.options import again_when_idle, budget_option, option
from perceptron.records.conditions import Conditions, GpuState
from perceptron.records.environment import Environment
from perceptron.records.grouping import grouped
from perceptron.records.measurement import Measurement
from perceptron.records.readers.stored_runs import LoadedRun
from perceptron.records.row import lost_rows, times, was_killed
from perceptron.records.run import Hang
from perceptron.records.warning import MeasurementWarning
from perceptron.statistics import gpu_use
from perceptron.statistics.contention import contention_warnings
from perceptron.statistics.other_processes import (
    is_idle,
    is_known,
    named,
    others_need_cores,
    users_in_words,
)
from perceptron.statistics.sizes import number
from perceptron.statistics.states import state_warnings

KILLED = "killed"
"""The code of the warning that workers were killed."""
_PINS = ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE")

# With 8 processes a 95% interval is ±0.84 of the spread (t = 2.36, √8): from 5% on it is nearly
# as wide as the ±5% of a tie. An idle machine of two shared cores showed 0.5 to 3%, one with a
# neighbour that comes and goes up to 39%.
LARGEST_VARIATION = 0.05
# Of ten processes on an idle machine the slowest took at most 1.13 times the fastest, in a dozen
# trials; beside a neighbour 1.6 times and more.
LARGEST_RATIO = 1.25
# Of each thread's core, on average: the thread then runs at 1 / 1.25 of its speed. An idle desktop
# stays far below.
LARGEST_LOAD_PER_THREAD = 0.25
# 2% of steal time lengthens every time by 2%, nearly half of a tie; less is within the 10 ms in
# which systems count.
LARGEST_STEAL_SHARE = 0.02
# A handful of pages is housekeeping; at a MiB a second a process waits for the disk.
LARGEST_SWAPPED_BYTES = 2**20
# Of the memory: less may not have been used for days.
LARGEST_SWAP_SHARE = 0.1
# A thousandth of the shortest sample, the 5 ms of `bench --quick`.
LARGEST_TICK_SECONDS = 5e-6


class Diagnosis(Struct, frozen=True, kw_only=True):
    """The facts and conditions of a machine, for a number of threads, with warnings."""

    environment: Environment
    threads: int
    conditions: Conditions
    warnings: list[MeasurementWarning]


def damaged_line_warning(error: str) -> MeasurementWarning:
    """Return a warning about a line of results that could not be read and was measured again."""
    return MeasurementWarning(
        code="damaged-results", message=error, advice="delete that line; the others were kept"
    )


def budget_for(seconds: float) -> str:
    """Return the option to try where a budget of ``seconds`` was too small."""
    return budget_option(3 * seconds)


def budget_warning(seconds: float) -> MeasurementWarning:
    """Return a warning that a run's budget was spent before everything was measured."""
    budget = f"{seconds:.3g} s" if seconds < 60 else f"{seconds / 60:.3g} min"
    return MeasurementWarning(
        code="budget-spent",
        message=f"the budget of {budget} was spent; what was not measured is undecided",
        advice=f"{budget_for(seconds)} continues this run; the time already spent counts",
    )


def failure_warnings(
    failed: Iterable[tuple[str, str, str | None]], of_functions: bool = False
) -> list[MeasurementWarning]:
    """Return a warning for each backend and reason among ``failed``: backend, problem, reason.

    Killed workers come first: they make the command inconclusive.
    """
    alike = grouped(failed, lambda failure: (failure[0], failure[2] or "no reason given"))
    warnings = []
    for (backend, reason), failures in alike.items():
        names = list(dict.fromkeys(problem for _, problem, _ in failures))
        more = f" and {len(names) - 1} more" if len(names) > 1 else ""
        killed = was_killed(reason)
        cause = "" if of_functions else f"run perceptron check {backend} to find the cause; "
        warnings.append(
            MeasurementWarning(
                code=KILLED if killed else "failed",
                message=f"{backend} has no time at {names[0]}{more}: {reason}",
                advice="the same command tries it again; all other rows are kept. If memory is "
                "short, free some or leave that size out"
                if killed
                else f"{cause}all other rows are kept",
            )
        )
    return sorted(warnings, key=lambda warning: warning.code != KILLED)


def warnings_of_rows(rows: Iterable[Measurement]) -> list[MeasurementWarning]:
    """Return the warnings of rows: lost, failed, contended, of two states, of slowed GPUs."""
    rows = list(rows)
    failed = [
        row
        for row in rows
        if row.status == "failed" and row.phase is None and not was_killed(row.reason)
    ]
    timeless = times([*lost_rows(rows), *failed])
    return [
        *failure_warnings(
            (row.backend, row.problem, row.reason) for row in timeless if row.problem
        ),
        *failure_warnings(
            (
                (row.backend, f"{row.family}, size {number(row.size)}", row.reason)
                for row in timeless
                if not row.problem
            ),
            of_functions=True,
        ),
        *contention_warnings(rows),
        *state_warnings(rows),
        *gpu_use.gpu_warnings(rows),
    ]


def warnings_about(
    environment: Environment,
    threads: int,
    conditions: Conditions | None = None,
    earlier: Sequence[Conditions] = (),
) -> list[MeasurementWarning]:
    """Return every warning that applies, the most serious first; unknown facts give none.

    ``earlier`` are the conditions of earlier starts of the same run, whose rows count too: their
    warnings come last.
    """
    warnings = _of_one_start(environment, threads, conditions)
    for start in earlier:
        codes = {warning.code for warning in warnings}
        warnings += [
            warning
            for warning in _of_one_start(environment, threads, start)
            if warning.code not in codes
        ]
    return warnings


def hang_warning(hang: Hang) -> MeasurementWarning:
    """Return a warning of a backend that did not start or end in time."""
    at = "" if hang.subject is None else f" at {hang.subject}"
    return MeasurementWarning(
        code="no-end",
        message=f"{hang.backend}{at} {hang}: it was stopped without a time",
        advice=f"raise {option('budget')} to give it longer; if it hangs again, leave the backend "
        "out",
    )


def warnings_of_run(loaded: LoadedRun, threads: int) -> list[MeasurementWarning]:
    """Return the warnings about a stored run that do not depend on its rows."""
    facts, budget = loaded.facts, loaded.run.budget
    spent = [budget_warning(budget.seconds)] if loaded.run.cut_short and budget else []
    about = warnings_about(facts.environment, threads, facts.conditions, facts.earlier)
    return [*spent, *map(hang_warning, loaded.run.hangs), *about]


def _of_one_start(
    environment: Environment, threads: int, conditions: Conditions | None
) -> list[MeasurementWarning]:
    warnings = [*_of_settings(environment, threads)]
    if conditions is not None:
        warnings += _of_cores(conditions, environment.cores, threads)
        warnings += _of_cpu_and_memory(conditions, environment.memory_bytes)
        warnings += _of_gpus(conditions.gpus)
        warnings += _of_clocks(conditions)
    return warnings


def _of_settings(environment: Environment, threads: int) -> Iterator[MeasurementWarning]:
    if pins := blas_pins(environment):
        kernels = {pool.kernel for pool in environment.pools if pool.library == "openblas"}
        yield MeasurementWarning(
            code="blas-pinned",
            message=f"NumPy's BLAS is pinned by {' '.join(f'{pin}={pins[pin]}' for pin in pins)} "
            f"(kernel {', '.join(sorted(filter(None, kernels))) or 'unknown'}): "
            "its products may be slower than this machine allows",
            advice="run again with env " + " ".join(f"-u {name}" for name in pins),
        )
    if threads > environment.cores:
        yield MeasurementWarning(
            code="too-many-threads",
            message=f"{threads} threads share {environment.cores} cores",
            advice=f"use {option('threads', environment.cores)} or fewer",
        )


def blas_pins(environment: Environment) -> dict[str, str]:
    """Return the variables that keep OpenBLAS from choosing its kernels by the processor."""
    return {name: environment.variables[name] for name in _PINS if name in environment.variables}


def _of_cores(conditions: Conditions, cores: int, threads: int) -> Iterator[MeasurementWarning]:
    quota = conditions.quota_cores
    if quota is not None and quota < threads:
        yield MeasurementWarning(
            code="cpu-quota",
            message=f"a control group limits CPU time to {quota:g} cores and throttles "
            f"{option('threads', threads)}",
            advice=f"use {option('threads', int(quota))} or fewer, or give the container more CPU"
            if quota >= 1
            else "give the container at least one whole CPU",
        )
    if others_need_cores(conditions, cores, threads):
        names = named(conditions)
        yield MeasurementWarning(
            code="busy-neighbour",
            message=f"{users_in_words(conditions)}, too much beside {option('threads', threads)} "
            f"on {cores} cores",
            advice=f"end {' and '.join(names)}, or {again_when_idle()}"
            if names
            else f"{again_when_idle()}, or on an idle machine",
        )
    used = min(threads, cores)
    room = cores - used + LARGEST_LOAD_PER_THREAD * used
    if is_known(conditions):
        # The suite's work may have just ended; the load of other processes was counted now.
        room += used
    load = conditions.load
    if load is not None and load > room and not is_idle(conditions):
        yield MeasurementWarning(
            code="other-load",
            message=f"a load of {load:.2f} over the last minute is too much beside "
            f"{option('threads', threads)} on {cores} cores",
            advice="end other programs; if they have just ended, wait a minute",
        )


def _of_cpu_and_memory(conditions: Conditions, memory_bytes: int) -> Iterator[MeasurementWarning]:
    stolen, loop = conditions.steal_share, conditions.loop
    if stolen is not None and stolen > LARGEST_STEAL_SHARE:
        yield MeasurementWarning(
            code="stolen-cpu",
            message=f"steal time: other guests of the host took {100 * stolen:.1f}% of the CPU "
            "time",
            advice="measure when the host is idle, or on an instance with dedicated CPUs",
        )
    if loop is not None and (
        loop.variation > LARGEST_VARIATION or loop.slowest_to_fastest > LARGEST_RATIO
    ):
        yield MeasurementWarning(
            code="unsteady-cpu",
            message=f"equal work took unequal time in {len(loop.seconds)} fresh processes: spread "
            f"{100 * loop.variation:.1f}%, slowest {loop.slowest_to_fastest:.2f} times the "
            "fastest; the CPU is throttled or shared",
            advice="end other programs, let the machine cool down, then run this again",
        )
    moved, used = conditions.swapped_bytes or 0, conditions.swap_used_bytes or 0
    if moved > LARGEST_SWAPPED_BYTES or used > LARGEST_SWAP_SHARE * memory_bytes:
        yield MeasurementWarning(
            code="swapping",
            message=f"memory is short: {used / 2**30:.1f} GiB are swapped out, "
            f"and {moved / 2**20:.1f} MiB moved while a small loop ran",
            advice="end programs that hold memory, or measure smaller sizes",
        )


def _of_gpus(gpus: Sequence[GpuState]) -> Iterator[MeasurementWarning]:
    for gpu in filter(gpu_use.is_slowed, gpus):
        cause = gpu_use.clock_reasons(gpu_use.slowed_by(gpu))
        yield MeasurementWarning(
            code=gpu_use.SLOWED,
            message=f"{gpu.name} runs at {gpu_use.clocks([gpu])}, {cause}",
            advice="end other programs on it and let it cool down; "
            "nvidia-smi -q -d CLOCK,PERFORMANCE shows the cause",
        )
    for gpu in gpus:
        if gpu.exclusive:
            yield MeasurementWarning(
                code="gpu-exclusive",
                message=f"{gpu.name} is in an exclusive compute mode: of processes side by side "
                "all but one fail",
                advice="have its administrator set the mode back: nvidia-smi --compute-mode "
                "DEFAULT",
            )


def _of_clocks(conditions: Conditions) -> Iterator[MeasurementWarning]:
    if conditions.on_battery:
        yield MeasurementWarning(
            code="on-battery",
            message="the machine runs on battery and may lower its clock to save power",
            advice="plug it in",
        )
    if slow := [name for name in conditions.governors or [] if name != "performance"]:
        yield MeasurementWarning(
            code="frequency-governor",
            message=f"the governor {', '.join(slow)} changes the CPU's frequency with the load",
            advice="sudo cpupower frequency-set --governor performance",
        )
    steps = (conditions.clock_resolution_seconds, conditions.clock_tick_seconds)
    coarsest = max((step for step in steps if step is not None), default=0.0)
    if coarsest > LARGEST_TICK_SECONDS:
        yield MeasurementWarning(
            code="coarse-clock",
            message=f"the clock moves in steps of {coarsest * 1e6:.3g} µs: short samples are "
            "rounded",
            advice="use the processor's counter as clock; on Linux, "
            "/sys/devices/system/clocksource/clocksource0/current_clocksource should be tsc",
        )
