"""The comparison of a HEAD that does not build: nothing was measured, and that is the finding."""

from __future__ import annotations

from perceptron.gate.checkout.request import CompareRequest, ResolvedRequest, command
from perceptron.gate.environments.build import HeadDoesNotBuild
from perceptron.records.comparison import (
    Comparison,
    ComparisonEnvironment,
    ComparisonPlan,
    Control,
)
from perceptron.records.warning import MeasurementWarning


def unbuilt(
    request: CompareRequest,
    resolved: ResolvedRequest,
    plan: ComparisonPlan,
    environment: ComparisonEnvironment,
    warnings: list[MeasurementWarning],
    finding: HeadDoesNotBuild,
) -> Comparison:
    """Return it as a regression without rows."""
    return Comparison(
        verdict="regression",
        reason=str(finding),
        rows=[],
        control=Control(alarmed=False, rows=[]),
        plan=plan,
        environment=environment,
        warnings=warnings,
        seconds=0.0,
        reproduce=command(request, resolved, plan.seed),
        results=str(finding.log.parent),
        benchmarks=[],
        blocks=[],
    )
