from __future__ import annotations

from perceptron.analysis.crossover.result import crossover_result
from perceptron.analysis.disturbance import Disturbance
from perceptron.report.tables.crossover import crossover_table
from perceptron.report.tables.disturbed import by_key, disturbed, with_disturbed
from perceptron.report.tables.one_size import single_table
from tests.conftest import MakeRow
from tests.made import linear, world

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


def test_a_pair_is_as_disturbed_as_both_of_its_backends(row: MakeRow) -> None:
    """Of its own family and ground; without a word of it the table has no such column."""
    costs = {"numpy": linear(1e-6, 1e-8), "torch-cpu": linear(1e-5, 1e-9)}
    plain = world(row, costs)
    result = crossover_result(plain, None, 10)
    columns, _ = crossover_table(result.crossovers, plain)
    assert "disturbed" not in columns
    marked = world(row, costs, samples=[1e-3] * 3, waited=0.0, disturbed=1)
    _, (cells,) = crossover_table(result.crossovers, marked)
    assert cells[-1] == "25 % of samples"
    others = world(row, costs, threads=7, samples=[1e-3] * 3, waited=0.0, disturbed=1)
    assert "disturbed" not in crossover_table(result.crossovers, others)[0]


def test_each_backend_of_one_size_has_its_own(row: MakeRow) -> None:
    rows = [
        row(seconds=1e-3, samples=[1e-3] * 3, waited=0.5, disturbed=1),
        row(seconds=1e-3, samples=[1e-3] * 3, waited=0.0, disturbed=0, backend="torch-cpu"),
    ]
    columns, cells = single_table(rows)
    assert columns[-1] == "disturbed"
    assert [row[-1] for row in cells] == [
        "100 % of samples, 1 of 1 times waited",
        "0 % of samples",
    ]


def test_parts_of_iterations_do_not_count(row: MakeRow) -> None:
    rows = [row(samples=[1.0], waited=0.0, disturbed=1, phase="forward"), row(samples=[1.0])]
    assert by_key(rows, lambda row: row.backend) == {"numpy": Disturbance()}
