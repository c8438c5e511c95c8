"""Estimates in words; they never stand in a table of measurements."""

from __future__ import annotations

from collections.abc import Sequence

from perceptron.analysis.advice import AdviceResult
from perceptron.analysis.what_if.estimate import CaseStatus, DeviceEstimate, EstimateCheck, WhatIf
from perceptron.report.numbers import (
    count,
    digits,
    duration,
    duration_interval,
    interval,
    percent,
)
from perceptron.report.tables.terminal import out, table

COLUMNS = ("family", "measured here", "estimated", "status", "faster from [best, worst case]")
CHECK_COLUMNS = ("machine", "family", "size>", "backend", "estimated", "measured", "error>")
TITLE = "What if: an estimate, not a measurement"


def show(estimates: Sequence[WhatIf], checks: Sequence[EstimateCheck]) -> None:
    """Print the estimates, if there are any, and beside them what was measured of the device."""
    if not estimates:
        return
    table(TITLE, COLUMNS, cells(estimates))
    if checks:
        table("Beside measurements", CHECK_COLUMNS, check_cells(checks))
    first = estimates[0]
    line = check_line(checks, first.device)
    out.print(f"{line} Its figures: {first.source}.\n", markup=False, soft_wrap=True)


def cells(estimates: Sequence[WhatIf]) -> list[tuple[str, ...]]:
    """Return a row for each pair; the range is of the device's figures at their best and worst."""
    return [
        (
            estimate.family,
            estimate.incumbent,
            f"{estimate.challenger} on {estimate.device}",
            estimate.status,
            _size(estimate),
        )
        for estimate in estimates
    ]


def _size(estimate: WhatIf) -> str:
    if estimate.status in ("always", "never"):
        return "every size" if estimate.status == "always" else "no size measured"
    cases = estimate.statuses
    likely = _case(cases.likely, estimate.size)
    ends = (_case(cases.best, estimate.low), _case(cases.worst, estimate.high))
    return f"{likely} [{', '.join(ends)}]"


def _case(status: CaseStatus, size: float | None) -> str:
    """Return the size, or the status that says why there is none."""
    return status if size is None else digits(size)


def check_cells(checks: Sequence[EstimateCheck]) -> list[tuple[str, ...]]:
    """Return the estimates beside measurements of a device like it."""
    return [
        (
            check.machine,
            check.family,
            count(check.estimated.size),
            check.estimated.backend,
            _seconds(check.estimated),
            duration(check.measured),
            percent(check.error, 0, sign=True),
        )
        for check in checks
    ]


def check_line(checks: Sequence[EstimateCheck], device: str) -> str:
    """Return how far the estimates were off, where that is known."""
    if not checks:
        return f"No measurement of a {device} is at hand to check the estimate against."
    within = sum(check.estimated.low <= check.measured <= check.estimated.high for check in checks)
    return f"Of {len(checks)} measurements of a {device}, {within} lie in the estimate's range."


def sentence(result: AdviceResult) -> str:
    """Return how long the device might take for the problem, over the best that was measured."""
    advice = result.advice
    best = next((option for option in advice.options if option.backend == advice.use), None)
    if not result.estimates or best is None or best.seconds_per_iteration is None:
        return ""
    here = best.seconds_per_iteration.estimate
    parts = []
    for estimate in result.estimates:
        ratio = interval(estimate.seconds / here, estimate.low / here, estimate.high / here)
        parts.append(
            f"{estimate.backend} {_seconds(estimate)} an iteration, {ratio} times {best.backend}'s"
        )
    device = result.estimates[0].device
    return f"Estimated, not measured, on a {device}: {'; '.join(parts)}."


def _seconds(estimate: DeviceEstimate) -> str:
    return duration_interval(estimate.seconds, estimate.low, estimate.high)
