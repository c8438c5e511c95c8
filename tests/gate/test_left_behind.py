"""What compare leaves in a user's repository: nothing that git lists, nothing that it compares."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from perceptron.commands.shared.pages import prepare_comparison
from perceptron.errors import UserError
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


RAISES = """
import toy

def track_it():
    open(toy.__file__ + ".json")
"""
IMPORTS = "import toy\nfrom toy import nothing\n"


def test_messages_name_files_as_their_user_knows_them(toy: Repository, tmp_path: Path) -> None:
    """In rows, and in errors; those of a suite in another repository by its place."""
    toy.write("benchmarks/suite.py", RAISES)
    toy.commit("first", "benchmarks/other.py", IMPORTS)
    comparison = run(head="first")
    (row,) = comparison.rows
    assert "No such file or directory: 'toy/__init__.py.json'" in (row.reason or "")
    assert (row.file, row.line) == ("benchmarks/suite.py", 4)
    (left_out,) = comparison.plan.left_out
    assert "(toy/__init__.py)" in left_out.reason
    suite = tmp_path / "suite"
    suite.mkdir()
    shutil.move(toy.folder / "benchmarks", suite / "benchmarks")
    (suite / "benchmarks" / "suite.py").write_text(IMPORTS.replace("toy", "benchmarks.suite"))
    (suite / "asv.conf.json").write_text('{"project": "toy", "repo": "../repository"}')
    with pytest.raises(UserError) as caught:
        run(head="first", suite=Path("../suite/asv.conf.json"))
    for told in (str(caught.value), str(comparison)):
        assert "/gate-" not in told
        assert ".perceptron-suite" not in told
    assert "../suite/benchmarks/other.py" in str(caught.value)
