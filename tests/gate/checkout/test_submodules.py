"""Submodules are part of a revision: their files are there, or it is said that they are not."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from perceptron.gate.checkout.revisions import resolve
from perceptron.gate.checkout.suite import Suite
from perceptron.gate.checkout.worktrees import Worktrees, working_folder
from perceptron.report.pull_request.comment import comment
from tests.gate.conftest import COUNTED, Repository, run

SUITE = Suite("asv.conf.json", "benchmarks", ".")
SLOWER = COUNTED.replace("return amount", "return 2 * amount")


@pytest.fixture
def vendoring(toy: Repository, tmp_path: Path) -> Repository:
    """Its package is a submodule with one of its own, slower in ``second``."""
    inner, outer = Repository(tmp_path / "inner"), Repository(tmp_path / "outer")
    add_submodule(outer, inner, "inner")
    outer.git("mv", "toy/__init__.py", "work.py")
    outer.commit("first")
    toy.write("toy/__init__.py", "from vendor.work import *\n")
    add_submodule(toy, outer, "vendor")
    toy.git("-c", "protocol.file.allow=always", "submodule", "update", "--init", "--recursive")
    toy.commit("first")
    vendor = toy.folder / "vendor"
    (vendor / "work.py").write_text(SLOWER)
    who = ("-c", "user.name=t", "-c", "user.email=t@example.org", "-c", "commit.gpgsign=false")
    subprocess.run(["git", *who, "commit", "--quiet", "-am", "2"], cwd=vendor, check=True)
    toy.commit("second")
    return toy


def add_submodule(repository: Repository, other: Repository, name: str) -> None:
    local = ("-c", "protocol.file.allow=always")
    repository.git(*local, "submodule", "add", "--quiet", str(other.folder), name)


def test_trees_hold_the_submodules_of_their_commits(vendoring: Repository) -> None:
    """Those of the working tree, too; of the user's clones nothing changes."""
    (vendoring.folder / "vendor" / "work.py").write_text("edited")
    (vendoring.folder / "vendor" / "new.py").write_text("new")
    names = ("first", "second", ".")
    first, second, now = (resolve(vendoring.folder, name) for name in names)
    before = vendoring.git("status", "--porcelain=v2")
    for base, head, texts in (
        (first, second, [COUNTED, SLOWER]),
        (second, now, [SLOWER, "edited"]),
    ):
        with working_folder(vendoring.folder) as home:
            trees = Worktrees(vendoring.folder, home, base, head, SUITE)
            folders = [trees.path(side) / "vendor" for side in ("base", "head")]
            assert [(folder / "work.py").read_text() for folder in folders] == texts
            assert (folders[0] / "inner" / "toy" / "__init__.py").exists()
            assert (folders[1] / "new.py").exists() is (head is now)
            assert trees.missing == []
    assert vendoring.git("status", "--porcelain=v2") == before
    assert vendoring.git("worktree", "list").count("\n") == 1


def test_submodule_slowdown_is_found(vendoring: Repository) -> None:
    """Also where the project has git ignore it: it is what differs."""
    vendoring.git("config", "--file", ".gitmodules", "submodule.vendor.ignore", "all")
    assert run(always=False).verdict == "regression"


def test_submodule_missing_is_named_and_not_clean(
    vendoring: Repository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As in a clone without them, whose benchmarks do not need them."""
    vendoring.commit("first", "toy/__init__.py", COUNTED)
    subprocess.run(["git", "checkout", "--quiet", "HEAD~1"], cwd="vendor", check=True)
    vendoring.commit("second")
    clone = tmp_path / "clone"
    subprocess.run(["git", "clone", "--quiet", vendoring.folder, clone], check=True)
    monkeypatch.chdir(clone)
    comparison = run()
    assert comparison.verdict == "inconclusive"
    assert "vendor differs and was not compared" in comparison.reason
    assert [warning.code for warning in comparison.warnings].count("submodules") == 1
    text = comment(comparison)
    assert "vendor" in text
    assert "git submodule update --init" in text
