from __future__ import annotations

import pytest

from perceptron.commands.shared.options import (
    number_ranges,
    one_number,
    one_of,
    seconds_of,
    split,
    whole_numbers,
)
from perceptron.errors import UserError


@pytest.mark.parametrize("typed", ["0", "-1", "two", "1,,x", "1.5"])
def test_threads_are_whole_numbers_from_one(typed: str) -> None:
    with pytest.raises(UserError, match="--threads takes whole numbers from 1"):
        whole_numbers("--threads", typed)


def test_values_with_commas_are_split() -> None:
    """Each counts once; none at all is an error: an unset variable must not mean the default."""
    assert split("--backends", ["a,b", "c", "a"]) == ("a", "b", "c")
    assert split("--backends", None) == ()
    with pytest.raises(UserError, match="--backends is empty"):
        split("--backends", [","])


def test_a_choice_is_one_of_its_kind() -> None:
    assert one_of("--dtype", "float32", ("float32", "float64")) == "float32"
    with pytest.raises(UserError, match="unknown --dtype 'float16': did you mean 'float"):
        one_of("--dtype", "float16", ("float32", "float64"))


@pytest.mark.parametrize("typed", [0.0, -1.0, float("nan"), float("inf")])
def test_a_budget_is_a_time_above_zero(typed: float) -> None:
    with pytest.raises(UserError, match="--budget takes minutes, above 0"):
        seconds_of("--budget", typed)


def test_minutes_are_typed_and_seconds_are_meant() -> None:
    assert seconds_of("--budget", 0.5) == 30
    assert seconds_of("--seconds", 0.5, "seconds") == 0.5
    assert seconds_of("--budget", None) is None


def test_stages_are_numbers_and_ranges() -> None:
    """In order and each once."""
    assert number_ranges("--stage", ["8", "3-5", "4"], 11) == (3, 4, 5, 8)
    assert number_ranges("--stage", None, 11) == ()
    for typed in ("0", "12", "5-3", "two", "3-", "-1", "3-12"):
        with pytest.raises(UserError, match="--stage takes numbers from 1 to 11"):
            number_ranges("--stage", [typed], 11)


def test_an_example_of_one_number_is_one_number() -> None:
    """Who is told to type a list types one, and is refused again."""
    with pytest.raises(UserError, match=r"--rounds takes whole numbers from 1, such as 8; got '0'"):
        one_number("--rounds", "0")
    with pytest.raises(UserError, match="such as 1,2;"):
        whole_numbers("--threads", "0")
