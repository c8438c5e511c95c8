"""A comparison in which every kind of change is explained in every way that there is."""

from __future__ import annotations

from msgspec.structs import replace

from perceptron.records.comparison import (
    Comparison,
    ComparisonEnvironment,
    Control,
    ControlRow,
    LeftOut,
    Row,
)
from perceptron.records.warning import MeasurementWarning
from tests.goldens.blocks import SUM, counted
from tests.made_comparison import (
    block,
    broken,
    comparison,
    growth,
    harder,
    instructions,
    row,
    slower,
)

_SUM = replace(SUM, params=["10", "'numpy'"])


def explained() -> Comparison:
    """Return it, with blocks of each stage and counts of its first benchmark."""
    return comparison(
        *_rows(),
        verdict="regression",
        reason="4 benchmarks slower, [one] broke",
        warnings=[MeasurementWarning(code="x", message="others were busy", advice="wait [a bit]")],
        control=Control(alarmed=False, rows=[_quiet("sums.time_sort")]),
        blocks=[
            *counted(_SUM, 1.05)[:2],
            *(block(_SUM.key, number, 1e-3, 1.1e-3) for number in range(3)),
            *(block(_SUM.key, number, 1e-3, 1.08e-3, "confirmation") for number in range(2)),
        ],
        environment=ComparisonEnvironment(
            machine={"cpu": "Abacus 3000"},
            base={"torch": "2.6", "numpy": "2.0"},
            head={"torch": "2.7", "numpy": "2.0"},
            variables={"OMP_NUM_THREADS": "1"},
            counter="valgrind-3.24.0",
            base_code="sums 1.2.0 from ~/a/sums",
            head_code="sums 1.3.0 from ~/b/sums",
        ),
        plan={
            "suite_state": "0123abcd",
            "left_out": [
                LeftOut(benchmark="gone.time_it", reason="no such parameter"),
                _late("late.time_a", 19.0),
                _late("late.time_b", 14.5),
            ],
        },
    )


def _rows() -> list[Row]:
    noisy = "too noisy here: raise --budget"
    return [
        row(benchmark="same.time_it", params=[], instructions=instructions()),
        row(
            benchmark="spins.time_it",
            params=[],
            not_counted="not repeatable: it differs by 0.7%",
            wait_share=0.31,
            contended=14,
            retaken=1,
        ),
        row(
            benchmark="hash.time_it",
            params=[],
            not_counted="not repeatable: it differs by 1.2%",
            wait_share=0.02,
            contended=0,
        ),
        row(
            benchmark="odd.time_it",
            params=[],
            verdict="inconclusive",
            reason=noisy,
            smallest_detectable=None,
            file=None,
        ),
        row(benchmark="old.time_it", params=[], verdict="inconclusive", reason=noisy),
        row(
            benchmark="rose.time_it",
            params=[],
            verdict="inconclusive",
            reason="18.2% more instructions; no time was left for the clock: raise --budget",
            probably_slower=True,
            instructions=instructions(0.182),
            change=None,
            low=None,
            high=None,
        ),
        row(benchmark="net.time_get", params=[], idle=0.97, low=-0.94, high=6.32),
        row(
            benchmark="allowed.time_it",
            params=[],
            limit=0.1,
            reason="slower by 4.2%, allowed (limit 10%)",
            change=0.042,
            low=0.03,
            high=0.05,
        ),
        slower(benchmark="flaky.time_it", params=[], muted="flaky, #1234"),
        row(
            benchmark="less.time_it",
            params=[],
            verdict="faster",
            change=None,
            low=None,
            high=None,
            instructions=instructions(-0.3),
            evidence="work",
        ),
        row(benchmark="fast.time_it", params=[], verdict="faster", change=-0.1),
        broken(benchmark="bad.time_it", params=[], why_not="its work is the same: [it] waits"),
        slower(
            benchmark="sums.time_sort",
            params=[],
            change=0.05,
            instructions=instructions(),
            wait_share=0.01,
        ),
        slower(benchmark="io.time_read", params=[], change=0.06),
        harder(params=["20", "'numpy'"], why_not="its profile differs from run to run"),
        slower(
            instructions=instructions(0.05),
            evidence="both",
            why=[
                growth(edited=True),
                growth(function="check", base=0.0, head=400.0, base_calls=0.0),
                growth(
                    function="list_sort",
                    level="c",
                    unit="instructions",
                    base=2_500_000.4,
                    head=0.0,
                    base_calls=None,
                    file="libpython3.11.so",
                    line=None,
                ),
            ],
        ),
    ]


def _quiet(benchmark: str) -> ControlRow:
    return ControlRow(
        benchmark=benchmark, change=0.001, low=-0.01, high=0.01, p_adjusted=0.8, alarm=False
    )


def _late(benchmark: str, seconds: float) -> LeftOut:
    reason = f"one block takes {seconds} s: too long for the time that was left"
    return LeftOut(benchmark=benchmark, reason=reason)
