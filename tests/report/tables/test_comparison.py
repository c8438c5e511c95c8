"""A comparison in a terminal: what the goldens, of few benchmarks with few functions, do not show.

`notes` is all that stands below the table.
"""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from perceptron.records.comparison import ComparisonEnvironment
from perceptron.report.tables import terminal
from perceptron.report.tables.comparison import amount, cells, show
from perceptron.report.tables.comparison_notes import notes
from tests.made_comparison import broken, comparison, growth, harder, row, slower, work


def test_an_amount_has_the_unit_that_was_counted_in() -> None:
    assert amount(2e6, "bytes") == "2,000,000 bytes"
    assert amount(1e-300, "seconds") == "1e-300 seconds"


def test_many_that_did_not_change_are_counted() -> None:
    """Forty are listed, and everything that did change."""
    rows = [row() for _ in range(50)] + [slower() for _ in range(60)]
    assert len(cells(rows)) == 100
    assert notes(comparison(*rows))[0] == "10 more benchmarks did not change"


@pytest.mark.parametrize("size", [None, 7.2e7, 1.01, float("inf"), float("nan")])
def test_a_slowdown_that_only_an_accident_would_reach_is_no_number(size: float | None) -> None:
    """Beside a measured change; it said 7.2e+09 %."""
    assert cells([row(smallest_detectable=size)])[0][5] == "cannot tell"
    assert cells([row(smallest_detectable=1.0)])[0][5] == "100.0 %"


@pytest.mark.parametrize(
    ("sizes", "words"),
    [
        ([0.03, 0.05, None], "median 5.0 %, worst: cannot tell (1 of 3)"),
        ([0.03, 7.2e7, None], "cannot tell (2 of 3)"),
        ([], "nothing was measured"),
    ],
)
def test_how_many_could_not_tell_is_said(sizes: list[float | None], words: str) -> None:
    rows = [row(smallest_detectable=size) for size in sizes]
    # What broke has no size that anybody wants.
    assert f"smallest detectable slowdown: {words}" in notes(comparison(*rows, broken()))


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


def test_where_nothing_could_be_counted_that_is_said() -> None:
    here = ComparisonEnvironment(machine={}, base={}, head={}, variables={}, counter="valgrind")
    lines = notes(comparison(row(not_counted="it spins"), row(), environment=here))
    assert "counted by valgrind: none of 1" in lines


@pytest.mark.parametrize(
    ("waited", "said"), [(None, False), (0.0001, False), (0.01, True), (0.31, True)]
)
def test_waiting_for_a_core_is_told_only_where_threads_waited(
    waited: float | None, said: bool
) -> None:
    lines = notes(comparison(row(waited=waited, disturbed=0)))
    assert any(line.startswith("waited for a core: median") for line in lines) == said


def test_functions_of_python_and_compiled_ones_share_five_lines() -> None:
    """Whichever there are; those of Python first, because they say where to look."""
    python, compiled = [growth()] * 5, [growth(level="c", function="list_sort")] * 5
    for why, shown in (
        ([*python, *compiled], ["Vector.add"] * 3 + ["list_sort"] * 2),
        (python, ["Vector.add"] * 5),
        (compiled, ["list_sort"] * 5),
    ):
        lines = notes(comparison(slower(benchmark="x", params=[], why=why)))
        told = [line.split()[2] for line in lines if line.startswith("why x: ")]
        assert told == shown


def test_a_function_whose_calls_are_counted_says_so_once() -> None:
    called = growth(unit="calls", base=7, head=7.5)
    line = next(one for one in notes(comparison(slower(why=[called]))) if one.startswith("why"))
    assert line.endswith(": Vector.add +7.1 % calls (7 → 7.50), toy/vector.py:30")


def test_nothing_is_cut_where_the_table_is_too_wide(monkeypatch: pytest.MonkeyPatch) -> None:
    """Names are folded at 80 columns, and every number is there."""
    screen = io.StringIO()
    monkeypatch.setattr(terminal, "out", Console(file=screen, width=80, highlight=False))
    long = harder(benchmark="train.PerceptronRows.time_train", change=-0.123, low=-0.15)
    show(comparison(long, row(smallest_detectable=None, work=work())))
    lines = screen.getvalue().splitlines()
    assert all(len(line.rstrip()) <= 80 for line in lines[2:8])
    table = "".join("".join(lines[2:14]).split())
    for text in ("ms", "+5.0%", "same", "by", "work", "cannot", "tell", "[-15.0,", "regression"):
        assert text in table
