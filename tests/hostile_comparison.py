"""A comparison whose every text is one of `tests.hostile.NAMES`."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec.structs import replace

from perceptron.records.comparison import (
    Comparison,
    ComparisonEnvironment,
    LeftOut,
    Row,
)
from perceptron.records.warning import MeasurementWarning
from tests.hostile import NAMES
from tests.made_comparison import block, broken, comparison, growth, instructions, row, slower


def hostile_comparison(names: Sequence[str] = NAMES) -> Comparison:
    """Return a comparison with a slower, a broken, a muted and an undecided row for each name.

    At least six ``names``; they are all its texts.
    """
    rows = [made for name in names for made in _rows(name)]
    name = names[0]
    plan = comparison().plan
    return comparison(
        *rows,
        verdict="regression",
        reason=names[4],
        results=names[0],
        reproduce=names[1],
        blocks=[block(made.key, 0, 1e-3, 1.1e-3) for made in rows],
        warnings=[MeasurementWarning(code=name, message=name, advice=name) for name in names],
        environment=ComparisonEnvironment(
            machine={name: name for name in names},
            base={name: name for name in names},
            head=dict.fromkeys(names, "1"),
            variables={name: name for name in names},
            counter=name,
            base_code=name,
            head_code=names[2],
        ),
        plan={
            "base": replace(plan.base, name=name, python=name),
            "head": replace(plan.head, name=names[2], python=names[3]),
            "suite": names[4],
            "benchmarks": names[5],
            "left_out": [LeftOut(benchmark=name, reason=name) for name in names],
        },
    )


def _rows(name: str) -> list[Row]:
    texts = {"benchmark": name, "params": [name], "file": name, "not_counted": name}
    return [
        slower(
            **texts,
            unit=name,
            instructions=instructions(0.05),
            why=[growth(function=name, file=name), growth(function=name, level="c", base=0.0)],
        ),
        broken(**texts | {"params": [name, "2"]}, reason=name, why_not=name),
        row(**texts | {"params": [name, "3"]}, verdict="inconclusive", reason=name),
        slower(**texts | {"params": [name, "4"]}, muted=name),
    ]
