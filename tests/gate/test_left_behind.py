"""What compare leaves in a user's repository: nothing that git lists, nothing that it compares."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from perceptron.commands.shared.pages import prepare_comparison
from tests.gate.conftest import Interrupted, Repository, run, until


def measured(**options: Any) -> None:
    with pytest.raises(Interrupted):
        run("first", progress=until("discovering benchmarks"), **options)


def test_what_comparing_wrote_is_nothing_that_git_lists_and_no_change(toy: Repository) -> None:
    """In a folder of others what is new alone is ignored."""
    toy.commit("first", ".gitignore", "__pycache__/\n")
    unchanged = run("first", ".", always=False).plan.head.changes
    measured(head="first")
    prepare_comparison("html")
    assert Path("results/gate").is_dir()
    assert Path("html/gate").is_dir()
    assert toy.git("status", "--porcelain") == ""
    assert run("first", ".", always=False).plan.head.changes == unchanged
    toy.write("mine/own.json", "1")
    measured(head="first", results=Path("mine"))
    toy.git("add", "--all")
    assert toy.git("status", "--porcelain").split() == ["A", "mine/own.json"]
    assert [*map(str, Path("mine").glob("**/.gitignore"))] == ["mine/gate/.gitignore"]
