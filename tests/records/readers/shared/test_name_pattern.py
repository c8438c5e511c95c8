from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perceptron.errors import UserError
from perceptron.records.readers.shared.name_pattern import NamePattern, name_pattern


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("bench_rust_1000", {"name": "bench_rust", "size": "1000"}),
        ("BM_sort/4096", {"name": "BM_sort", "size": "4096"}),
        ("sort numpy (10)", {"name": "sort numpy", "size": "10"}),
        ("sort[n=1.5]", {"name": "sort[n", "size": "1.5"}),
        ("sha256", {}),
        ("sort", {}),
    ],
)
def test_a_trailing_number_is_the_size(name: str, expected: dict[str, str]) -> None:
    """Behind something that separates: the number of sha256 is no size."""
    assert NamePattern().parameters(name) == expected


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        (r"n(\d+)", {"name": "sort numpy", "size": "64"}),
        (r"_n(?P<size>\d+)_(?P<library>\w+)", {"name": "sort", "size": "64", "library": "numpy"}),
        (r"(?P<library>numpy|torch)", {"name": "sort_n64", "library": "numpy", "size": "numpy"}),
        (r"x(\d+)", {}),
    ],
)
def test_groups_are_parameters(expression: str, expected: dict[str, str]) -> None:
    """The first group is the size where none is called so; the rest of the name is the name."""
    parameters = NamePattern(expression).parameters("sort_n64_numpy")
    if "library" not in expected and expected:
        assert (parameters["size"], parameters["name"]) == ("64", "sort numpy")
    else:
        assert parameters == expected


@pytest.mark.parametrize("expression", ["(", "[", "*", r"\d+", "", "(?P<1>x)"])
def test_what_finds_nothing_is_refused(expression: str) -> None:
    with pytest.raises(UserError, match="--size-regex") as caught:
        name_pattern("--size-regex", expression)
    assert len(str(caught.value).splitlines()) == 1


@given(st.text(max_size=40), st.integers(0, 10**9))
def test_any_name_with_a_number_behind_it_has_that_size(name: str, size: int) -> None:
    assert NamePattern().parameters(f"{name}/{size}")["size"] == str(size)
