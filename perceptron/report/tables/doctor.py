"""A machine's conditions for `perceptron doctor`: each with its unit and a verdict."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from perceptron.answer import Table
from perceptron.numbers import NONE, counted, duration, memory, percent
from perceptron.processes.waiting import LARGEST_WAIT_SHARE
from perceptron.records.conditions import Conditions, GpuState
from perceptron.records.environment import Environment
from perceptron.report.tables.terminal import (
    brief_table,
    line,
    out,
    show_next,
    show_omitted,
    show_warnings,
    table,
)
from perceptron.statistics.gpu_use import clocks
from perceptron.statistics.other_processes import is_idle, is_known, name, other_cores
from perceptron.statistics.trust import Diagnosis, blas_pins

Value = TypeVar("Value")
# Number of other processes; a cell is one line.
_SHOWN = 5
# Rows of the table without ``--verbose``.
_ROWS = 10
NEXT = "perceptron bench --quick"


def show(diagnosis: Diagnosis, counting: str, verbose: bool = False) -> None:
    """Print the conditions that disturb timings, with advice, ten conditions, and the next command.

    ``verbose`` prints every condition.
    """
    every = cells(diagnosis)
    disturbed = f"{counted(len(diagnosis.warnings), 'condition')} can disturb timings here"
    line(disturbed if diagnosis.warnings else "nothing was found that disturbs timings here")
    show_warnings(diagnosis.warnings, out)
    out.print()
    every.sort(key=lambda row: ("warning", "unknown", "fine").index(row[2]))
    columns, title = ("condition", "found", "verdict"), "Conditions for timing"
    if verbose:
        table(title, columns, every)
    else:
        brief_table(Table(title=title, columns=columns, rows=tuple(every)), _ROWS)
        out.print()
    line(counting)
    if not verbose:
        show_omitted({"condition": len(every) - _ROWS})
    if not diagnosis.warnings:
        show_next(NEXT)


def cells(diagnosis: Diagnosis) -> list[tuple[str, str, str]]:
    """Return each condition, its value and a verdict: ``fine``, ``warning`` or ``unknown``."""
    codes = {warning.code for warning in diagnosis.warnings}
    return [
        (
            condition,
            NONE if value is None else value,
            "warning" if code in codes else "unknown" if value is None else "fine",
        )
        for condition, value, code in _conditions(diagnosis)
    ]


def _conditions(diagnosis: Diagnosis) -> list[tuple[str, str | None, str]]:
    """Return each condition, its value (None: unknown), and the code of a warning about it."""
    environment, conditions = diagnosis.environment, diagnosis.conditions
    quota, governors = conditions.quota_cores, conditions.governors
    power = {None: "no battery found", False: "mains", True: "battery"}[conditions.on_battery]
    pins = " ".join(f"{name}={value}" for name, value in blas_pins(environment).items())
    return [
        ("NumPy's BLAS", pins or "not pinned", "blas-pinned"),
        ("threads", f"{diagnosis.threads} on {environment.cores} usable cores", "too-many-threads"),
        ("CPU quota", "no limit found" if quota is None else f"{quota:g} cores", "cpu-quota"),
        ("other processes", _other_processes(conditions), "busy-neighbour"),
        (
            "threads waited",
            _if_known(conditions.threads_waited, lambda share: f"{percent(share)} of two seconds"),
            # A warning names other processes where threads waited much.
            "busy-neighbour" if (conditions.threads_waited or 0.0) > LARGEST_WAIT_SHARE else "",
        ),
        ("load, last minute", _load(diagnosis), "other-load"),
        (
            "steal time",
            _if_known(conditions.steal_share, lambda share: f"{percent(share)} of busy time"),
            "stolen-cpu",
        ),
        ("equal work repeated", _loop(conditions), "unsteady-cpu"),
        ("swapping", _swap(conditions), "swapping"),
        ("GPU clocks", _gpus(environment, conditions), "gpu-slowed"),
        ("power", power, "on-battery"),
        ("frequency governor", _if_known(governors, ", ".join), "frequency-governor"),
        ("clock", _clock(conditions), "coarse-clock"),
    ]


def _gpus(environment: Environment, conditions: Conditions) -> str | None:
    """Return the clocks of each GPU; None where a GPU's clocks could not be read."""
    if environment.gpus and not conditions.gpus:
        return None
    return "; ".join(map(_gpu, conditions.gpus)) or "no GPU"


def _other_processes(conditions: Conditions) -> str | None:
    """Return the other users of the cores, the largest first, and their sum."""
    if not is_known(conditions):
        return None
    names = [
        f"{name(neighbour)}: {neighbour.share:.2f} of a core"
        for neighbour in (conditions.other_processes or ())[:_SHOWN]
    ]
    return ", ".join([*names, f"{other_cores(conditions):.2f} cores in all"])


def _load(diagnosis: Diagnosis) -> str | None:
    load = diagnosis.conditions.load
    if load is None:
        return None
    is_over = load > diagnosis.environment.cores and is_idle(diagnosis.conditions)
    return f"{load:.2f} processes{', ended: the cores are idle' if is_over else ''}"


def _if_known(value: Value | None, text: Callable[[Value], str]) -> str | None:
    return None if value is None else text(value)


def _loop(conditions: Conditions) -> str | None:
    loop = conditions.loop
    if loop is None:
        return None
    return (
        f"spread {percent(loop.variation)}, slowest {loop.slowest_to_fastest:.2f}× the fastest of "
        f"{len(loop.seconds)} processes"
    )


def _swap(conditions: Conditions) -> str | None:
    if conditions.swap_used_bytes is None:
        return None
    moved = conditions.swapped_bytes
    meanwhile = "" if moved is None else f", {memory(moved, 'MiB')} moved meanwhile"
    return f"{memory(conditions.swap_used_bytes)} in use{meanwhile}"


def _gpu(gpu: GpuState) -> str:
    state = (", idle" if gpu.idle else "") + (", locked" if gpu.locked else "")
    return f"{gpu.name}: {clocks([gpu])}{state}" + "".join(
        f", {reason}" for reason in gpu.slowed_by or []
    )


def _clock(conditions: Conditions) -> str | None:
    steps = (conditions.clock_tick_seconds, conditions.clock_resolution_seconds)
    tick, claimed = ("unknown" if step is None else duration(step) for step in steps)
    return None if steps == (None, None) else f"smallest tick {tick}, resolution {claimed}"
