from __future__ import annotations

import pytest

from perceptron.records.gpu_day import DayResult, Packed, PlannedStage, StageOutcome
from perceptron.report.tables.gpu_day import outcome_cells, plan_rows, show, show_plan, show_stage

PLAN = [
    PlannedStage(number=number, name=f"s{number}", tells="something", seconds=40.0 * number)
    for number in (1, 2)
]
FAILED = StageOutcome(
    number=2, name="finding", outcome="failed", seconds=12.4, rows=3, reason="no [room]"
)


def test_the_plan_says_what_each_stage_takes_and_all_up_to_it() -> None:
    assert plan_rows(PLAN) == [
        ("1", "s1", "something", "40 s", "40 s"),
        ("2", "s2", "something", "80 s", "120 s"),
    ]


def test_an_outcome_has_its_reason() -> None:
    assert outcome_cells(FAILED) == ("2", "finding", "failed: no [room]", "12 s", "3")


def test_progress_is_on_standard_error_and_the_answer_on_standard_output(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """And what had no room in the archive is named."""
    show_plan(PLAN)
    show_stage(FAILED)
    progress = capsys.readouterr()
    assert progress.out == ""
    assert "120 s" in progress.err
    assert "stage 2 finding: failed: no [room] (12 s, 3 rows)" in progress.err
    packed = Packed(archive="a/gpu-day.tar.gz", files=4, bytes=1_572_864, left_out=["log/x.txt"])
    show(DayResult(machine="h100", results="a", rehearsal=True, stages=[FAILED], packed=packed))
    answer = capsys.readouterr().out
    assert "rehearsal" in answer
    assert "failed: no [room]" in answer
    assert "left out of the archive, too large: log/x.txt" in answer
    assert "bring home:  a/gpu-day.tar.gz (1,536.0 KiB, 4 files)" in answer
