"""By what name a side finds a benchmark of another; what fails takes along; what is chosen."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from perceptron.errors import UserError
from perceptron.gate.checkout.suite import read_pytest_suite
from perceptron.gate.sampling.discover_both import SuiteOfBoth
from perceptron.gate.sampling.discovery import Discovery, Unloadable
from perceptron.records.block import Benchmark


def suite(*params: str) -> Discovery:
    """One benchmark with these values of its parameter."""
    own = [
        Benchmark(name="suite.time_x", params=[value], param_names=["p"], index=index)
        for index, value in enumerate(params)
    ]
    return Discovery(benchmarks=own)


def test_discovery_matches_parameters_by_text() -> None:
    """A library's list of backends may be longer on one revision: places differ then."""
    base, head = suite("'numpy'", "'torch'"), suite("'jax'", "'numpy'", "'torch'")
    names = [base.identifier(benchmark) for benchmark in head.benchmarks]
    assert names == [None, "suite.time_x-0", "suite.time_x-1"]
    assert [head.identifier(benchmark) for benchmark in base.benchmarks] == [
        "suite.time_x-1",
        "suite.time_x-2",
    ]


@pytest.mark.parametrize(
    ("failed", "module", "held"),
    [
        ("benchmarks.a", "benchmarks.a", True),
        ("benchmarks.a", "benchmarks.a.b", True),
        ("benchmarks.a", "benchmarks.ab", False),
        ("tests/sub", "tests/sub/test_x.py::test_y", True),
        ("tests/sub", "tests/sub_2/test_x.py::test_y", False),
        ("tests/test_x.py::TestA", "tests/test_x.py::TestA::test_y", True),
        ("tests/test_x.py::TestA", "tests/test_x.py::TestB::test_y", False),
    ],
)
def test_discovery_failed_module_includes_submodules(failed: str, module: str, held: bool) -> None:
    assert Unloadable(failed, "file", "reason").holds(module) == held


FILE = "tests/test_toy.py"


@pytest.mark.parametrize(
    ("named", "expression", "chosen"),
    [
        ("", "", {"test_one", "test_more[3]", "test_more[30]"}),
        ("::test_more", "", {"test_more[3]", "test_more[30]"}),
        ("::test_more[3]", "", {"test_more[3]"}),
        ("::test_mo", "", None),
        ("", r"test_\w+\[3\]$", {"test_more[3]"}),
        ("", "singles", {"test_one"}),
        ("", "nothing", None),
    ],
)
def test_discovery_selects_tests_by_id_or_expression(
    tmp_path: Path, named: str, expression: str, chosen: set[str] | None
) -> None:
    """As pytest takes it; what chooses none is told an id that there is."""
    groups = {"test_one": "singles", "test_more[3]": None, "test_more[30]": None}
    both = SuiteOfBoth(
        [
            Benchmark(name=FILE, test=f"{FILE}::{test}", group=group)
            for test, group in groups.items()
        ],
        *({}, [], None),
    )
    tests = read_pytest_suite(f"{tmp_path}/{FILE}{named}", tmp_path)
    if chosen is None:
        with pytest.raises(UserError, match=rf"such as {FILE}::test_one"):
            both.choose(re.compile(expression), tests)
    else:
        selected = both.choose(re.compile(expression), tests)
        assert {benchmark.key.rpartition("::")[2] for benchmark in selected} == chosen
