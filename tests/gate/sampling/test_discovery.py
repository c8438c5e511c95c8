"""By what name a side finds a benchmark of another, and what a module that fails takes along."""

from __future__ import annotations

import pytest

from perceptron.gate.sampling.discovery import Discovery, Unloadable
from perceptron.records.block import Benchmark


def suite(*params: str, name: str = "suite.time_x") -> Discovery:
    """One benchmark with these values of its parameter."""
    own = [
        Benchmark(name=name, params=[value], param_names=["p"], index=index)
        for index, value in enumerate(params)
    ]
    return Discovery(benchmarks=own)


def test_a_set_of_parameters_is_found_by_its_text_wherever_it_stands() -> None:
    """A library's list of backends may be longer on one revision: places differ then."""
    base, head = suite("'numpy'", "'torch'"), suite("'jax'", "'numpy'", "'torch'")
    names = [base.identifier(own, head) for own in head.benchmarks]
    assert names == [None, "suite.time_x-0", "suite.time_x-1"]
    assert [head.identifier(own, base) for own in base.benchmarks] == [
        "suite.time_x-1",
        "suite.time_x-2",
    ]


def test_where_no_text_is_the_same_the_place_counts_if_there_are_as_many() -> None:
    base, head = suite("<A at 0x1>", "<A at 0x2>"), suite("<A at 0x3>", "<A at 0x4>")
    assert [base.identifier(own, head) for own in head.benchmarks] == [
        "suite.time_x-0",
        "suite.time_x-1",
    ]
    more = suite("<A at 0x5>", "<A at 0x6>", "<A at 0x7>")
    assert {base.identifier(own, more) for own in more.benchmarks} == {None}


@pytest.mark.parametrize(
    ("failed", "module", "held"),
    [
        ("benchmarks.a", "benchmarks.a", True),
        ("benchmarks.a", "benchmarks.a.b", True),
        ("benchmarks.a", "benchmarks.ab", False),
        ("tests/sub", "tests/sub/test_x.py::test_y", True),
        ("tests/sub", "tests/sub_2/test_x.py::test_y", False),
        ("tests/test_x.py", "tests/test_x.py::test_y", True),
        ("tests/test_x.py::TestA", "tests/test_x.py::TestA::test_y", True),
        ("tests/test_x.py::TestA", "tests/test_x.py::TestB::test_y", False),
    ],
)
def test_a_module_that_fails_takes_along_what_stands_in_it(
    failed: str, module: str, held: bool
) -> None:
    assert Unloadable(failed, "file", "reason").holds(module) == held
