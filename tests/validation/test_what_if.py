"""Estimates beside published times: the page of the docs is what they say."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.validation.__main__ import main
from benchmarks.validation.what_if import compare, kernels_of, median_width, published
from perceptron.analysis.what_if import EAGER
from perceptron.backends import registry
from perceptron.problems import catalogue
from perceptron.studies.what_if import count_kernels


def test_most_published_times_lie_in_a_range_that_is_not_too_wide() -> None:
    """What an estimate is good for: at least 80% inside, a factor of four in the median.

    But for launches under WSL2: the range is that of native Linux.
    """
    rows = compare()
    others = [row for row in rows if not row.table.endswith("kernels, launched")]
    assert len(others) == len(rows) - 6
    assert sum(row.inside for row in others) >= 0.8 * len(others)
    assert median_width(rows) <= 4


def test_the_or_gate_has_as_many_kernels_as_are_counted() -> None:
    """They stand in the file so that the page needs no PyTorch.

    Products are counted with their shapes: of a hidden layer of two, each has a dimension of two
    or less.
    """
    if reason := registry.reason_unavailable("torch-cpu"):
        pytest.skip(f"torch-cpu: {reason}")
    kernels, operations = count_kernels(
        [catalogue.find("or-gate"), catalogue.find("mlp-width:2")], "float32"
    )
    (table,) = [table for table in published()["tables"] if table["name"].startswith("OR gate")]
    assert table["host"]["operations"] == operations
    (row,) = table["rows"]
    assert len(kernels_of(row)) == len(kernels[EAGER, "or-gate"])
    thinnest = {kernel.thinnest for kernel in kernels[EAGER, "mlp-width:2"]} - {None}
    assert set() < thinnest <= {1, 2}


PAGE = Path(__file__).parents[2] / "docs" / "what-if.md"


def test_the_page_in_docs_is_what_the_command_writes(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nothing in it is measured: a figure that is changed changes the page, by `make what-if`.

    A terminal shows the tables, each with its note below.
    """
    page = tmp_path / "page.md"
    assert main(["what-if", "--save", str(page)]) == 0
    assert PAGE.read_text(encoding="utf-8") == page.read_text(encoding="utf-8")
    shown = capsys.readouterr().out
    assert "1.34 [0.777, 2.31] ms" in shown
    assert "unnamed; the walk-through that this suite repeats. Inside: 1 of 1." in shown
