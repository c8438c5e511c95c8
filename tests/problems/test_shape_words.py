from __future__ import annotations

import pytest

from perceptron.errors import UserError
from perceptron.problems import catalogue


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
        ("mlp:*x20x64:1:2", "'1': a size stands last, such as mlp:[*]x20x64:1000"),
        ("mlp:*x20x64:adam", "needs a size, its rows"),
        ("mlp:1000x20x64:*b", "needs a size, its batch, such as mlp:1000x20x64:[*]b:128"),
        ("mlp:1000x20x64:*b:0", "batch: '0' is no whole number"),
        ("mlp:1000x20x64:*b:1001", "batch: 1001 is not between 1 and the 1000 rows"),
        ("mlp:1000x20x64:0b", "batch: '0' is no whole number .* such as mlp:1000x20x64:128b"),
        ("mlp:1000x20x64:1001b", "batch: 1001 is not between 1 and the 1000 rows"),
        ("mlp:*x20x64:128b:64", "batch: 128 is not between 1 and the 64 rows"),
        ("mlp:1000x20x64:b", "batch: '' is no whole number"),
        ("mlp:1000x20x64:1c", "classes: 1 is not between 2 and the 1000 rows"),
        ("mlp:10x20x64:11c", "classes: 11 is not between 2 and the 10 rows"),
        ("mlp:1000x20x64:-3c", "classes: '-3' is no whole number .* such as mlp:1000x20x64:10c"),
        ("mlp:1000x20x64:*c:3", "classes are not varied: star rows"),
        ("mlp:1000x20x*:*b:3", "stars at hidden width and batch: star one of them"),
        ("mlp:1000x20x64:10x", "'10x' is no part of a shape: the parts are those of mlp:60000"),
        ("mlp:1000x20x64:10", "a size needs a star in its place"),
        ("mlp:1000x20x64:10C", "'10C' is no part of a shape"),
        ("mlp:1000x20x64:", "a size needs a star in its place"),
        ("mlp:1000x20x64:32b:10c", "'10c' must stand before the batch: mlp:60000"),
        ("mlp:1000x20x64:adam:32b", "'32b' must stand before the optimizer: "),
        ("mlp:1000x20x64:32b:host:adam", "'adam' must stand before the feed: "),
        ("mlp:1000x20x64:3c:4c", "classes given twice, last as '4c'"),
        ("mlp:1000x20x64:adam:adamw", "optimizer given twice, last as 'adamw'"),
        ("mlp:1000x20x64:adma", "'adma' is no part of a shape: did you mean 'adam'"),
        ("mlp:*x20x64:hots:9", "'hots' is no part of a shape: did you mean 'host'"),
        ("mlp:*x20x64:hots", "'hots' is no part of a shape: did you mean 'host'"),
        ("mlp:1000x20x64:sgd", "'sgd' goes without saying: leave out ':sgd'"),
        ("mlp:1000x20x64:32b:resident", "'resident' goes without saying"),
        ("mlp:1000x20x64:1m", "'1m' goes without saying: leave out ':1m'"),
        ("mlp:1000x20x64:0m", "models: '0' is no whole number .* such as mlp:1000x20x64:400m"),
        ("mlp:1000x20x64:3m:adam", "'adam' must stand before the models: mlp:60000"),
        ("mlp:1000x20x64:*m", "needs a size, its models, such as mlp:1000x20x64:[*]m:400"),
        ("mlp:1000x20x64:*b:*m:3", "stars at batch and models: star one of them"),
        ("mlp:1000x20x64:host", "host is for batches: give a batch, such as mlp:1000x20x64:128b"),
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
