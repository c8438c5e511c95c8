from __future__ import annotations

from itertools import product

import pytest

from perceptron.questions.map.judge import map_figure, phase_map_of
from perceptron.questions.map.study import cells_table
from perceptron.report.charts.svg import draw
from tests.conftest import MakeRow


@pytest.mark.parametrize(
    ("cells", "status"),
    [([(16, 4)], "ok"), ([(16, 4), (16, 8)], "ok"), (list(product((16, 32), (4, 8))), "skipped")],
)
def test_map_figure_draws_any_map(row: MakeRow, cells: list[tuple[int, int]], status: str) -> None:
    """One cell, a line of cells, a single backend, or none with a time."""
    seconds = 1.0 if status == "ok" else None
    small = phase_map_of(
        row(sizes=(x, y), status=status, seconds=seconds, reason="no") for x, y in cells
    )
    assert draw(map_figure(small)).startswith("<svg")
    assert len(cells_table(small).rows) == len({y for _, y in cells})
    assert cells_table(small).texts[0][1] == ("n?" if status == "ok" else "–")


def test_map_figure_undecided_cell_has_no_winner(row: MakeRow) -> None:
    """8,600 times as fast where one side waited for cores, 3 times where neither did."""
    rows = [
        row(sizes=(x, y), backend=name, repeat=process, seconds=seconds, waited=waited)
        for x, y in product((16, 32), (4, 8))
        for process in range(3)
        for name, seconds, waited in (
            ("numpy", 1.0, 0.0),
            ("torch-cpu", 8600.0 if x == 16 else 3.0, 0.5 if x == 16 else 0.0),
        )
    ]
    half = phase_map_of(rows)
    figure = map_figure(half)
    assert {(region.backend, region.detail) for region in figure.regions} == {
        ("numpy", "up to 3.0× faster"),
        ("undecided", ""),
    }
    assert figure.top == 4
    assert [[cell.decided for cell in line] for line in figure.cells] == [[False, True]] * 2
    assert cells_table(half).texts[0][1:] == ("n 8,600?", "n 3.0")
    assert figure.cells[0][0].text.endswith(", undecided; measured")


def test_map_figure_letter_per_backend_is_unique(row: MakeRow) -> None:
    names = ("numpy", "numpy-published", "torch-cpu", "torch-cuda", "torch-compile")
    many = phase_map_of(row(sizes=(1, 1), backend=name, seconds=1.0) for name in names)
    letters = [
        part.split()
        for part in str(cells_table(many).legend).split(";")[0].split(", ")[: len(names)]
    ]
    assert sorted(name for _, name in letters) == sorted(names)
    assert len({letter for letter, _ in letters}) == len(names)
