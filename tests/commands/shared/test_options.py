from __future__ import annotations

import pytest

from perceptron.commands.shared.options import one_of, split, spread, whole_numbers
from perceptron.errors import UserError


@pytest.mark.parametrize(
    "typed",
    [
        "bench --backends numpy torch-cpu --quick",
        "bench --backends numpy --backends torch-cpu --quick",
        "bench --backends numpy,torch-cpu --quick",
        "bench --backends=numpy,torch-cpu --quick",
    ],
)
def test_lists_can_be_typed_in_every_usual_way(typed: str) -> None:
    """Spaces, commas and repetition mean the same."""
    from perceptron import cli

    words = spread(typed.split())
    values = [
        w.removeprefix("--backends=")
        for b, w in zip(words, [*words[1:], ""], strict=True)
        if b == "--backends"
    ]
    values += [w.removeprefix("--backends=") for w in words if w.startswith("--backends=")]
    assert split("--backends", values) == ("numpy", "torch-cpu")
    assert words[-1] == "--quick"
    assert cli.app is not None


@pytest.mark.parametrize(
    ("typed", "understood"),
    [
        (
            "walkthrough --backend numpy torch-cpu xor",
            "walkthrough --backend numpy --backend torch-cpu xor",
        ),
        ("bench --threads 1,2 --machine box", "bench --threads 1,2 --machine box"),
        ("check numpy torch-cpu", "check numpy torch-cpu"),
    ],
)
def test_only_lists_are_spread(typed: str, understood: str) -> None:
    """A problem ends a list, and words after other options are left alone."""
    assert spread(typed.split()) == understood.split()


@pytest.mark.parametrize("typed", ["0", "-1", "two", "1,,x", "1.5"])
def test_threads_are_whole_numbers_from_one(typed: str) -> None:
    with pytest.raises(UserError, match="--threads takes whole numbers from 1"):
        whole_numbers("--threads", typed)


def test_a_choice_is_one_of_its_kind() -> None:
    assert one_of("--dtype", "float32", ("float32", "float64")) == "float32"
    with pytest.raises(UserError, match="unknown --dtype 'float16': did you mean 'float"):
        one_of("--dtype", "float16", ("float32", "float64"))
