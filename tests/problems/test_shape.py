"""A shape typed as a reference: what it means, and what is wrong with it."""

from __future__ import annotations

from dataclasses import replace
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perceptron.errors import UserError
from perceptron.problems import catalogue
from perceptron.problems.datasets import Clusters
from perceptron.problems.optimizer import AdamW, OptimizerName
from perceptron.problems.problem import Feed, Layer
from perceptron.problems.shape import Shape, is_shape, parse

numbers = st.integers(1, 999_999_999)


@st.composite
def _shapes(draw: st.DrawFn) -> Shape:
    """Any shape: classes and a batch need as many rows, the host a batch."""
    rows = draw(numbers)
    batch = draw(st.none() | st.integers(1, rows))
    return Shape(
        rows,
        draw(numbers),
        tuple(draw(st.lists(numbers, max_size=64))),
        classes=draw(st.none() | st.integers(2, rows)) if rows > 1 else None,
        batch=batch,
        optimizer=draw(st.sampled_from(get_args(OptimizerName))),
        feed=draw(st.sampled_from(get_args(Feed))) if batch else "resident",
        models=draw(st.just(1) | numbers),
    )


shapes = _shapes()


@given(shapes)
def test_shape_reference_round_trips(shape: Shape) -> None:
    """The reference of a shape holds all of it."""
    assert is_shape(shape.reference)
    assert parse(shape.reference) == shape


@given(shapes, numbers, st.data())
def test_shape_family_member_has_its_size(shape: Shape, size: int, data: st.DataObject) -> None:
    """The size stands for every star of the family."""
    axis = data.draw(st.sampled_from(shape.axes()))
    if axis == "rows":  # they must fill the classes and the batch
        size = max(size, shape.classes or 1, shape.batch or 1)
    elif axis == "batch":
        size = min(size, shape.rows)
    family = shape.family(axis)
    member = parse(f"{family}:{size}")
    # One model goes without saying.
    assert member == parse(family.replace("*", str(size)).removesuffix(":1m"))
    assert member.family(axis) == family


@given(st.one_of(st.text(), st.text("x*0123456789:cbmadwhost \n").map(lambda text: f"mlp:{text}")))
def test_garbage_is_the_users_error(text: str) -> None:
    """Whatever is typed makes a problem of this name, or is refused in one line."""
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


def test_shape_reference_of_classes() -> None:
    """Each part of the reference is in the problem that a worker finds by it."""
    problem = catalogue.find("mlp:1000x20x64x32:10c:*b:adamw:host:128")
    assert problem.dataset == Clusters("clusters", 1000, 20, classes=10)
    assert problem.layers == (Layer(64, "relu"), Layer(32, "relu"), Layer(10, "identity"))
    assert (problem.loss, problem.optimizer) == ("cross-entropy", AdamW(rate=0.001))
    assert (problem.batch, problem.feed, problem.size) == (128, "host", 128)
    assert catalogue.find(problem.name) == problem


def test_shape_reference_of_many_models() -> None:
    """So many trainings of the very shape, one of which is the shape without them."""
    many, one = catalogue.find("mlp:1000x20x64:32b:adam:400m"), "mlp:1000x20x64:32b:adam"
    assert many.models == 400
    assert many.single(0).digest == catalogue.find(one).digest
    assert catalogue.find("mlp:1000x20x64:32b:adam:*m:1").digest == catalogue.find(one).digest


def test_axes_are_those_the_shape_has() -> None:
    """A perceptron has no hidden width to vary."""
    assert Shape(1000, 20).axes() == ("rows", "features", "models")
    assert Shape(1000, 20, (64,), batch=32).axes() == (
        *("rows", "features", "hidden", "batch", "models"),
    )


@pytest.mark.parametrize(
    ("reference", "twin"),
    [
        ("mlp:1024x2", "perceptron-rows:1024"),
        ("mlp:256x2048", "perceptron-features:2048"),
        ("mlp:256x64x2", "mlp-width:2"),
        ("mlp:256x64x8192", "mlp-width:8192"),
        ("mlp:16384x64x128:10c:256b:adam", "mlp-batch:256"),
        ("mlp:16384x64x128:10c:*b:adam:host:256", "mlp-batch-host:256"),
        ("mlp:16384x64x512:10c:128b:adam", "mlp-width-adam:512"),
    ],
)
def test_shapes_of_the_families_are_their_problems(reference: str, twin: str) -> None:
    """The same shape is the same training, whichever name it goes by."""
    problem, other = catalogue.find(reference), catalogue.find(twin)
    assert replace(problem, name="", family="", reference="", size=0, axes=()) == (
        replace(other, name="", family="", reference="", size=0, axes=())
    )


@pytest.mark.parametrize(
    ("reference", "message"),
    [
        ("mlp:1000", "write shapes as mlp:60000x784x128:10c:128b:adam:host:400m"),
        ("mlp:1000x20x64x6.4", "write shapes as"),
        ("mlp:1000x٢٠", "write shapes as"),
        ("mlp:1000x20x64:32b:10c", "write shapes as"),
        ("mlp:1000x20x64:*c:3", "write shapes as"),
        ("mlp:1000x20" + "x2" * 65, "65 hidden layers are too many: give at most 64"),
        ("mlp:*x20x64", "give one star and its size at the end, such as mlp:[*]x20x64:1000"),
        ("mlp:1000x20x64:64", "give one star and its size"),
        ("mlp:1000x20x*:*b:3", "give one star and its size"),
        ("mlp:1000x20x*x8:3", "star every hidden layer or none"),
        ("mlp:1000x20x64:1m", "leave out ':1m'"),
        ("mlp:*x20x64:128b:64", "batch: 128 is not between 1 and the 64 rows"),
        ("mlp:1000x20x64:1c", "classes: 1 is not between 2 and the 1000 rows"),
        ("mlp:1000x20x64:host", "host is for batches: give a batch, such as mlp:.*:128b:host"),
    ],
)
def test_shape_invalid_reference_is_explained(reference: str, message: str) -> None:
    """In one line."""
    with pytest.raises(UserError, match=message):
        catalogue.find(reference)
