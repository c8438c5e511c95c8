from __future__ import annotations

import pytest

from perceptron.errors import UserError
from perceptron.problems import catalogue


@pytest.mark.parametrize(
    ("reference", "message"),
    [
        ("mlp:", "needs rows, features and the width of each hidden layer, such as mlp:1000x20x64"),
        ("mlp:1000", "needs rows, features"),
        ("mlp:1000x20x64x6.4", "width of hidden layer 2: '6.4' is no whole number"),
        ("mlp:1000000000x20", "rows: '1000000000' is no whole number"),
        ("mlp:1000x٢٠", "features: '٢٠' is no whole number"),
        ("mlp:1000x20" + "x2" * 65, "65 hidden layers are too many: give at most 64"),
        ("mlp:*x20x64", "needs a size, its rows, such as mlp:[*]x20x64:1000"),
        ("mlp:*x20x64:1:2", "'1': a size stands last, such as mlp:[*]x20x64:1000"),
        ("mlp:*x20x64:adam", "needs a size, its rows"),
        ("mlp:1000x20x64:*b", "needs a size, its batch, such as mlp:1000x20x64:[*]b:128"),
        ("mlp:1000x20x64:0b", "batch: '0' is no whole number .* such as mlp:1000x20x64:128b"),
        ("mlp:*x20x64:128b:64", "batch: 128 is not between 1 and the 64 rows"),
        ("mlp:1000x20x64:1c", "classes: 1 is not between 2 and the 1000 rows"),
        ("mlp:1000x20x64:-3c", "classes: '-3' is no whole number .* such as mlp:1000x20x64:10c"),
        ("mlp:1000x20x64:*c:3", "classes are not varied: star rows"),
        ("mlp:1000x20x*:*b:3", "stars at hidden width and batch: star one of them"),
        ("mlp:1000x20x64:10x", "'10x' is no part of a shape: the parts are those of mlp:60000"),
        ("mlp:1000x20x64:32b:10c", "'10c' must stand before the batch: mlp:60000"),
        ("mlp:1000x20x64:3c:4c", "classes given twice, last as '4c'"),
        ("mlp:1000x20x64:adma", "'adma' is no part of a shape: did you mean 'adam'"),
        ("mlp:1000x20x64:sgd", "'sgd' goes without saying: leave out ':sgd'"),
        ("mlp:1000x20x64:1m", "'1m' goes without saying: leave out ':1m'"),
    ],
)
def test_a_wrong_reference_says_what_is_wrong(reference: str, message: str) -> None:
    """One line that names the part and gives an example."""
    with pytest.raises(UserError, match=message):
        catalogue.find(reference)
