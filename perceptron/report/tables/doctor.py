"""A machine's conditions as `perceptron doctor` shows them: each with its unit and a verdict."""

from __future__ import annotations

from perceptron.analysis.trust import Diagnosis, blas_pins
from perceptron.records.conditions import Conditions, GpuClock
from perceptron.report.numbers import duration, memory
from perceptron.report.tables.terminal import out, show_warnings, table

NEXT = "perceptron bench --quick"


def show(found: Diagnosis) -> None:
    """Print every condition, then what is wrong and what to do, then what to type next."""
    table("What timings depend on here", ("what", "found", "verdict"), cells(found))
    show_warnings(found.warnings, out)
    out.print(f"next:  {NEXT}", soft_wrap=True)


def cells(found: Diagnosis) -> list[tuple[str, str, str]]:
    """What, found, and a verdict: ``fine``, ``caution`` or ``not known``."""
    codes = {caution.code for caution in found.warnings}
    return [
        (
            what,
            "–" if told is None else told,
            "caution" if code in codes else "not known" if told is None else "fine",
        )
        for what, told, code in _told(found)
    ]


def _told(found: Diagnosis) -> list[tuple[str, str | None, str]]:
    """What, its value (None: not known), and the code of the caution that would be about it."""
    environment, conditions = found.environment, found.conditions
    pins = " ".join(f"{name}={value}" for name, value in blas_pins(environment).items())
    return [
        ("NumPy's BLAS", pins or "not pinned", "blas-pinned"),
        ("threads", f"{found.threads} on {environment.cores} usable cores", "too-many-threads"),
        ("CPU quota", _quota(conditions), "cpu-quota"),
        ("load, last minute", _load(conditions), "other-load"),
        ("stolen CPU time", _steal(conditions), "stolen-cpu"),
        ("equal work, repeated", _loop(conditions), "unsteady-cpu"),
        ("swapping", _swap(conditions), "swapping"),
        ("GPU clocks", "; ".join(map(_gpu, conditions.gpus)) or "no GPU", "gpu-slowed"),
        ("power", _power(conditions), "on-battery"),
        ("frequency governor", _governors(conditions), "frequency-governor"),
        ("clock", _clock(conditions), "coarse-clock"),
    ]


def _quota(found: Conditions) -> str:
    return "no limit found" if found.quota_cores is None else f"{found.quota_cores:g} cores"


def _load(found: Conditions) -> str | None:
    return None if found.load is None else f"{found.load:.2f} processes"


def _steal(found: Conditions) -> str | None:
    return None if found.steal_share is None else f"{_percent(found.steal_share)} of busy time"


def _loop(found: Conditions) -> str | None:
    if found.loop is None:
        return None
    return (
        f"spread {_percent(found.loop.variation)}, slowest "
        f"{found.loop.slowest_to_fastest:.2f} × fastest of {len(found.loop.seconds)} processes"
    )


def _swap(found: Conditions) -> str | None:
    if found.swap_used_bytes is None:
        return None
    moved = found.swapped_bytes
    told = "" if moved is None else f", {moved / 2**20:.1f} MiB moved meanwhile"
    return f"{memory(found.swap_used_bytes)} in use{told}"


def _gpu(gpu: GpuClock) -> str:
    now, most = ("?" if clock is None else clock for clock in (gpu.sm_mhz, gpu.max_sm_mhz))
    state = ", idle" if gpu.idle else ""
    return f"{gpu.name}: {now} of {most} MHz{state}" + "".join(
        f", {reason}" for reason in gpu.slowed_by or []
    )


def _power(found: Conditions) -> str:
    return {None: "no battery found", False: "mains", True: "battery"}[found.on_battery]


def _governors(found: Conditions) -> str | None:
    return None if found.governors is None else ", ".join(found.governors)


def _clock(found: Conditions) -> str | None:
    steps = (found.clock_tick_seconds, found.clock_resolution_seconds)
    tick, claimed = ("unknown" if step is None else duration(step) for step in steps)
    return None if steps == (None, None) else f"smallest tick {tick}, resolution {claimed}"


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %"
