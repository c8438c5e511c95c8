from __future__ import annotations

from typing import Any

import click
import pytest

from perceptron.cli import app
from perceptron.commands.shared.parameters import Command, is_typed


def parameters(command: str, typed: str) -> dict[str, Any]:
    """Parse the words after a command, and read what was typed."""
    made = app.get_command(click.Context(app), command)
    assert isinstance(made, Command)
    parsed = made.make_context(command, typed.split())
    typed_fields = (field for field in made.fields if is_typed(parsed, field.name))
    return {field.name: field.read(parsed.params[field.name]) for field in typed_fields}


@pytest.mark.parametrize(
    "typed",
    [
        "--backends numpy torch-cpu --quick",
        "--backends numpy --backends torch-cpu --quick",
        "--backends numpy,torch-cpu,numpy --quick",
        "--quick --backends numpy torch-cpu",
        "--backends=numpy torch-cpu --quick",
    ],
)
def test_lists_can_be_typed_in_every_usual_way(typed: str) -> None:
    """Spaces, commas and repetition mean the same, and each counts once."""
    parsed = parameters("bench", typed)
    assert parsed["backends"] == ("numpy", "torch-cpu")
    assert parsed["quick"] is True


def test_parameters_only_lists_take_several_values() -> None:
    """A word after another option's value is an argument, or one too many."""
    assert parameters("check", "numpy torch-cpu")["names"] == ("numpy", "torch-cpu")
    assert parameters("bench", "--threads 1,2 --machine box")["threads"] == (1, 2)
    with pytest.raises(Exception, match="unexpected extra argument"):
        parameters("map", "--family mlp-map mlp-map")


@pytest.mark.parametrize(
    ("typed", "minutes"),
    [
        ("", None),
        ("--wait", 10.0),
        ("--wait --json", 10.0),
        ("--wait 5 --json", 5.0),
        ("--wait=5", 5.0),
        ("--backends numpy torch-cpu --wait --json", 10.0),
        ("--wait --backends numpy torch-cpu", 10.0),
    ],
)
def test_parameters_wait_minutes_are_optional(typed: str, minutes: float | None) -> None:
    """The option after it is not its value."""
    parsed = parameters("bench", typed)
    assert parsed.get("wait") == minutes
    assert ("json" in parsed) is ("--json" in typed)


@pytest.mark.parametrize(
    ("typed", "minutes", "base"),
    [
        ("--wait 1234567 HEAD", 10.0, "1234567"),
        ("--wait 30 main HEAD", 30.0, "main"),
        ("main HEAD --wait", 10.0, "main"),
    ],
)
def test_parameters_digits_only_commit_is_no_wait_time(
    typed: str, minutes: float, base: str
) -> None:
    """One in 27 commits has no letter among the first seven characters."""
    parsed = parameters("compare", typed)
    assert (parsed["wait"], parsed["base"], parsed["head"]) == (minutes, base, "HEAD")
