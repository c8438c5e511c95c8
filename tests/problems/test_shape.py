from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perceptron.backends import registry
from perceptron.backends.contract import agreement
from perceptron.errors import UserError
from perceptron.problems import catalogue
from perceptron.problems.datasets import Separable
from perceptron.problems.shape import Shape, axis_of, is_shape, parse

numbers = st.integers(1, 999_999_999)
shapes = st.builds(
    Shape, numbers, numbers, st.lists(numbers, max_size=64).map(lambda widths: tuple(widths))
)


@given(shapes)
def test_a_shape_reads_back(shape: Shape) -> None:
    """The reference of a shape holds all of it."""
    assert is_shape(shape.reference)
    assert parse(shape.reference) == shape


@given(shapes, numbers, st.data())
def test_a_member_of_a_family_is_the_shape_of_that_size(
    shape: Shape, size: int, data: st.DataObject
) -> None:
    """Family and size make the reference of the shape that has this size along the axis."""
    axis = data.draw(st.sampled_from(shape.axes()))
    assert parse(f"{shape.family(axis)}:{size}") == shape.with_size(axis, size)
    assert shape.with_size(axis, size).family(axis) == shape.family(axis)


@given(st.one_of(st.text(), st.text("mlp:x*0123456789 \n").map(lambda text: f"mlp:{text}")))
def test_garbage_is_the_users_error(text: str) -> None:
    """Whatever is typed makes a problem of this name, or is refused in one line."""
    axis_of(text)
    error = _refusal(text)
    if error is not None:
        assert len(error.splitlines()) == 1
        return
    problem = catalogue.find(text)
    assert problem.name == text
    assert problem.hidden == parse(text).hidden


def _refusal(text: str) -> str | None:
    try:
        parse(text)
    except UserError as error:
        return str(error)
    return None


@pytest.mark.parametrize(
    ("reference", "family", "size", "widths"),
    [
        ("mlp:1000x20", "mlp:1000x20", 1000, (20, 1)),
        ("mlp:1000x20x64", "mlp:1000x20x64", 1000, (20, 64, 1)),
        ("mlp:1000x20x64x32", "mlp:1000x20x64x32", 1000, (20, 64, 32, 1)),
        ("mlp:*x20x64:1000", "mlp:*x20x64", 1000, (20, 64, 1)),
        ("mlp:1000x*x64:20", "mlp:1000x*x64", 20, (20, 64, 1)),
        ("mlp:1000x20x*:64", "mlp:1000x20x*", 64, (20, 64, 1)),
        ("mlp:1000x20x*x*:64", "mlp:1000x20x*x*", 64, (20, 64, 64, 1)),
    ],
)
def test_a_reference_finds_its_problem(
    reference: str, family: str, size: int, widths: tuple[int, ...]
) -> None:
    """A worker finds the problem by its name; the size is the number at the star, else the rows."""
    problem = catalogue.find(reference)
    assert problem.name == reference
    assert (problem.family, problem.size, problem.widths) == (family, size, widths)
    assert problem.dataset == Separable("separable points", 1000, 20)
    assert catalogue.find(problem.name) == problem


@pytest.mark.parametrize(
    ("family", "words"),
    [
        ("mlp:*x20x64", "rows"),
        ("mlp:1000x*x64", "features"),
        ("mlp:1000x20x*", "hidden width"),
        ("mlp:1000x20x*x*", "hidden width"),
        ("mlp:1000x20x64", None),
        ("mlp:*x20x*", None),
        ("mlp:*x20x64:1000", None),
        ("mlp-width", None),
        ("", None),
    ],
)
def test_a_family_says_what_it_varies(family: str, words: str | None) -> None:
    """A chart's axis is named by the star, and only by the star."""
    assert axis_of(family) == words


def test_axes_are_those_the_shape_has() -> None:
    """A perceptron has no hidden width to vary, and says so."""
    perceptron = Shape(1000, 20)
    assert perceptron.axes() == ("rows", "features")
    assert Shape(1000, 20, (64,)).axes() == ("rows", "features", "hidden")
    with pytest.raises(UserError, match="mlp:1000x20 has no hidden layer"):
        perceptron.family("hidden")
    with pytest.raises(UserError, match="mlp:1000x20 has no hidden layer"):
        perceptron.with_size("hidden", 64)


