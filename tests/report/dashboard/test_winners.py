from __future__ import annotations

from msgspec.structs import replace

from perceptron.analysis.stored.collection import collection_of
from perceptron.report.dashboard.winners import COLUMNS, winner_cells
from tests.made import line


def test_both_ends_have_the_fastest_before_the_next() -> None:
    """numpy is ahead at the smallest size, torch-cpu at the largest."""
    (cells,) = winner_cells(collection_of(line()).sweeps)
    assert len(cells) == len(COLUMNS)
    family, smallest, there, largest, at_largest = cells
    assert (family, smallest, largest) == ("mlp-width", "width 4", "width 256")
    for cell, first, second in (
        (there, "numpy", "torch-cpu"),
        (at_largest, "torch-cpu", "numpy"),
    ):
        ahead, _, behind = cell.partition(" before ")
        assert ahead.startswith(f"{first} ")
        assert behind.startswith(f"{second} ")


def test_a_family_has_a_line_for_each_way_to_train_it() -> None:
    """Of its first sweep, which is the newest; in the order of names."""
    adam = [replace(row, optimizer="adam") for row in line()]
    newest, other = collection_of(line()).sweeps[0], collection_of(adam).sweeps[0]
    older = replace(newest, commit="older", rows=[])
    lines = winner_cells([other, newest, older])
    assert [cells[0] for cells in lines] == ["mlp-width", "mlp-width (adam)"]
    assert "nothing measured" not in lines[0]


def test_who_has_no_rival_or_is_not_sure_is_told_so() -> None:
    """As a crossover of these rows is: alone, or by a single process of each."""
    alone = [row for row in line() if row.backend == "numpy"]
    (cells,) = winner_cells(collection_of(alone).sweeps)
    assert cells[2].startswith("numpy ")
    assert cells[2].endswith(", and no other has a time")
    (cells,) = winner_cells(collection_of(line(processes=1)).sweeps)
    assert cells[2].startswith("not sure: numpy ")
    assert " or torch-cpu " in cells[2]


def test_a_sweep_without_a_time_says_so() -> None:
    (sweep,) = collection_of(line()).sweeps
    (cells,) = winner_cells([replace(sweep, rows=[])])
    assert cells == ("mlp-width", "–", "nothing measured", "–", "nothing measured")
