"""Comparisons made up, for every test of what judges or shows one."""

from __future__ import annotations

from functools import partial
from typing import Any

from perceptron.records.block import Block, SideMeasurement, Stage
from perceptron.records.comparison import (
    ComparedRevision,
    Comparison,
    ComparisonEnvironment,
    ComparisonPlan,
    Control,
    Growth,
    Instructions,
    Row,
)


def instructions(change: float = 0.0, **fields: Any) -> Instructions:
    """A call of 48.4 million instructions on BASE; any field can be given."""
    base = 48.4e6
    defaults = {"base": base, "head": base * (1 + change), "change": change, "noise": 0.0002}
    return Instructions(**(defaults | fields))


# A benchmark of 1 ms without a change; of this and of what follows any field can be given.
row = partial(
    Row,
    benchmark="sums.time_sum",
    params=["10", "'numpy'"],
    param_names=["size", "backend"],
    unit="seconds",
    base=1e-3,
    head=1e-3,
    base_seconds=1e-3,
    head_seconds=1e-3,
    change=0.001,
    low=-0.01,
    high=0.012,
    p_adjusted=None,
    verdict="no change",
    smallest_detectable=0.031,
    spread=0.01,
    screen_blocks=10,
    confirmation_blocks=0,
    file="benchmarks/sums.py",
    line=12,
)

# It became 8.1% slower, confirmed.
slower = partial(
    row,
    head=1.081e-3,
    change=0.081,
    low=0.07,
    high=0.093,
    p_adjusted=0.00002,
    verdict="slower",
    confirmation_blocks=23,
)

# It does 5% more work; the clock is undecided.
harder = partial(
    row,
    head=1.03e-3,
    change=0.03,
    low=-0.01,
    high=0.07,
    verdict="slower",
    evidence="work",
    instructions=instructions(0.05),
)

# It fails on HEAD only.
broken = partial(
    row,
    head=None,
    change=None,
    low=None,
    high=None,
    smallest_detectable=None,
    verdict="slower",
    reason="broke on HEAD: ValueError: no",
)

# A function of Python that does 9.2% more.
growth = partial(
    Growth,
    function="Vector.add",
    level="python",
    unit="bytecodes",
    base=1000.0,
    head=1092.0,
    base_calls=10.0,
    head_calls=10.0,
    file="toy/vector.py",
    line=30,
)


def comparison(*rows: Row, **fields: Any) -> Comparison:
    """A clean run of these rows; any field can be given, ``plan`` as some of its own."""
    plan: dict[str, Any] = {
        "suite": "asv.conf.json",
        "benchmarks": None,
        "base": ComparedRevision(name="main", commit="a" * 40, python="python"),
        "head": ComparedRevision(name="HEAD", commit="b" * 40, python="python"),
        "budget_seconds": 600.0,
        "seed": 7,
        "rule": {},
        "screen_blocks": 10,
    }
    defaults: dict[str, Any] = {
        "verdict": "clean",
        "reason": "nothing of 1 benchmark became slower",
        "rows": list(rows),
        "control": Control(alarmed=False, rows=[]),
        "environment": ComparisonEnvironment(
            machine={"cpu": "Abacus 3000"},
            base={"python": "CPython 3.13.0", "numpy": "2.0"},
            head={"python": "CPython 3.13.0", "numpy": "2.0"},
            variables={},
        ),
        "warnings": [],
        "seconds": 312.0,
        "reproduce": "perceptron compare aaaaaaaaaaaa bbbbbbbbbbbb --seed 7",
        "results": "results/gate/0123",
        "benchmarks": [],
        "blocks": [],
    }
    full_plan = ComparisonPlan(**(plan | fields.pop("plan", {})))
    return Comparison(**(defaults | fields), plan=full_plan)


def block(
    benchmark: str,
    number: int,
    base: float | SideMeasurement,
    head: float | SideMeasurement,
    stage: Stage = "screen",
    **fields: Any,
) -> Block:
    """What one pair of processes gave, in seconds if it is a number; any field can be given."""
    base, head = (
        side if isinstance(side, SideMeasurement) else SideMeasurement(status="ok", value=side)
        for side in (base, head)
    )
    return Block(
        stage=stage,
        number=number,
        benchmark=benchmark,
        order=["base", "head"],
        folders={"base": "a", "head": "b"},
        base=base,
        head=head,
        **fields,
    )
