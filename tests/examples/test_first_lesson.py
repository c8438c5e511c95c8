"""docs/examples/first-lesson.ipynb, run from its first cell to its last, and its answers."""

from __future__ import annotations

import re
from pathlib import Path

import nbformat
import pytest
from nbformat import NotebookNode

from perceptron.backends import registry
from tests.conftest import ROOT
from tests.notebooks import execute, text_of

LESSON = ROOT / "docs" / "examples" / "first-lesson.ipynb"
MOST_SECONDS = 180
# The least that has every part of each answer, with time that no busy machine uses up: one repeat,
# which decides nothing, and of functions two sizes in place of a search.
FEW_REPEATS = """
from perceptron.questions.bench import study
from perceptron.questions.crossover import functions
from perceptron.questions.overhead import study as overhead

functions._REPEATS = overhead._FIRST = 1
study.repeats = lambda quick: (1, 1, 1)
"""
COMMAND = f"{FEW_REPEATS}\nfrom perceptron.cli import main\n\nmain()\n"
# PyTorch starts in 3 s of CPU, and each backend of a ladder starts several times: one ladder has
# two backends of it, whose difference the lesson reads. A wide layer is timed no better here.
UNHURRIED = (
    ("-m perceptron ", "least.py "),
    (r"--budget [\d.]+", "--budget 30"),
    (r"\bseconds=\d+", "seconds=1800"),
    ("numpy-published,numpy,torch-cpu ", "numpy-published,numpy "),
    (r"torch-cpu,torch-cpu-functional,\S+", "torch-cpu,torch-cpu-manual,numpy,python"),
    ("torch-cpu,torch-cpu-manual,numpy ", "numpy,numpy-inplace "),
    ("mlp-width:512 --quick", "mlp-width:8 --quick"),
    (r"\bsizes=\((\d+), 100_000\)", r"sizes=[\1, 4_096]"),
)


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


def test_first_lesson_budgets_sum_to_three_minutes(lesson: NotebookNode) -> None:
    """As its first cell says; what else they do takes seconds."""
    code = "\n".join(cell.source for cell in lesson.cells if cell.cell_type == "code")
    minutes = map(float, re.findall(r"--budget ([\d.]+)", code))
    seconds = map(float, re.findall(r"\bseconds=(\d+)", code))
    assert 60 < sum(60 * minute for minute in minutes) + sum(seconds) < MOST_SECONDS
    assert "takes three minutes" in lesson.cells[0].source


def test_first_lesson_backends_exist(lesson: NotebookNode) -> None:
    """All that a reader types: below, most of them are left out."""
    typed = re.findall(r"--backends (\S+)", "\n".join(cell.source for cell in lesson.cells))
    assert len(typed) == 3
    assert all(registry.is_name(name) for names in typed for name in names.split(","))


@pytest.mark.slow
def test_first_lesson_runs_and_its_answers_run(lesson: NotebookNode, tmp_path: Path) -> None:
    """Beside other work nothing may be decided: what is shown says which it is."""
    hidden = "".join(cell.source for cell in lesson.cells if "<details>" in cell.source)
    answers = re.findall(r"^```i?python\n(.*?)^```", hidden, re.M | re.S)
    assert len(answers) == 3
    lesson.cells = [
        nbformat.v4.new_code_cell(FEW_REPEATS),
        *lesson.cells,
        *map(nbformat.v4.new_code_cell, answers),
    ]
    for cell in lesson.cells:
        if cell.cell_type == "code":
            for typed, unhurried in UNHURRIED:
                cell.source = re.sub(typed, unhurried, cell.source)
    (tmp_path / "least.py").write_text(COMMAND)
    execute(lesson, tmp_path)
    shown = {cell.id: text_of(cell) for cell in lesson.cells if cell.cell_type == "code"}
    outputs = re.findall(r"([\d.]+) *\]", shown["train"])
    assert [round(float(output)) for output in outputs] == [0, 1, 1, 1]
    assert re.search(r"^or-gate +(?:yes|partly|no) +\S+", shown["bench"], re.M)
    assert re.search(r"^functions +(?:yes|partly|no) .*", shown["convolve"], re.M)
    variants = re.findall(r"^(\S+) +float\d\d +[\d,.]+", shown["overhead"], re.M)
    assert variants == ["torch-cpu", "torch-cpu-manual", "numpy", "python"]
    assert re.search(r"^torch-cpu-manual .*autograd:", shown["overhead"], re.M)
    rows, sums, ladder = map(text_of, lesson.cells[-3:])
    assert re.search(r"between [\d,]+ and [\d,]+ rows", rows)
    assert len(re.findall(r"^functions +(?:yes|partly|no) .*", sums, re.M)) == 2
    assert re.search(r"^numpy +float32 ", ladder, re.M)
