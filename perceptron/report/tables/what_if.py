"""Estimates in words; they never stand in a table of measurements."""

from __future__ import annotations

from collections.abc import Sequence

from perceptron.analysis.advice import AdviceResult
from perceptron.analysis.what_if.estimate import CaseStatus, DeviceEstimate, EstimateCheck, WhatIf
from perceptron.report.numbers import digits, duration_interval, interval

COLUMNS = ("family", "measured here", "estimated", "status", "faster from [best, worst case]")
CHECK_COLUMNS = ("machine", "family", "size>", "backend", "estimated", "measured", "error>")
TITLE = "What if: an estimate, not a measurement"


def cells(found: Sequence[WhatIf]) -> list[tuple[str, ...]]:
    """A line for each pair; the range is of the device's figures at their best and worst."""
    return [
        (
            each.family,
            each.incumbent,
            f"{each.challenger} on {each.device}",
            each.status,
            _size(each),
        )
        for each in found
    ]


def _size(each: WhatIf) -> str:
    if each.status in ("always", "never"):
        return "every size" if each.status == "always" else "no size measured"
    cases = each.statuses
    likely = _case(cases.likely, each.size)
    return f"{likely} [{_case(cases.best, each.low)}, {_case(cases.worst, each.high)}]"


def _case(status: CaseStatus, size: float | None) -> str:
    """The size, or the status that says why there is none."""
    return status if size is None else digits(size)


def check_cells(found: Sequence[EstimateCheck]) -> list[tuple[str, ...]]:
    """The estimates beside measurements of a device like it."""
    return [
        (
            each.machine,
            each.family,
            f"{each.estimated.size:,}",
            each.estimated.backend,
            _estimate(each.estimated),
            duration_interval(each.measured, None, None).replace(" [one value]", ""),
            f"{100 * each.error:+.0f} %",
        )
        for each in found
    ]


def check_line(found: Sequence[EstimateCheck], device: str) -> str:
    """How far the estimates were off where that is known."""
    if not found:
        return f"No measurement of a {device} is at hand to check the estimate against."
    within = sum(each.estimated.low <= each.measured <= each.estimated.high for each in found)
    return f"Of {len(found)} measurements of a {device}, {within} lie in the estimate's range."


def sentence(found: AdviceResult) -> str:
    """What the device might take for the problem, over the best that was measured."""
    best = next((each for each in found.advice.options if each.backend == found.advice.use), None)
    if not found.estimates or best is None or best.seconds_per_iteration is None:
        return ""
    here = best.seconds_per_iteration.estimate
    told = [
        f"{each.backend} {_estimate(each)} an iteration, "
        f"{interval(each.seconds / here, each.low / here, each.high / here)} times {best.backend}'s"
        for each in found.estimates
    ]
    device = found.estimates[0].device
    return f"Estimated, not measured, on a {device}: {'; '.join(told)}."


def _estimate(each: DeviceEstimate) -> str:
    return duration_interval(each.seconds, each.low, each.high)
