from __future__ import annotations

import pytest

from perceptron.problems.families import FAMILIES
from perceptron.report.size_axis import at_size, size_axis, size_noun


@pytest.mark.parametrize(
    ("family", "word"),
    [
        ("mlp:*x20x64", "rows"),
        ("mlp:1000x*x64", "features"),
        ("mlp:1000x20x*", "hidden width"),
        ("mlp:60000x784x128:10c:*b:adam", "batch"),
        ("mlp:60000x784x128:10c:128b:*m", "models"),
        ("many", "size"),
        ("mine", "size"),
        ("sort-rows", "rows"),
        ("rows", "rows"),
        ("batch-norm", "size"),
        ("image-batch", "size"),
    ],
)
def test_a_family_is_read_where_rows_say_nothing(family: str, word: str) -> None:
    assert size_axis(family) == word


@pytest.mark.parametrize("name", [name for name, own in FAMILIES.items() if len(own.axes) == 1])
def test_every_family_of_ours_is_read_by_its_name(name: str) -> None:
    """asv's rows and old ones say no more."""
    assert (size_axis(name),) == FAMILIES[name].axes


def test_what_rows_say_counts() -> None:
    assert size_axis("mlp-width", "batch") == "batch"


def test_a_batch_is_spoken_of_as_one() -> None:
    assert at_size("256 [250, 262]", "batch") == "a batch of 256 [250, 262]"
    assert at_size("256", "width") == "256"
    assert size_noun("batch") == "batch"
    assert size_noun("width") == "size"


def test_models_are_spoken_of_as_such() -> None:
    assert at_size("3 [2, 4]", "models") == "3 [2, 4] models"
    assert at_size("1", "models") == "1 model"
    assert size_noun("models") == "number of models"
