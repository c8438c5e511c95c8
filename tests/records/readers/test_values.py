"""Numbers, units and names as files of others write them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perceptron.records.readers.parameter_roles import NamePattern
from perceptron.records.readers.pytest_benchmark import name_opaque
from perceptron.records.readers.values import number, stdev, time_unit

OBJECT = "UNSERIALIZABLE[<object at 0x7f00>]"


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (3, 3),
        ("3", 3),
        (" 1e3 ", 1000),
        ("0.5", 0.5),
        (".5", 0.5),
        (2.0**53, 2**53),
        *((none, None) for none in (2**53 + 1, True, None, "1_000", "٣", "nan", "")),
    ],
)
def test_a_number_is_one_however_it_is_spelled(value: object, expected: float | None) -> None:
    assert number(value) == expected
    assert type(number(value)) is type(expected)


@pytest.mark.parametrize("value", [-1.0, float("inf"), float("nan"), "1.0", None, False])
def test_a_standard_deviation_may_be_0(value: object) -> None:
    assert stdev(value) is None
    assert stdev(0) == stdev(0.0) == 0.0
    assert stdev(0.5) == 0.5


@pytest.mark.parametrize(
    ("unit", "seconds"),
    [
        *(("ns", 2e-9), ("ns/iter", 2e-9), ("\u00b5s/op", 2e-6), ("\u03bcs", 2e-6)),
        *(("usec", 2e-6), (" MS ", 2e-3), ("sec", 2.0), ("ops/s", 0.5), ("iter/sec", 0.5)),
        *(("ops/us", 0.5e-6), ("Hz", 0.5)),
        *((none, None) for none in ("", "B/op", "allocs/op", "MB/s", "bytes", "%", "ns/row", "/")),
        *((none, None) for none in ("ops", "ops/", "min")),
    ],
)
def test_a_value_of_two_becomes_seconds(unit: str, seconds: float | None) -> None:
    """And what is not the time of a run is no unit."""
    known = time_unit(unit)
    assert (known and known.in_seconds(2)) == (seconds and pytest.approx(seconds))


@given(st.sampled_from(["ns", "s", "ops/s", "ops/ns"]), st.floats())
def test_no_value_gives_a_time_that_is_none(unit: str, value: float) -> None:
    known = time_unit(unit)
    assert known is not None
    seconds = known.in_seconds(value)
    assert seconds is None or 0 < seconds < float("inf")


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


@given(st.text(max_size=40), st.integers(0, 10**9))
def test_any_name_with_a_number_behind_it_has_that_size(name: str, size: int) -> None:
    assert NamePattern().parameters(f"{name}/{size}")["size"] == str(size)


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        (r"n(\d+)", {"name": "sort numpy", "size": "64"}),
        (r"_n(?P<size>\d+)_(?P<library>\w+)", {"name": "sort", "size": "64", "library": "numpy"}),
        (r"(?P<kind>sort)_n(?P<size>\d+)_", {"name": "numpy", "kind": "sort", "size": "64"}),
        (r"(?P<library>numpy|torch)", {"name": "sort_n64", "library": "numpy", "size": "numpy"}),
        (r"x(\d+)", {}),
    ],
)
def test_groups_are_parameters(expression: str, expected: dict[str, str]) -> None:
    """The first group is the size where none is called so; the rest of the name is the name."""
    assert NamePattern(expression).parameters("sort_n64_numpy") == expected


@pytest.mark.parametrize(
    ("parameters", "test_id", "names"),
    [
        ({"lib": OBJECT, "n": 10}, "numpy-10", ["numpy"]),
        ({"n": 10, "lib": OBJECT}, "10-a-b", ["a-b"]),
        ({"lib": OBJECT, "mode": "a-b", "n": -5}, "x-a-b--5", ["x"]),
        ({"mode": "a", "lib": OBJECT, "n": 1}, "a-a-1", ["a"]),
        ({"one": OBJECT, "n": 1, "two": [3, 4]}, "f-1-two0", ["f", "two0"]),
        ({"f": "<function f at 0x7f>", "on": True, "of": None}, "f-True-None", ["f"]),
        ({"lib": OBJECT, "word": "naïve"}, r"f-na\xefve", ["f"]),
        # An older pytest keeps a fixture's parameter first, wherever its piece is.
        ({"lib": OBJECT, "n": 10}, "10-numpy", ["numpy"]),
        # One id was given for two parameters, or another for a plain one.
        ({"lib": OBJECT, "device": "cpu", "n": 10}, "np_cpu-10", ["np_cpu"]),
        ({"one": OBJECT, "two": OBJECT, "n": 10}, "a-b-small", ["a", "b"]),
        ({"lib": OBJECT, "n": 10}, "10", ["10"]),
        ({"lib": OBJECT, "n": 10}, None, ["UNSERIALIZABLE[<object>]"]),
    ],
)
def test_pieces_of_a_pytest_id_find_their_parameters(
    parameters: dict[str, object], test_id: str | None, names: list[str]
) -> None:
    named = name_opaque(parameters, test_id)
    assert [value for name, value in named.items() if value != parameters[name]] == names
    assert list(named) == list(parameters)


@pytest.mark.parametrize(("objects", "pieces"), [(40, 300), (2_000, 2_050)])
def test_a_hostile_pytest_id_takes_neither_time_nor_stack(objects: int, pieces: int) -> None:
    """Many objects and many hyphens could be matched in more ways than anybody can wait for."""
    parameters = {f"p{number}": OBJECT for number in range(objects)} | {"last": "x"}
    assert len(name_opaque(parameters, "-".join("a" * pieces))) == objects + 1
