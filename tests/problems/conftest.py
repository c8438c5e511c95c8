"""What the tests of problems in files share."""

from __future__ import annotations

from pathlib import Path

import pytest

from perceptron.errors import UserError
from perceptron.problems import catalogue

WHOLE = """
loss = "mse"
rate = 0.5
[data]
rows = 8
features = 3
[[layers]]
width = 4
activation = "tanh"
[[layers]]
width = 1
activation = "sigmoid"
"""
WIDTHS = WHOLE + '[size]\naxis = "width"\nvalues = [16, 2, 4]\n'
FROM_CSV = WHOLE.replace("rows = 8", 'csv = "data.csv"').replace("features = 3", 'target = "y"')
CLASSES = """
loss = "cross-entropy"
[data]
rows = 200
features = 5
classes = 3
[optimizer]
name = "adam"
[[layers]]
width = 8
activation = "relu"
[[layers]]
width = 3
activation = "identity"
"""


def write(folder: Path, text: str, name: str = "model.toml") -> Path:
    file = folder / name
    file.write_text(text, encoding="utf-8")
    return file


def refused(file: object) -> str:
    """Return the one line with which a reference to this file is refused."""
    with pytest.raises(UserError) as error:
        catalogue.find(str(file))
    assert len(str(error.value).splitlines()) == 1
    return str(error.value)
