"""What a comparison left out because it runs no changed code, and what it did not reach."""

from __future__ import annotations

from collections.abc import Sequence

from perceptron.records.comparison import Comparison, ComparisonPlan, LeftOut
from perceptron.report.numbers import count
from perceptron.report.tables.grouped import grouped

# How a reason names what more time would have judged.
_MORE_TIME = "--budget"


def reach(comparison: Comparison) -> list[str]:
    """Return a line on each; none where all was compared, whatever it runs."""
    plan = comparison.plan
    return [*_restricted(plan, len(comparison.benchmarks)), *_late(plan)]


def touching_first(plan: ComparisonPlan, left_out: Sequence[LeftOut]) -> list[LeftOut]:
    """Return what was left out, what surely runs changed code first."""
    return sorted(left_out, key=lambda row: not _touches(plan, row.benchmark))


def _restricted(plan: ComparisonPlan, compared: int) -> list[str]:
    if not plan.only_changed:
        return []
    if plan.hidden_changes:
        name, *more = plan.hidden_changes
        names = f"{name} and {count(len(more))} more" if more else name
        return [f"--changed leaves nothing out: a change of {names} may show in any benchmark"]
    left = len(plan.not_reached)
    files = len(plan.changed_files)
    if not files:
        return [f"no code that benchmarks run changed: none of {_benchmarks(left)} was compared"]
    lines = [
        f"{count(left)} of {_benchmarks(left + compared)} run no code of the "
        f"{count(files)} changed file{'' if files == 1 else 's'} and were not compared"
    ]
    unsure = [
        (key, own.reason or "") for key, own in plan.reach.items() if own.touches == "perhaps"
    ]
    lines += [f"perhaps run changed code: {names}: {reason}" for names, reason in grouped(unsure)]
    return lines


def _late(plan: ComparisonPlan) -> list[str]:
    """Return how many benchmarks there was no time for, and how many of them matter most."""
    late = [row.benchmark for row in plan.left_out if _MORE_TIME in row.reason]
    touching = [(key, "") for key in late if _touches(plan, key)]
    if not late or not plan.reach:
        return []
    line = f"not reached: {_benchmarks(len(late))}"
    if not touching:
        return [f"{line}, none of which surely runs changed code"]
    ((names, _),) = grouped(touching)
    many = "all" if len(touching) == len(late) else count(len(touching))
    return [f"{line}, {many} of which run changed code: {names}"]


def _touches(plan: ComparisonPlan, key: str) -> bool:
    return key in plan.reach and plan.reach[key].touches == "yes"


def _benchmarks(number: int) -> str:
    return f"{count(number)} benchmark{'' if number == 1 else 's'}"
