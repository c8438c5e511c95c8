"""What compare leaves in a user's repository: nothing that git lists, nothing that it compares."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from perceptron.commands.shared.pages import prepare_comparison
from tests.gate.conftest import Interrupted, Repository, run, until


@pytest.fixture
def plain(toy: Repository) -> Repository:
    """A repository that ignores nothing of ours."""
    toy.commit("first", ".gitignore", "__pycache__/\n")
    return toy


def measured(**options: Any) -> None:
    with pytest.raises(Interrupted):
        run("first", progress=until("discovering benchmarks"), **options)


def test_git_lists_nothing_that_comparing_wrote(plain: Repository) -> None:
    """In a folder of others what is new alone is ignored."""
    measured(head="first")
    prepare_comparison("html")
    assert Path("results/gate").is_dir()
    assert Path("html/gate").is_dir()
    assert plain.git("status", "--porcelain") == ""
    plain.write("mine/own.json", "1")
    measured(head="first", results=Path("mine"))
    plain.git("add", "--all")
    assert plain.git("status", "--porcelain").split() == ["A", "mine/own.json"]
    assert [*map(str, Path("mine").glob("**/.gitignore"))] == ["mine/gate/.gitignore"]


def test_what_comparing_wrote_is_no_change_of_the_working_tree(plain: Repository) -> None:
    unchanged = run("first", ".", always=False).plan.head.changes
    measured(head="first")
    prepare_comparison("html")
    assert run("first", ".", always=False).plan.head.changes == unchanged
    measured(head="first", results=Path())
    plain.write("toy/__init__.py", "DONE = 1\n")
    measured(head=".", results=Path(), always=False)
