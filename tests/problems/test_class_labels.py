"""A column of classes in a user's CSV file."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perceptron.errors import UserError
from perceptron.problems import catalogue
from perceptron.problems.csv_data import classes_in
from perceptron.problems.problem import Problem
from tests.problems.conftest import FROM_CSV, refused, write

FLOWERS = "x,y\n1,rose\n2,iris\n3,rose\n4,iris\n5,aster\n6,aster\n"
THREE = FROM_CSV.replace('"mse"', '"cross-entropy"').replace("sigmoid", "identity")
THREE = THREE.replace("width = 1", "width = 3")
BINARY = FROM_CSV.replace('"mse"', '"bce"')


def _found(folder: Path, table: str, model: str = THREE) -> Problem:
    write(folder, table, "data.csv")
    return catalogue.find(str(write(folder, model)))


def test_text_is_sorted_and_numbered(tmp_path: Path) -> None:
    """So that a class has one number, whatever the order of the rows."""
    problem = _found(tmp_path, FLOWERS)
    assert problem.dataset.class_names == ("aster", "iris", "rose")
    assert problem.dataset.load().targets[:, 0].tolist() == [2, 1, 2, 1, 0, 0]
    assert problem.training_part().targets[0].tolist() == [0, 0, 1]


def test_class_labels_binary_may_be_text(tmp_path: Path) -> None:
    """One output predicts the second."""
    table = "x,y\n1,no\n2,yes\n3,yes\n4,no\n"
    problem = _found(tmp_path, table, BINARY)
    assert problem.dataset.class_names == ("no", "yes")
    assert problem.training_part().targets.tolist() == [[0], [1], [1], [0]]
    two = _found(tmp_path, table, BINARY.replace("width = 1", "width = 2"))
    assert two.training_part().targets.tolist() == [[1, 0], [0, 1], [0, 1], [1, 0]]


@given(st.lists(st.integers(-4, 20), min_size=1).flatmap(st.permutations))
def test_numbered_classes_are_read_or_refused(numbers: list[int]) -> None:
    """In their order as numbers, where each occurs twice; refused in one line else."""
    labels = [(line, str(number)) for line, number in enumerate(numbers, 2)]
    counts = Counter(numbers)
    if len(counts) < 2 or min(counts.values()) < 2:
        with pytest.raises(UserError, match=r"data.csv, line \d+, column 'y': "):
            classes_in(Path("data.csv"), "y", labels)
        return
    targets, names = classes_in(Path("data.csv"), "y", labels)
    assert names == tuple(map(str, sorted(counts)))
    assert [names[int(target)] for target in targets[:, 0]] == [label for _, label in labels]


def test_class_labels_equal_numbers_are_one_class() -> None:
    """Whole numbers exactly: names of classes may be long."""
    labels = list(enumerate(["1.0", "0", "1", "0", f"{2**53}", f"{2**53 + 1}"] * 2, 2))
    targets, names = classes_in(Path("data.csv"), "y", labels)
    assert names == ("0", "1", f"{2**53}", f"{2**53 + 1}")
    assert targets[:6, 0].tolist() == [1, 0, 1, 0, 2, 3]


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ("1,a\n2,b\n3,a\n", ", line 3, column 'y': class 'b' occurs once: give each class two"),
        ("1,a\n2,a\n", ", line 2, column 'y': 'a' is the only class: give at least two"),
        ("1,a\n2,\n3,a\n", ", line 3, column 'y': empty: give each row a class"),
        ("1,0\n2,0.5\n3,0\n", ", line 3, column 'y': class '0.5' occurs once"),
        ("1,0\n2,O\n3,0\n", ", line 3, column 'y': class 'O' occurs once"),
        ("1,0\n2,0\n3,nan\n4,nan\n", ", line 4, column 'y': 'nan' is not a finite number"),
        ('1,a\n2,"b\n3,a\n4,b\n', ": not a CSV file: unexpected end of data"),
    ],
)
def test_class_labels_error_names_line_and_column(tmp_path: Path, table: str, message: str) -> None:
    """The file, the line as an editor counts it, the column, and what to do."""
    file = write(tmp_path, f"x,y\n{table}", "data.csv")
    assert refused(write(tmp_path, THREE)).startswith(f"{file}{message}")


def test_class_labels_with_line_break_print_in_one_line(tmp_path: Path) -> None:
    """A quoted cell may hold one; a long name is cut."""
    write(tmp_path, 'x,y\n1,"a\nb"\n2,"a\nb"\n3,b\n4,b\n', "data.csv")
    assert "the 2 classes 'a\\nb', 'b' of 'y'" in refused(write(tmp_path, THREE))
    write(tmp_path, f"x,y\n1,{'long' * 999}\n2,b\n3,b\n", "data.csv")
    assert len(refused(tmp_path / "model.toml")) < 300


def test_several_columns_of_numbers_are_several_outputs(tmp_path: Path) -> None:
    """In the order in which the model names them."""
    table = "a,b,c\n1,2,3\n4,5,6\n"
    model = FROM_CSV.replace('"y"', '["c", "a"]').replace("width = 1", "width = 2")
    problem = _found(tmp_path, table, model)
    assert problem.dataset.feature_names == ("b",)
    assert problem.training_part().targets.tolist() == [[3, 1], [6, 4]]
    for old, new, message in (
        ("width = 2", "width = 3", "layers[1].width: the last layer has width 2, got 3"),
        ('"c", "a"', "", "data.target: Expected `array` of length >= 1"),
        ('"c", "a"', '"c", "c"', "data.target: a column is there twice"),
        ('"mse"', '"cross-entropy"', "data.target: 'cross-entropy' takes one column"),
        ('"mse"', '"bce"', "loss: 'bce' needs targets of 0 and 1 in 'c, a'"),
        ('["c", "a"]', "3", "data.target: Expected `str | array`, got `int`"),
    ):
        text = model.replace(old, new)
        if "cross-entropy" in new:
            text = text.replace("sigmoid", "identity")
        file = write(tmp_path, text)
        assert refused(file).startswith(f"{file}: {message}")
    file = write(tmp_path, model.replace('"c", "a"', '"c", "a", "b"'))
    assert "needs a column beside the target 'c', 'a', 'b'" in refused(file)
    write(tmp_path, model.replace('"c", "a"', '"c", "z"'))
    assert refused(tmp_path / "model.toml").endswith(
        "line 1: unknown column 'z': choose from a, b, c"
    )
