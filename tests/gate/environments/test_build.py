"""Which environments are made of what and kept, and what is said where one does not build.

What asv does is made up here; a real build is in tests/gate/test_built_compare.py.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
import pytest

from perceptron.errors import UserError
from perceptron.gate.checkout.request import CompareRequest, resolve_request
from perceptron.gate.checkout.revisions import add_changes, git, resolve
from perceptron.gate.environments import build, build_cache, interpreters
from perceptron.gate.environments.build import (
    HeadDoesNotBuild,
    add_commit,
    built,
    make_source,
    problem,
)
from perceptron.gate.environments.build_cache import Made
from perceptron.records.warning import MeasurementWarning
from tests.gate.conftest import Repository

BROKEN = "ENVIRONMENT/project/core.c:3:1: error: no such thing\n"
UNEQUIPPED = "error: command 'gcc' failed: No such file or directory\n"


class Builder:
    """Builds every commit, except those whose log is given; it takes no time."""

    def __init__(self, toy: Repository) -> None:
        self.names = {toy.git("rev-parse", name).strip(): name for name in ("first", "second")}
        self.logs: dict[str, str] = {}
        self.fails: list[str] = []
        """Which fail once each, as when a network does not answer."""
        self.offered = "2.0"
        """The version of a dependency that can be had today."""
        self.pinned: dict[str, str] = {}
        self.built: list[str] = []
        self.jobs: list[Mapping[str, Any]] = []
        self.interrupted = False
        self.uv: str | None = None

    def __call__(self, job: Mapping[str, Any], log: Path) -> bool:
        name = self.names.get(job["commit"], ".")
        self.built.append(name)
        self.jobs.append(job)
        folder = Path(job["config"]["env_dir"])
        folder.mkdir()
        if self.interrupted:
            raise KeyboardInterrupt
        log.write_text(self.logs.get(name, "").replace("ENVIRONMENT", f"{folder}/0a1b"))
        if name in self.logs:
            return False
        if name in self.fails:
            self.fails.remove(name)
            return False
        python = folder / "python"
        python.symlink_to(sys.executable)
        python.with_name("version").write_text(self.pinned.get(name, self.offered))
        variables = {"STEERS": "1"}
        made = Made(python=str(python), name="py", variables=variables)
        Path(job["made"]).write_bytes(msgspec.json.encode(made))
        return True

    @staticmethod
    def versions(python: str, _own: object) -> dict[str, str]:
        return {"numpy": Path(python).with_name("version").read_text()}


@pytest.fixture
def builder(toy: Repository, monkeypatch: pytest.MonkeyPatch) -> Builder:
    toy.commit("second", "toy/more.py", "")
    made_up = Builder(toy)
    monkeypatch.setattr(build, "install", made_up)
    monkeypatch.setattr(interpreters, "versions", made_up.versions)
    monkeypatch.setattr(build, "which", lambda _: made_up.uv)
    return made_up


def environments(
    tmp_path: Path, base: str = "first", head: str = "second", of_base: Path | None = None
) -> list[MeasurementWarning]:
    """Make both, and return what is to be known of them; BASE's tree may be another folder."""
    case = resolve_request(CompareRequest(base, head, build=True))
    home = Path(tempfile.mkdtemp(dir=tmp_path))
    trees = {"base": of_base or case.repository, "head": case.repository}
    with built(case, trees, home, lambda *_: None) as (_, warnings):  # type: ignore[arg-type]
        assert os.environ.get("STEERS") == "1"
    assert "STEERS" not in os.environ
    return warnings


def test_each_commit_is_built_once(toy: Repository, builder: Builder, tmp_path: Path) -> None:
    """Until what decides how it is built changes. asv gets the suite's entries and our folders."""
    environments(tmp_path)
    assert builder.built == ["first", "second"]
    job = builder.jobs[0]
    assert job["folder"] == str(toy.folder)
    own = {"project": "toy", "dvcs": "git", "environment_type": "virtualenv"}
    assert own.items() <= job["config"].items()
    assert job["config"]["repo"].endswith("source.git")
    environments(tmp_path)
    assert builder.built == ["first", "second"]
    toy.write("asv.conf.json", json.dumps({"project": "toy", "repo": ".", "matrix": {"x": ["1"]}}))
    environments(tmp_path)
    assert builder.built == ["first", "second"] * 2


def test_each_revision_is_built_as_its_own_file_says(builder: Builder, tmp_path: Path) -> None:
    tree, matrix = tmp_path / "base", {"req": {"numpy": ["1.26"]}}
    tree.mkdir()
    own = {"project": "toy", "repo": ".", "matrix": matrix}
    (tree / "asv.conf.json").write_text(json.dumps(own))
    environments(tmp_path, of_base=tree)
    assert [job["config"].get("matrix") for job in builder.jobs] == [matrix, None]