@pytest.mark.parametrize(
    ("reference", "message"),
    [
        ("mlp:", "needs rows, features and the width of each hidden layer, such as mlp:1000x20x64"),
        ("mlp:1000", "needs rows, features"),
        ("mlp:0x20", "rows: '0' is no whole number from 1 to 999,999,999"),
        ("mlp:1000x-2", "features: '-2' is no whole number"),
        ("mlp:1000x20x", "width of hidden layer 1: '' is no whole number"),
        ("mlp:1000x20x64x6.4", "width of hidden layer 2: '6.4' is no whole number"),
        ("mlp:01000x20", "rows: '01000' is no whole number"),
        ("mlp:1000000000x20", "rows: '1000000000' is no whole number"),
        ("mlp:1000x٢٠", "features: '٢٠' is no whole number"),
        ("mlp:1000X20", "needs rows, features"),
        ("mlp:1000x20" + "x2" * 65, "65 hidden layers are too many: give at most 64"),
        ("mlp:*x20x64", "needs a size, its rows, such as mlp:[*]x20x64:1000"),
        ("mlp:1000x20x*:", "needs a size, its hidden width, such as mlp:1000x20x[*]:64"),
        ("mlp:*x20x64:big", "rows: 'big' is no whole number"),
        ("mlp:*x20x64:1:2", "rows: '1:2' is no whole number"),
        ("mlp:1000x20x64:7", "a size needs a star in its place, such as mlp:[*]x20x64:1000"),
        ("mlp:*x*x64:7", "stars at rows and features: star one of them"),
        ("mlp:1000x20x*x64:7", "star every hidden layer or none"),
        ("mlp", "mlp:ROWSxFEATURESxHIDDEN"),
    ],
)
def test_a_wrong_reference_says_what_is_wrong(reference: str, message: str) -> None:
    """One line that names the part and gives an example."""
    with pytest.raises(UserError, match=message):
        catalogue.find(reference)


def test_a_file_cannot_pass_for_a_shape(tmp_path: Path) -> None:
    """Its rows would be taken for those of the shape."""
    file = tmp_path / "mlp:1000x20.toml"
    file.write_text(
        'loss = "mse"\nrate = 0.5\ndata = {rows = 8, features = 3}\n'
        'layers = [{width = 1, activation = "sigmoid"}]\n'
    )
    with pytest.raises(UserError, match="a problem of ours is called 'mlp:1000x20': rename"):
        catalogue.find(str(file))


@pytest.mark.parametrize(
    ("rows", "features", "hidden", "message"),
    [
        (0, 20, (), "rows: '0'"),
        (10, 10**9, (), "features: '1000000000'"),
        (10, 20, (64, -1), "width of hidden layer 2: '-1'"),
        (10, 20, (2,) * 65, "65 hidden layers"),
    ],
)
def test_a_wrong_number_makes_no_shape(
    rows: int, features: int, hidden: tuple[int, ...], message: str
) -> None:
    """What cannot be typed cannot be built either."""
    with pytest.raises(UserError, match=message):
        Shape(rows, features, hidden)


@pytest.mark.parametrize(
    ("reference", "twin"),
    [
        ("mlp:1024x2", "perceptron-rows:1024"),
        ("mlp:256x2048", "perceptron-features:2048"),
        ("mlp:256x64x2", "mlp-width:2"),
        ("mlp:256x64x8192", "mlp-width:8192"),
    ],
)
def test_shapes_of_the_families_are_their_problems(reference: str, twin: str) -> None:
    """The same shape is the same training, whichever name it goes by."""
    problem, other = catalogue.find(reference), catalogue.find(twin)
    assert problem.layers == other.layers
    assert (problem.dataset, problem.loss, problem.rate, problem.start) == (
        other.dataset,
        other.loss,
        other.rate,
        other.start,
    )


# Corners of the range: few rows and many features, the reverse, narrow, wide, deep, a bottleneck.
CORNERS = (
    (2, 1, ()),
    (2, 2000, ()),
    (10_000, 20, ()),
    (2, 2000, (2,)),
    (4, 20, (4096,)),
    (10_000, 1, (2,)),
    (1000, 20, (64,)),
    (2, 2000, (256, 256)),
    (1000, 1, (64, 64, 64)),
    (100, 20, (512, 4, 512)),
    (2, 1, (16,) * 8),
    (1000, 2, (2,) * 8),
    (100, 20, (512,) * 3),
    (2, 3, (8,) * 5),
    (100, 64, (64,) * 16),
)


@pytest.mark.parametrize("corner", CORNERS, ids=lambda corner: Shape(*corner).reference)
def test_agreement_can_be_shown(corner: tuple[int, int, tuple[int, ...]]) -> None:
    """The rate moves everything by more than rounding, and float32 stays beside float64."""
    problem = catalogue.find(Shape(*corner).reference)
    expected = agreement.reference(problem)
    trainer = registry.load("numpy").prepare(problem, "float32")
    difference = agreement.compare(problem, trainer, "float32", expected)
    # Half of what is allowed: another library rounds elsewhere.
    assert difference.difference <= difference.allowed / 2, str(difference)
    loss = expected.quantities[0]
    assert loss.end < loss.start
