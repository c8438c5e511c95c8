"""asv clones a repository of ours, in which changes of the working tree are a commit."""

from __future__ import annotations

from pathlib import Path

from perceptron.gate.checkout.revisions import add_changes, git, resolve
from perceptron.gate.environments.build import add_commit, make_source
from tests.gate.conftest import Repository


def commit_of_changes(toy: Repository, folder: Path) -> str:
    """Return the commit of the working tree as it is, in a source at ``folder``."""
    folder.mkdir()
    tree = folder / "tree"
    toy.git("worktree", "add", "--quiet", "--detach", str(tree))
    revision = resolve(toy.folder, ".")
    add_changes(toy.folder, revision, tree)
    make_source(folder / "source.git", toy.folder)
    return add_commit(folder / "source.git", "head", revision, tree)


def files(repository: Path, commit: str) -> dict[str, str]:
    names = git(repository, "ls-tree", "-r", "--name-only", commit).splitlines()
    return {name: git(repository, "show", f"{commit}:{name}") for name in names}


def state(toy: Repository) -> list[str]:
    """Return all that building must leave alone."""
    objects = sorted(str(path) for path in (toy.folder / ".git" / "objects").rglob("*"))
    index = (toy.folder / ".git" / "index").read_bytes().hex()
    return [toy.git("for-each-ref"), index, *objects]


def test_changed_new_and_deleted_files_are_a_commit_and_the_users_repository_is_as_it_was(
    toy: Repository, tmp_path: Path
) -> None:
    """What is ignored is none of them. Equal changes are an equal commit, which is what an
    environment is kept for."""
    toy.write("toy/__init__.py", "changed")
    toy.write("toy/new file.py", "new")
    toy.write("html/ignored.py", "ignored")
    (toy.folder / "benchmarks" / "suite.py").unlink()
    before = state(toy)
    commit = commit_of_changes(toy, tmp_path / "one")
    assert state(toy) == before
    held = files(tmp_path / "one" / "source.git", commit)
    assert held["toy/__init__.py"] == "changed"
    assert held["toy/new file.py"] == "new"
    assert "benchmarks/suite.py" not in held
    assert "asv.conf.json" in held
    assert not any(name.startswith("html/") for name in held)
    assert commit_of_changes(toy, tmp_path / "two") == commit
    toy.write("toy/__init__.py", "changed again")
    assert commit_of_changes(toy, tmp_path / "three") != commit


def test_a_clone_has_the_commit_and_the_tags_that_name_versions(
    toy: Repository, tmp_path: Path
) -> None:
    """Of a shallow clone, as CI has it; cloned as asv does."""
    toy.commit("v1.0")
    user, clone = tmp_path / "user", tmp_path / "clone"
    git(tmp_path, "clone", "--quiet", "--depth", "1", f"file://{toy.folder}", str(user))
    source = tmp_path / "source.git"
    make_source(source, user)
    commit = add_commit(source, "head", resolve(user, "HEAD"), user)
    git(tmp_path, "clone", "--quiet", "--shared", str(source), str(clone))
    git(clone, "checkout", "--quiet", "-f", commit)
    assert git(clone, "describe", "--tags").strip() == "v1.0"
