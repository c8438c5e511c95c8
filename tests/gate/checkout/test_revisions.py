"""Revisions, trees and the suite's file are what git and the user say they are."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from perceptron.errors import UserError
from perceptron.gate.checkout.revisions import resolve
from perceptron.gate.checkout.suite import Suite
from perceptron.gate.checkout.worktrees import Worktrees, working_folder
from tests.gate.conftest import Repository

SUITE = Suite("asv.conf.json", "benchmarks", ".")


def test_revision_of_working_tree_depends_on_its_files(toy: Repository) -> None:
    clean = resolve(toy.folder, ".")
    toy.write("new file.py", "1")
    before = resolve(toy.folder, ".")
    toy.write("new file.py", "2")
    after = resolve(toy.folder, ".")
    assert len({clean.digest, before.digest, after.digest}) == 3
    assert before.changed == ("new file.py",)


def test_revision_checkout_runs_no_hooks_of_repository(
    toy: Repository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither its hooks, nor the folder that git is told of while a hook runs."""
    monkeypatch.setenv("GIT_DIR", str(tmp_path))
    hook = toy.folder / ".git" / "hooks" / "post-checkout"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text(f"#!/bin/sh\ntouch {tmp_path}/ran\n")
    hook.chmod(0o755)
    first = resolve(toy.folder, "first")
    with working_folder(toy.folder) as home:
        Worktrees(toy.folder, home, first, first, SUITE)
    assert not (tmp_path / "ran").exists()


def test_trees_swap_folders_and_keep_what_they_hold(toy: Repository) -> None:
    first = resolve(toy.folder, "first")
    toy.commit("second", "toy/more.py", "")
    second = resolve(toy.folder, "second")
    with working_folder(toy.folder) as home:
        trees = Worktrees(toy.folder, home, first, second, SUITE)
        for folders in (
            {"base": "a", "head": "b"},
            {"base": "b", "head": "a"},
            {"base": "c", "head": "a", "control": "b"},
            {"base": "a", "head": "b"},
        ):
            trees.arrange(folders)  # type: ignore[arg-type]
            for side, folder in folders.items():
                tree = trees.path(side)  # type: ignore[arg-type]
                assert tree == home / folder
                assert (tree / "toy" / "more.py").exists() == (side == "head")


def test_another_worktree_of_the_user_stays(toy: Repository, tmp_path: Path) -> None:
    """One whose folder is not here at the moment too."""
    toy.git("worktree", "add", "--quiet", "--detach", str(tmp_path / "mine"))
    (tmp_path / "mine").rename(tmp_path / "away")
    first = resolve(toy.folder, "first")
    with working_folder(toy.folder) as home:
        Worktrees(toy.folder, home, first, first, SUITE)
    assert toy.git("worktree", "list").count("\n") == 2


def test_worktrees_of_killed_comparison_are_removed(toy: Repository, tmp_path: Path) -> None:
    """By the next one; what another process still uses stays."""
    first = resolve(toy.folder, "first")
    cache = tmp_path / "cache" / "perceptron"
    with working_folder(toy.folder) as used:
        Worktrees(toy.folder, used, first, first, SUITE)
        left = cache / "gate-left"
        left.mkdir()
        (left / "perceptron.lock").touch()
        Worktrees(toy.folder, left, first, first, SUITE)
        (cache / "gate-note").write_text("no folder")
        with working_folder(toy.folder):
            assert not left.exists()
            assert (used / "a").is_dir()
            assert toy.git("worktree", "list").count("\n") == 3
    assert toy.git("worktree", "list").count("\n") == 1
    assert [path.name for path in cache.iterdir()] == ["gate-note"]


def test_worktrees_write_through_no_link(toy: Repository, tmp_path: Path) -> None:
    """A revision may hold a link where the folder of the benchmarks' folder should be."""
    outside = tmp_path / "outside"
    (outside / "benchmarks").mkdir(parents=True)
    (outside / "benchmarks" / "precious").write_text("kept")
    (toy.folder / "bench").symlink_to(outside)
    toy.commit("linked")
    (toy.folder / "bench").unlink()
    toy.write("asv.conf.json", '{"benchmark_dir": "bench/benchmarks"}')
    toy.commit("plain", "bench/benchmarks/suite.py", "")
    base, head = (resolve(toy.folder, name) for name in ("linked", "plain"))
    suite = Suite("asv.conf.json", "bench/benchmarks", ".")
    with working_folder(toy.folder) as home:
        trees = Worktrees(toy.folder, home, base, head, suite)
        assert (trees.path("base") / "bench" / "benchmarks" / "suite.py").is_file()
    assert (outside / "benchmarks" / "precious").read_text() == "kept"


def test_revision_unknown_in_shallow_clone_is_told_apart(toy: Repository, tmp_path: Path) -> None:
    toy.commit("second")
    shallow = tmp_path / "shallow"
    source = toy.folder.as_uri()
    subprocess.run(["git", "clone", "--quiet", "--depth=1", source, str(shallow)], check=True)
    for folder, is_shallow in ((toy.folder, False), (shallow, True)):
        with pytest.raises(UserError) as error:
            resolve(folder, "HEAD~2")
        assert ("git fetch --unshallow" in str(error.value)) is is_shallow
        assert ("fetch-depth: 0" in str(error.value)) is is_shallow
