from __future__ import annotations

import pytest

from perceptron.report.over_processes import (
    are_several,
    name_and_processes,
    named,
    threads_in_all,
    threads_of_each,
)
from tests.conftest import MakeRow


@pytest.mark.parametrize("name", ["numpy", "lib@2.0", "lib@0", "@2", "a@b", "a@²", "lib@123456"])
def test_a_name_without_a_number_of_processes_is_one_process(name: str) -> None:
    assert name_and_processes(name) == (name, 1)
    assert named(name) == name


def test_a_backend_is_named_by_its_processes_where_they_matter() -> None:
    """Where it has several, or where its other side is the same over several."""
    assert named("torch-ddp@2") == "2 processes (torch-ddp@2)"
    assert named("torch-ddp", "torch-ddp@4") == "1 process (torch-ddp)"
    assert named("torch-ddp", "torch-cpu") == named("torch-ddp") == "torch-ddp"
    assert named("torch-cpu", "torch-ddp@2") == "torch-cpu"


def test_threads_are_said_to_be_those_of_all(row: MakeRow) -> None:
    assert are_several(["numpy", "torch-ddp@2"])
    assert threads_in_all(2, ["numpy", "torch-ddp"]) == "2 threads"
    assert threads_in_all(2, ["numpy", "torch-ddp@2"]) == "2 threads in all"
    assert threads_of_each(row(processes=2, threads=1)) == "2 × 1"
    assert threads_of_each(row(processes=None, threads=2)) == "1 × 2"
    assert threads_of_each(row(threads=None)) == "–"
