from __future__ import annotations

import pytest

from perceptron.commands.shared.options import split
from perceptron.errors import UserError


def test_values_with_commas_are_split() -> None:
    """Each counts once; none at all is an error: an unset variable must not mean the default."""
    assert split("--backends", ["a,b", "c", "a"]) == ("a", "b", "c")
    assert split("--backends", None) == ()
    with pytest.raises(UserError, match="--backends is empty"):
        split("--backends", [","])
