from __future__ import annotations

import io

import pytest
from rich.console import Console

from perceptron.records.comparison import Row
from perceptron.report.tables import terminal
from perceptron.report.tables.comparison import COLUMNS, amount, cells, show
from perceptron.report.tables.comparison_notes import notes
from tests.made_comparison import comparison, harder, row, slower, work


def test_what_changed_comes_first_by_size() -> None:
    rows = [row(), slower(change=0.05), slower(change=0.5), row(verdict="inconclusive")]
    shown = cells(rows)
    assert all(len(line) == len(COLUMNS) for line in shown)
    assert [line[1] for line in shown] == ["regression", "regression", "inconclusive", "no change"]
    assert shown[0][4].startswith("+50.0 %")


def test_an_amount_has_the_unit_that_was_counted_in() -> None:
    assert amount(2e6, "bytes") == "2,000,000 bytes"
    assert amount(1e-300, "seconds") == "1e-300 seconds"


def test_many_that_did_not_change_are_counted() -> None:
    """Forty are listed, and everything that did change."""
    rows = [row() for _ in range(50)] + [slower() for _ in range(60)]
    assert len(cells(rows)) == 100
    assert notes(comparison(*rows))[0] == "10 more benchmarks did not change"


def test_a_terminal_shows_the_verdict_first(capsys: pytest.CaptureFixture[str]) -> None:
    """Brackets in a reason are no markup."""
    show(comparison(slower(), verdict="regression", reason="[1] benchmark slower"))
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "regression: [1] benchmark slower"
    assert lines[-1] == "rows:   results/gate/0123"


@pytest.mark.parametrize("size", [None, 7.2e7, 1.01, float("inf"), float("nan")])
def test_a_slowdown_that_only_an_accident_would_reach_is_no_number(size: float | None) -> None:
    """Beside a measured change; it said 7.2e+09 %."""
    assert cells([row(smallest_detectable=size)])[0][5] == "cannot tell"
    assert cells([row(smallest_detectable=1.0)])[0][5] == "100.0 %"


@pytest.mark.parametrize(
    ("change", "noise", "shown"),
    [
        (0.0, 0.0, "same"),
        (0.0004, 0.0, "same"),
        (-0.004, 0.0042, "same"),
        (0.004, 0.0002, "+0.4 %"),
        (0.02, 0.0002, "+2.0 %"),
        (-0.86, 0.0015, "-86.0 %"),
    ],
)
def test_work_is_the_same_only_within_the_noise_of_counting(
    change: float, noise: float, shown: str
) -> None:
    (line,) = cells([row(work=work(change, noise=noise), stands_on="both")])
    assert line[6:] == (shown, "both")


def test_work_orders_what_has_no_time() -> None:
    """An improvement by a count alone has its place by its size."""
    counted = row(verdict="improvement", change=None, work=work(-0.3), stands_on="work")
    timed = row(verdict="improvement", change=-0.1)
    assert [line[-1] for line in cells([timed, counted])] == ["work", "time"]


def printed(monkeypatch: pytest.MonkeyPatch, *rows: Row) -> list[str]:
    """What a terminal of 80 columns shows."""
    screen = io.StringIO()
    monkeypatch.setattr(terminal, "out", Console(file=screen, width=80, highlight=False))
    show(comparison(*rows))
    return screen.getvalue().splitlines()


def test_nothing_is_cut_where_the_table_is_too_wide(monkeypatch: pytest.MonkeyPatch) -> None:
    """Names are folded, and every number is there."""
    long = harder(benchmark="train.PerceptronRows.time_train", change=-0.123, low=-0.15)
    lines = printed(monkeypatch, long, row(smallest_detectable=None, work=work()))
    assert all(len(line.rstrip()) <= 80 for line in lines[2:8])
    table = "".join("".join(lines[2:14]).split())
    for text in ("ms", "+5.0%", "same", "by", "work", "cannot", "tell", "[-15.0,", "regression"):
        assert text in table
