from __future__ import annotations

import pytest

from perceptron.records.comparison import CrossoverEnd, LeftOut, Row
from perceptron.report.tables.comparison import (
    COLUMNS,
    amount,
    cells,
    crossover_ends,
    left_out,
    notes,
    show,
)
from tests.made_comparison import broken, comparison, moved, row, slower


def test_what_changed_comes_first_by_size() -> None:
    rows = [row(), slower(change=0.05), slower(change=0.5), row(verdict="inconclusive")]
    shown = cells(rows)
    assert all(len(line) == len(COLUMNS) for line in shown)
    assert [line[1] for line in shown] == ["regression", "regression", "inconclusive", "no change"]
    assert shown[0][4].startswith("+50.0 %")


def test_numbers_have_their_units_and_what_is_missing_is_a_dash() -> None:
    (slow,) = cells([slower()])
    assert slow[2:] == ("1.00 ms", "1.08 ms", "+8.1 % [+7.0, +9.3]", "3.1 %")
    (bad,) = cells([broken(smallest_detectable=float("inf"))])
    assert bad[2:] == ("1.00 ms", "–", "–", "none")
    assert amount(2e6, "bytes") == "2,000,000 bytes"
    assert amount(1e-300, "seconds") == "1e-300 seconds"


def test_many_that_did_not_change_are_counted() -> None:
    """Forty are listed, and everything that did change."""
    rows = [row() for _ in range(50)] + [slower() for _ in range(60)]
    assert len(cells(rows)) == 100
    assert notes(comparison(*rows))[0] == "10 more benchmarks did not change"


def test_each_reason_to_leave_out_is_given_once() -> None:
    benchmarks = [LeftOut(benchmark=name, reason="too long") for name in ("a", "b", "c")]
    benchmarks.append(LeftOut(benchmark="d", reason="it fails"))
    assert left_out(comparison(plan={"left_out": benchmarks})) == [
        ("a and 2 more", "too long"),
        ("d", "it fails"),
    ]


def test_notes_say_how_sure_how_long_and_how_to_repeat_it() -> None:
    lines = notes(comparison(row(), slower(reason="one more try")))
    assert "sums.time_sum(10, 'numpy'): one more try" in lines
    assert "smallest detectable slowdown: median 3.1 %, worst 3.1 %" in lines
    assert "312 s of 600 s spent, 10 blocks screened, 0 of confirmation" in lines
    assert lines[-1] == "again:  perceptron compare aaaaaaaaaaaa bbbbbbbbbbbb --seed 7"


def test_notes_say_how_disturbed_the_run_was() -> None:
    """Only where it was."""

    def said(*rows: Row) -> list[str]:
        return [line for line in notes(comparison(*rows)) if line.startswith("wait")]

    busy = row(waited=0.31, disturbed=14, retaken=1)
    assert said(row(waited=0.02, disturbed=0), busy, row()) == [
        "waited for a core: median 16.5 % of the time, worst 31.0 %; 14 samples and 1 block "
        "taken again"
    ]
    assert said(row(waited=0.01, disturbed=0)) == [
        "waited for a core: median 1.0 % of the time, worst 1.0 %"
    ]
    assert said(row(waited=0.0001, disturbed=0)) == []
    assert said(row()) == []


def test_a_terminal_shows_the_verdict_first(capsys: pytest.CaptureFixture[str]) -> None:
    """Brackets in a reason are no markup."""
    show(comparison(slower(), verdict="regression", reason="[1] benchmark slower"))
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "regression: [1] benchmark slower"
    assert lines[-1] == "rows:   results/gate/0123"


def test_a_moved_crossover_is_noted_with_both_intervals() -> None:
    """Under the table, as every crossover is worded."""
    lines = notes(comparison(row(), moved_crossovers=[moved()]))
    assert (
        "crossover moved: mlp-width: BASE torch-cpu from 64.0 [62.0, 66.0] up, "
        "HEAD torch-cpu from 32.0 [31.0, 33.0] up"
    ) in lines
    assert not any("crossover" in line for line in notes(comparison(row())))


@pytest.mark.parametrize(
    ("end", "words"),
    [
        (
            CrossoverEnd(status="reverses", size=8.0, low=None, high=9.0),
            "torch-cpu first, numpy from 8.00 […, 9.00] up",
        ),
        (
            CrossoverEnd(status="always", size=None, low=None, high=None),
            "torch-cpu at every size",
        ),
        (CrossoverEnd(status="never", size=None, low=None, high=None), "numpy at every size"),
    ],
)
def test_every_status_has_its_words(end: CrossoverEnd, words: str) -> None:
    assert crossover_ends(moved(head=end))[1] == words
