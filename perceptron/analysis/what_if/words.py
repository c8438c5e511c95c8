"""Estimates in words; they never stand in a table of measurements."""

from __future__ import annotations

from collections.abc import Sequence

from perceptron.analysis.what_if.estimate import CaseStatus, EstimateCheck, WhatIf
from perceptron.answer import Table
from perceptron.numbers import NONE, count, digits, duration, duration_interval, percent


def tables(estimates: Sequence[WhatIf], checks: Sequence[EstimateCheck] = ()) -> list[Table]:
    """Return the estimates, if there are any, and what was measured of the device beside them."""
    if not estimates:
        return []
    shown = [
        Table(
            title="What if: an estimate, not a measurement",
            columns=(
                *("family", "measured here", "estimated"),
                *("status", "faster from [best, worst case]"),
            ),
            rows=tuple(
                (
                    estimate.family,
                    estimate.incumbent,
                    f"{estimate.challenger} on {estimate.device}",
                    estimate.status,
                    size_words(estimate),
                )
                for estimate in estimates
            ),
        )
    ]
    if checks:
        shown.append(
            Table(
                title="Beside measurements",
                columns=(
                    *("machine", "family", "size>", "threads in all>"),
                    *("backend", "estimated", "measured", "error>"),
                ),
                rows=tuple(map(_check, checks)),
            )
        )
    return shown


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


def _check(check: EstimateCheck) -> tuple[str, ...]:
    """Return an estimate beside a measurement of a device like it, or why there is none."""
    estimated = check.reason or NONE
    if (own := check.estimated) is not None:
        estimated = duration_interval(own.seconds, own.low, own.high)
    return (
        check.machine,
        check.family,
        count(check.size),
        NONE if check.threads is None else count(check.threads),
        check.backend,
        estimated,
        duration(check.measured),
        NONE if check.error is None else percent(check.error, 0, sign=True),
    )


def source_line(estimates: Sequence[WhatIf], checks: Sequence[EstimateCheck]) -> str:
    """Return how far estimates of the device were off, and where its figures are from."""
    device, estimated = estimates[0].device, [one for one in checks if one.estimated is not None]
    off = f"No measurement of {device} is at hand to check the estimate against."
    if estimated:
        within = sum(check.is_inside for check in estimated)
        off = f"Of {len(estimated)} measurements of {device}, {within} lie in the estimate's range."
    return f"{off} Its figures: {estimates[0].source}."
