"""Estimates in words; they never stand in a table of measurements."""

from __future__ import annotations

from collections.abc import Sequence

from perceptron.analysis.what_if.check import EstimateCheck
from perceptron.analysis.what_if.estimate import (
    CaseStatus,
    DeviceEstimate,
    WhatIf,
)
from perceptron.answer import Table
from perceptron.numbers import (
    NONE,
    count,
    digits,
    duration,
    duration_interval,
    percent,
)

COLUMNS = ("family", "measured here", "estimated", "status", "faster from [best, worst case]")
CHECK_COLUMNS = (
    *("machine", "family", "size>", "threads in all>"),
    *("backend", "estimated", "measured", "error>"),
)
TITLE = "What if: an estimate, not a measurement"


def tables(estimates: Sequence[WhatIf], checks: Sequence[EstimateCheck] = ()) -> list[Table]:
    """Return the estimates, if there are any, and what was measured of the device beside them."""
    if not estimates:
        return []
    shown = [Table(title=TITLE, columns=COLUMNS, rows=tuple(cells(estimates)))]
    if checks:
        rows = tuple(check_cells(checks))
        shown.append(Table(title="Beside measurements", columns=CHECK_COLUMNS, rows=rows))
    return shown


def source_line(estimates: Sequence[WhatIf], checks: Sequence[EstimateCheck]) -> str:
    """Return how far estimates of the device were off, and where its figures are from."""
    first = estimates[0]
    return f"{check_line(checks, first.device)} Its figures: {first.source}."


def cells(estimates: Sequence[WhatIf]) -> list[tuple[str, ...]]:
    """Return a row for each pair; the range is of the device's figures at their best and worst."""
    return [
        (
            estimate.family,
            estimate.incumbent,
            f"{estimate.challenger} on {estimate.device}",
            estimate.status,
            size_words(estimate),
        )
        for estimate in estimates
    ]


def size_words(estimate: WhatIf) -> str:
    """Return from which size up the device might be faster, at best and at worst."""
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
    """Return the estimates beside measurements of a device like it, or why there is none."""
    return [
        (
            check.machine,
            check.family,
            count(check.size),
            NONE if check.threads is None else count(check.threads),
            check.backend,
            check.reason or NONE if check.estimated is None else _seconds(check.estimated),
            duration(check.measured),
            NONE if check.error is None else percent(check.error, 0, sign=True),
        )
        for check in checks
    ]


def check_line(checks: Sequence[EstimateCheck], device: str) -> str:
    """Return how far the estimates were off, where that is known."""
    estimated = [check for check in checks if check.estimated is not None]
    if not estimated:
        return f"No measurement of {device} is at hand to check the estimate against."
    within = sum(check.is_inside for check in estimated)
    return f"Of {len(estimated)} measurements of {device}, {within} lie in the estimate's range."


def _seconds(estimate: DeviceEstimate) -> str:
    return duration_interval(estimate.seconds, estimate.low, estimate.high)
