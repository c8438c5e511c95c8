"""What stands beside times: rates, sizes without a rival, contention, when a start has paid."""

from __future__ import annotations

from msgspec.structs import replace

from perceptron.answer import Table
from perceptron.numbers import cell_text
from perceptron.questions.bench.one_size import single_problems, single_tables
from perceptron.questions.crossover.amortise import COLUMNS, amortisation_tables, amortisations
from perceptron.questions.crossover.judge import crossovers
from perceptron.questions.crossover.sweep import without_rival
from perceptron.questions.crossover.verdict import verdicts
from perceptron.statistics.contention import Contention, by_key, contended, with_contended
from tests.conftest import MakeRow
from tests.made import linear, world


def test_tables_size_without_rival_is_named(row: MakeRow) -> None:
    """With the reason of the backend that has no time there."""
    along = {"family": "mlp-batch", "axes": ("batch",), "optimizer": "adam", "rows": 1000}
    rows = [row(**along, size=10, batch=10), row(**along, size=100, batch=100)]
    failed = replace(rows[0], backend="torch-cpu", status="failed", reason="no turn", seconds=None)
    (line,) = without_rival([*rows, failed])
    assert line.endswith("torch-cpu: no turn")


QUIET = Contention(samples=10, times=2)
BUSY = Contention(samples=10, contended=2, times=2, waited=1)


def test_tables_contended_column_needs_contention() -> None:
    """A quiet machine's tables stay as they are."""
    table = Table(title="", columns=("a", "b"), rows=(("1", "2"), ("3", "4")))
    assert with_contended(table, [QUIET, Contention()]) == table
    wider = with_contended(table, [BUSY, Contention()])
    assert wider.columns == ("a", "b", "contended")
    assert [row[-1] for row in wider.texts] == ["20% of samples, 1 of 2 times waited", "–"]
    assert cell_text(contended(QUIET)) == "0% of samples"


def test_parts_of_iterations_do_not_count(row: MakeRow) -> None:
    rows = [row(samples=[1.0], waited=0.0, contended=1, phase="forward"), row(samples=[1.0])]
    assert by_key(rows, lambda row: row.backend) == {"numpy": Contention()}


def test_tables_pair_contention_covers_both_backends(row: MakeRow) -> None:
    """Whichever of them was. Rows of other threads say nothing of it."""
    costs = {"numpy": linear(1e-6, 1e-8), "torch-cpu": linear(1e-5, 1e-9)}
    pairs = crossovers(world(row, costs))
    for name in costs:
        rows = [
            replace(
                measurement,
                samples=[1e-3] * 3,
                waited=0.0,
                contended=int(measurement.backend == name),
            )
            for measurement in world(row, costs)
        ]
        (verdict,) = verdicts(pairs, rows)
        assert verdict.contended.startswith("14"), name
    others = world(row, costs, threads=7, samples=[1e-3] * 3, waited=0.0, contended=1)
    assert [verdict.contended for verdict in verdicts(pairs, others)] == [""]


def test_tables_single_size_contention_is_per_backend(row: MakeRow) -> None:
    rows = [
        row(seconds=1e-3, samples=[1e-3] * 3, waited=waited, contended=contended, backend=name)
        for name, waited, contended in (("numpy", 0.5, 1), ("torch-cpu", 0.0, 0))
    ]
    (table,) = single_tables(rows, single_problems(rows))
    assert table.columns[-1] == "contended"
    assert [line[-1] for line in table.texts] == [
        "100% of samples, 1 of 1 times waited",
        "0% of samples",
    ]


def test_amortisations_show_a_few_sizes_the_outermost_among_them(row: MakeRow) -> None:
    """Seven of each pair at most, in a line of as many cells as there are columns."""
    costs = {"numpy": linear(1e-5, 1e-6), "torch-cpu": linear(1e-4, 1e-7)}
    sizes = [2**k for k in range(1, 25)]
    slow_start = {"numpy": 1e-4, "torch-cpu": 0.5}
    rows = [
        replace(measurement, prepare_seconds=slow_start[measurement.backend])
        for measurement in world(row, costs, sizes, processes=3)
    ]
    shown = amortisations(rows)
    (table,) = amortisation_tables(shown)
    assert len(table.rows) == 7
    assert all(len(line) == len(COLUMNS) for line in table.rows)
    assert (table.rows[0][1], table.rows[-1][1]) == (2, sizes[-1])
    assert amortisation_tables([]) == []
