from __future__ import annotations

from perceptron.analysis.disturbance import Disturbance
from perceptron.report.tables.disturbed import by_key, disturbed, with_disturbed
from tests.conftest import MakeRow

QUIET = Disturbance(samples=10, times=2)
BUSY = Disturbance(samples=10, disturbed=2, times=2, waited=1)


def test_a_column_comes_only_where_something_was_disturbed() -> None:
    """A quiet machine's tables stay as they are."""
    table = ("a", "b"), [("1", "2"), ("3", "4")]
    assert with_disturbed(*table, [QUIET, Disturbance()]) == table
    columns, rows = with_disturbed(*table, [BUSY, Disturbance()])
    assert columns == ("a", "b", "disturbed")
    assert rows == [("1", "2", "20 % of samples, 1 of 2 times waited"), ("3", "4", "–")]
    assert disturbed(QUIET) == "0 % of samples"


def test_parts_of_iterations_do_not_count(row: MakeRow) -> None:
    rows = [row(samples=[1.0], waited=0.0, disturbed=1, phase="forward"), row(samples=[1.0])]
    assert by_key(rows, lambda row: row.backend) == {"numpy": Disturbance()}