def test_base_against_itself_is_two_environments(builder: Builder, tmp_path: Path) -> None:
    for _ in range(2):
        environments(tmp_path, "first", "first")
        assert builder.built == ["first", "first"]
    folders = {job["config"]["env_dir"] for job in builder.jobs}
    assert len(folders) == 2
    assert len({len(folder) for folder in folders}) == 1


def test_a_head_that_does_not_build_is_a_finding_with_its_log(
    builder: Builder, tmp_path: Path
) -> None:
    builder.logs["second"] = BROKEN
    with pytest.raises(
        HeadDoesNotBuild, match=r"HEAD does not build: core.c:3:1: error: no"
    ) as own:
        environments(tmp_path)
    assert own.value.log.read_text().endswith(BROKEN.removeprefix("ENVIRONMENT"))
    assert own.value.log.is_relative_to("results")
    assert str(own.value.log) in str(own.value)
    assert builder.built == ["first", "second", "second"]


def test_what_fails_on_head_only_since_base_was_built_another_day_is_none(
    builder: Builder, tmp_path: Path
) -> None:
    """A compiler that is gone, an index that is down: BASE would not build today either."""
    environments(tmp_path, "first", "first")
    builder.built.clear()
    builder.logs = {"first": UNEQUIPPED, "second": UNEQUIPPED}
    with pytest.raises(UserError, match=r"^BASE does not build: error: .*'gcc'.*: results/"):
        environments(tmp_path)
    assert builder.built == ["second", "second", "first", "first"]
    builder.logs = {"second": BROKEN}
    with pytest.raises(HeadDoesNotBuild):
        environments(tmp_path)


def test_dependencies_of_another_day_are_not_compared(
    toy: Repository, builder: Builder, tmp_path: Path
) -> None:
    """BASE was kept, and what it depends on has been released anew since."""
    environments(tmp_path)
    builder.offered = "2.1"
    builder.built.clear()
    toy.write("toy/more.py", "1\n")
    assert environments(tmp_path, head=".") == []
    assert builder.built == [".", "first"]
    assert environments(tmp_path, head=".") == []
    assert builder.built == [".", "first"], "the new one was kept"


def test_dependencies_that_the_revisions_choose_are_said(builder: Builder, tmp_path: Path) -> None:
    """Nothing is built for it, now or later."""
    builder.pinned = {"second": "1.9"}
    for _ in range(2):
        (warning,) = environments(tmp_path)
        assert "numpy 2.0 and 1.9" in warning.message
    assert builder.built == ["first", "second"]


def test_what_does_not_build_is_tried_again_without_uv(builder: Builder, tmp_path: Path) -> None:
    """An index may be set for pip alone, or not have answered once."""
    builder.uv = "/bin/uv"
    builder.fails = ["first"]
    environments(tmp_path)
    assert builder.built == ["first", "first", "second"]
    assert [job["uv"] for job in builder.jobs] == ["/bin/uv", None, "/bin/uv"]


def test_what_builds_nothing_is_refused_at_once(toy: Repository) -> None:
    toy.write("asv.conf.json", '{"environment_type": "existing"}')
    with pytest.raises(UserError, match=r"asv.conf.json: its environment_type is existing"):
        build.check(CompareRequest("first", "second", build=True))
    with pytest.raises(UserError, match="leave out --base-python, --head-python and --installed"):
        build.check(CompareRequest("first", "second", build=True, installed=True))


def test_an_interrupted_build_is_begun_again(builder: Builder, tmp_path: Path) -> None:
    builder.interrupted = True
    with pytest.raises(KeyboardInterrupt):
        environments(tmp_path)
    builder.interrupted = False
    builder.built.clear()
    environments(tmp_path)
    assert builder.built == ["first", "second"]


def test_the_oldest_go_and_what_is_in_use_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    places = [build_cache.take("how", f"{number}" * 12, "base") for number in range(4)]
    for age, place in enumerate(reversed(places)):
        place.made_file.touch()
        os.utime(place.made_file, (1000 - age, 1000 - age))
    used, *others = places
    for place in others:
        place.lock.close()
    for most, kept in ((2, [True, False, True, True]), (0, [True, False, False, False])):
        build_cache.drop_oldest(most)
        assert [place.folder.exists() for place in places] == kept
    with pytest.raises(UserError, match="another comparison uses it"):
        build_cache.take("how", "0" * 12, "base")
    used.lock.close()


# What asv prints of pip, which prints of setuptools; a compiler's line is in test_built_compare.py.
EXCEPTION = """
   Traceback (most recent call last):
     File "setup.py", line 3, in <module>
   \x1b[31mModuleNotFoundError: No module named 'Cython'\x1b[0m
   error: subprocess-exited-with-error
"""


def test_what_a_build_prints_is_said_in_a_line_that_steers_no_terminal() -> None:
    assert problem(EXCEPTION) == "ModuleNotFoundError: No module named 'Cython'"
    assert problem("") == "it printed nothing"
    said = problem("error: \x07" + "x" * 1000)
    assert said.isprintable()
    assert len(said) == 300


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
