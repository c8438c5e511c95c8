"""What is built lies in a repository of its own, with all that a build may ask of git."""

from __future__ import annotations

from pathlib import Path

from perceptron.gate.checkout.revisions import add_changes, git, resolve
from perceptron.gate.environments.source import Source
from tests.gate.conftest import Repository


def of_working_tree(toy: Repository, folder: Path) -> Source:
    """The working tree as it is now, checked out below the folder."""
    folder.mkdir()
    tree = folder / "tree"
    toy.git("worktree", "add", "--quiet", "--detach", str(tree))
    revision = resolve(toy.folder, ".")
    add_changes(toy.folder, revision, tree)
    return Source(toy.folder, revision, tree)


def state(toy: Repository) -> list[str]:
    """All that building must leave alone."""
    objects = sorted(str(path) for path in (toy.folder / ".git" / "objects").rglob("*"))
    index = (toy.folder / ".git" / "index").read_bytes().hex()
    return [toy.git("for-each-ref"), index, *objects]


def test_changed_new_and_deleted_files_are_a_commit_and_the_users_repository_is_as_it_was(
    toy: Repository, tmp_path: Path
) -> None:
    """What is ignored is none of them. Equal changes have an equal key, which is what an
    environment is kept for."""
    toy.write("toy/__init__.py", "changed")
    toy.write("toy/new file.py", "new")
    toy.write("html/ignored.py", "ignored")
    (toy.folder / "benchmarks" / "suite.py").unlink()
    source = of_working_tree(toy, tmp_path / "one")
    before = state(toy)
    project = tmp_path / "project"
    commit = source.check_out(project, "perceptron-head")
    assert state(toy) == before
    assert git(project, "status", "--porcelain") == ""
    assert git(project, "rev-parse", "HEAD", "HEAD^").split() == [commit, source.revision.commit]
    held = git(project, "ls-tree", "-r", "--name-only", commit).splitlines()
    assert {"toy/new file.py", "asv.conf.json"} < set(held)
    assert "benchmarks/suite.py" not in held
    assert not any(name.startswith("html/") for name in held)
    assert (project / "toy" / "__init__.py").read_text() == "changed"
    assert of_working_tree(toy, tmp_path / "two").key == source.key
    toy.write("toy/__init__.py", "changed again")
    assert of_working_tree(toy, tmp_path / "three").key != source.key


def test_source_checkout_has_version_tags(toy: Repository, tmp_path: Path) -> None:
    """Of a shallow clone, as CI has it."""
    toy.commit("v1.0")
    user, project = tmp_path / "user", tmp_path / "project"
    git(tmp_path, "clone", "--quiet", "--depth", "1", f"file://{toy.folder}", str(user))
    revision = resolve(user, "HEAD")
    assert Source(user, revision, user).check_out(project, "own") == revision.commit
    assert git(project, "describe", "--tags").strip() == "v1.0"
    assert git(project, "branch", "--show-current").strip() == "own"


def test_submodules_are_checked_out(toy: Repository, tmp_path: Path) -> None:
    """Of the commit, whatever the user has of them."""
    library = Repository(tmp_path / "library")
    allowed = ("-c", "protocol.file.allow=always")
    toy.git(*allowed, "submodule", "--quiet", "add", str(library.folder), "vendored")
    toy.commit("vendors")
    toy.git("submodule", "--quiet", "deinit", "--force", "vendored")
    source = Source(toy.folder, resolve(toy.folder, "vendors"), toy.folder)
    source.check_out(tmp_path / "project", "own")
    assert (tmp_path / "project" / "vendored" / "toy" / "__init__.py").is_file()
