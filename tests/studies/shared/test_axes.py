from __future__ import annotations

import pytest

from perceptron.errors import UserError
from perceptron.problems import catalogue
from perceptron.studies.shared.axes import family_axis, file_axis
from tests.conftest import ROOT

EXAMPLES = ROOT / "docs" / "examples"


def test_an_axis_makes_each_problem_once() -> None:
    """One that is equal to what its reference finds, of a family as of a file."""
    for axis in (
        family_axis("mlp-width"),
        file_axis(str(EXAMPLES / "points-width.toml")),
    ):
        problem = axis.problem(40)
        assert axis.problem(40) is problem
        assert problem == catalogue.find(problem.reference)
        assert (problem.family, problem.size) == (axis.family, 40)


def test_the_ends_are_those_of_the_sizes() -> None:
    """Quick mode leaves out what takes milliseconds, but nothing of the user's own."""
    whole, quick = family_axis("mlp-width"), family_axis("mlp-width", ("numpy",))
    assert (whole.low, whole.high) == (2, 8192)
    assert quick.low == 2 < quick.high < 8192
    own = file_axis(str(EXAMPLES / "points-width.toml"))
    assert (own.low, own.high, own.given) == (4, 256, (4, 16, 64, 256))


def test_what_has_no_axis_is_refused() -> None:
    with pytest.raises(UserError, match="varies along 2 axes"):
        family_axis("mlp-map")
    with pytest.raises(UserError, match="has one size"):
        file_axis(str(EXAMPLES / "wear.toml"))
