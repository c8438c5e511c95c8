from __future__ import annotations

import pytest

from perceptron.commands.shared.options import number_ranges, split
from perceptron.errors import UserError


def test_values_with_commas_are_split() -> None:
    """Each counts once; none at all is an error: an unset variable must not mean the default."""
    assert split("--backends", ["a,b", "c", "a"]) == ("a", "b", "c")
    assert split("--backends", None) == ()
    with pytest.raises(UserError, match="--backends is empty"):
        split("--backends", [","])


def test_stages_are_numbers_and_ranges() -> None:
    """In order and each once."""
    assert number_ranges("--stage", ["8", "3-5", "4"], 11) == (3, 4, 5, 8)
    assert number_ranges("--stage", None, 11) == ()
    for typed in ("0", "12", "5-3", "two", "3-", "-1", "3-12"):
        with pytest.raises(UserError, match="--stage takes numbers from 1 to 11"):
            number_ranges("--stage", [typed], 11)
