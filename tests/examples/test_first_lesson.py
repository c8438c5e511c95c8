"""docs/examples/first-lesson.ipynb, run from its first cell to its last, and its answers."""

from __future__ import annotations

import re
import time
from pathlib import Path

import nbformat
import pytest
from nbformat import NotebookNode

from tests.conftest import ROOT
from tests.notebooks import execute, text_of

LESSON = ROOT / "docs" / "examples" / "first-lesson.ipynb"
MOST_SECONDS = 180
# The answers build on what these define.
DEFINED = ("install", "train", "rows")


@pytest.fixture
def lesson() -> NotebookNode:
    return nbformat.read(LESSON, as_version=4)


def test_git_has_no_outputs_of_the_lesson(lesson: NotebookNode) -> None:
    """Neither numbers of some machine, nor how often somebody ran a cell."""
    nbformat.validate(lesson)
    for cell in lesson.cells:
        assert cell.metadata == {}, cell.id
        if cell.cell_type == "code":
            assert cell.outputs == [], cell.id
            assert cell.execution_count is None, cell.id


@pytest.mark.slow
def test_the_lesson_takes_three_minutes_and_gives_a_crossover_and_a_ladder(
    lesson: NotebookNode, tmp_path: Path
) -> None:
    began = time.monotonic()
    execute(lesson, tmp_path)
    assert time.monotonic() - began < MOST_SECONDS
    shown = {cell.id: text_of(cell) for cell in lesson.cells if cell.cell_type == "code"}
    outputs = re.findall(r"([\d.]+) *\]", shown["train"])
    assert [round(float(output)) for output in outputs] == [0, 1, 1, 1]
    assert re.search(r"or-gate +yes +torch-cpu takes \S+× as long", shown["bench"])
    assert re.search(r"fft overtakes direct at size [\d,]+ \[", shown["convolve"])
    rungs = re.findall(r"^(\S+) +float\d\d +[\d,.]+ \[", shown["overhead"], re.M)
    assert rungs[:3] == ["torch-cpu", "torch-cpu-functional", "torch-cpu-manual"]
    assert {"numpy", "python"} < set(rungs)
    assert re.search(r"^torch-cpu-manual +autograd: ", shown["overhead"], re.M)


@pytest.mark.slow
def test_the_answers_of_the_exercises_run(lesson: NotebookNode, tmp_path: Path) -> None:
    hidden = "".join(cell.source for cell in lesson.cells if "<details>" in cell.source)
    answers = re.findall(r"^```i?python\n(.*?)^```", hidden, re.M | re.S)
    assert len(answers) == 3
    cells = [cell for cell in lesson.cells if cell.id in DEFINED]
    lesson.cells = [*cells, *map(nbformat.v4.new_code_cell, answers)]
    execute(lesson, tmp_path)
    rows, sums, ladder = map(text_of, lesson.cells[-3:])
    assert re.search(r"between [\d,]+ and [\d,]+ rows", rows)
    assert len(re.findall(r"^functions +(?:yes|partly|no) .*", sums, re.M)) == 2
    assert re.search(r"^numpy +float32 ", ladder, re.M)
