from __future__ import annotations

from pathlib import Path

import pytest

from perceptron.analysis.advice import AdviceResult, advise
from perceptron.analysis.throughput import TrainingLength
from perceptron.analysis.what_if import words as what_if
from perceptron.analysis.what_if.estimate import EAGER, GRAPH, DeviceEstimate
from perceptron.report import documents
from perceptron.report.tables import advice as advice_table
from tests.conftest import MakeRow


def guess(backend: str, seconds: float) -> DeviceEstimate:
    return DeviceEstimate(
        backend=backend,
        device="h100",
        size=4,
        seconds=seconds,
        low=seconds / 2,
        high=seconds * 2,
    )


def advised(row: MakeRow, seconds: float | None) -> AdviceResult:
    """Advice where numpy takes so long, and an H100 100 µs eagerly and 10 µs as a graph."""
    missing = {"status": "failed", "reason": "out of memory"} if seconds is None else {}
    rows = [
        row(problem="or-gate", size=4, repeat=process, seconds=seconds, **missing)
        for process in range(3)
    ]
    return AdviceResult(
        advice=advise(rows, ["numpy"], "or-gate", TrainingLength(iterations=10), []),
        rows=rows,
        results=Path("results"),
        warnings=[],
        estimates=[guess(EAGER, 1e-4), guess(GRAPH, 1e-5)],
    )


@pytest.mark.parametrize(
    ("seconds", "eager", "graph"),
    [(6e-5, "open", "faster"), (1e-6, "slower", "slower"), (1e-3, "faster", "faster")],
)
def test_an_estimate_says_whether_it_is_faster_or_cannot_tell(
    row: MakeRow, seconds: float, eager: str, graph: str
) -> None:
    """In the sentence, in the table and in JSON: an interval that holds 1 is no answer."""
    result = advised(row, seconds)
    first, second = what_if.sentence(result).removesuffix(".").split("; ")
    assert first.startswith("Estimated, not measured, on h100: torch-cuda 100 [50.0, 200] µs")
    assert f"times numpy's: {eager}" in first
    assert second.endswith(f"times numpy's: {graph}")
    assert ("disagree about which is faster" in first) == (eager == "open")
    assert [cells[-1] for cells in what_if.ratio_cells(result)] == [eager, graph]
    ratios = documents.advice(result)["what_if"]["ratios"]
    assert [ratio.status for ratio in ratios] == [eager, graph]


def test_the_table_of_estimates_is_its_own(
    row: MakeRow, capsys: pytest.CaptureFixture[str]
) -> None:
    """It never stands among what was measured."""
    advice_table.show(advised(row, 6e-5))
    measured, estimated = capsys.readouterr().out.split(what_if.TITLE)
    assert "torch-cuda on h100" in estimated
    assert "open" in estimated
    assert "h100" not in measured.split("or-gate, float32")[1]


def test_nothing_is_estimated_against_nothing(row: MakeRow) -> None:
    result = advised(row, None)
    assert what_if.sentence(result) == ""
    assert result.estimated_ratios == []
    assert documents.advice(result)["what_if"]["ratios"] == []
