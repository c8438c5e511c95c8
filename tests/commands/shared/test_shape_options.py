from __future__ import annotations

from typing import Any

import pytest

from perceptron.commands.shared.shape_options import shape_reference
from perceptron.errors import UserError
from perceptron.problems.shape import Shape, parse


@pytest.mark.parametrize(("rows", "features"), [(None, 3), (3, None)])
def test_half_a_shape_is_refused(rows: int | None, features: int | None) -> None:
    with pytest.raises(UserError, match="give --rows and --features"):
        shape_reference(rows, features)


def test_every_option_is_part_of_the_reference() -> None:
    reference = shape_reference(1000, 20, "64,64", 10, 128, "adam", "host", 400)
    assert parse(reference) == Shape(
        1000,
        20,
        (64, 64),
        classes=10,
        batch=128,
        optimizer="adam",
        feed="host",
        models=400,
    )


def test_what_is_left_out_is_what_a_shape_has_without_it() -> None:
    assert parse(shape_reference(1000, 20)) == Shape(1000, 20)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"hidden": "64,x"}, "--hidden takes whole numbers"),
        ({"classes": 1001}, "--classes: 1001 is not between 2 and the 1000 of --rows"),
        ({"batch": 1001}, "--batch: 1001 is not between 1 and the 1000 of --rows"),
        ({"optimizer": "adma"}, "unknown --optimizer 'adma'"),
        ({"feed": "host"}, "--feed: host is for batches: give --batch"),
    ],
)
def test_a_mistake_names_its_option(options: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=message):
        shape_reference(1000, 20, **options)
