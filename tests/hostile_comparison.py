"""A comparison whose every text is one of `tests.hostile.NAMES`."""

from __future__ import annotations

from msgspec.structs import replace

from perceptron.records.comparison import (
    Comparison,
    ComparisonEnvironment,
    LeftOut,
    Row,
)
from perceptron.records.warning import MeasurementWarning
from perceptron.report.comparison import row_name as key_of
from tests.hostile import NAMES
from tests.made_comparison import block, broken, comparison, growth, row, slower, work


def hostile_comparison() -> Comparison:
    """Return a comparison with a slower, a broken and an undecided row for each name."""
    rows = [made for name in NAMES for made in _rows(name)]
    name = NAMES[0]
    plan = comparison().plan
    return comparison(
        *rows,
        verdict="regression",
        reason=NAMES[4],
        results=NAMES[0],
        reproduce=NAMES[1],
        blocks=[block(key_of(made), 0, 1e-3, 1.1e-3) for made in rows],
        warnings=[MeasurementWarning(code=own, message=own, advice=own) for own in NAMES],
        environment=ComparisonEnvironment(
            machine={own: own for own in NAMES},
            base={own: own for own in NAMES},
            head=dict.fromkeys(NAMES, "1"),
            variables={own: own for own in NAMES},
            counter=name,
            base_code=name,
            head_code=NAMES[2],
        ),
        plan={
            "base": replace(plan.base, name=name, python=name),
            "head": replace(plan.head, name=NAMES[2], python=NAMES[3]),
            "suite": NAMES[4],
            "benchmarks": NAMES[5],
            "left_out": [LeftOut(benchmark=own, reason=own) for own in NAMES],
        },
    )


def _rows(name: str) -> list[Row]:
    texts = {"benchmark": name, "params": [name], "file": name, "not_counted": name}
    return [
        slower(
            **texts,
            unit=name,
            work=work(0.05),
            why=[growth(function=name, file=name), growth(function=name, level="c", base=0.0)],
        ),
        broken(**texts | {"params": [name, "2"]}, reason=name, why_not=name),
        row(**texts | {"params": [name, "3"]}, verdict="inconclusive", reason=name),
    ]
