"""Which environments are made of what and kept, and what is said where one does not build.

What a build does is made up here; a real one is in tests/gate/test_built_compare.py.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from perceptron.errors import UserError
from perceptron.gate.checkout.request import CompareRequest, resolve_request
from perceptron.gate.environments import build, build_cache, interpreters
from perceptron.gate.environments.build import HeadDoesNotBuild, built, problem
from perceptron.gate.environments.build_cache import Place
from perceptron.gate.environments.recipe import Recipe
from perceptron.gate.environments.source import Source
from perceptron.records.block import Side
from perceptron.records.warning import MeasurementWarning
from tests.gate.conftest import Repository

BROKEN = "ENVIRONMENT/project/core.c:3:1: error: no such thing\n"
UNEQUIPPED = "error: command 'gcc' failed: No such file or directory\n"


class Builder:
    """Builds every commit, except those whose log is given; it takes no time."""

    def __init__(self) -> None:
        self.logs: dict[str, str] = {}
        self.fails: list[str] = []
        """Which fail once each, as when a network does not answer."""
        self.offered = "2.0"
        """The version of a dependency that can be had today."""
        self.pinned: dict[str, str] = {}
        self.built: list[str] = []
        self.places: list[Place] = []
        self.recipes: list[Recipe] = []
        self.folders: list[Path] = []
        self.uvs: list[str | None] = []
        self.interrupted = False
        self.uv: str | None = None

    def __call__(
        self, place: Place, source: Source, recipe: Recipe, folder: Path, uv: str | None
    ) -> bool:
        name = source.revision.name
        self.built.append(name)
        self.places.append(place)
        self.recipes.append(recipe)
        self.folders.append(folder)
        self.uvs.append(uv)
        place.environment.mkdir()
        if self.interrupted:
            raise KeyboardInterrupt
        place.log.write_text(self.logs.get(name, "").replace("ENVIRONMENT", str(place.environment)))
        if name in self.logs:
            return False
        if name in self.fails:
            self.fails.remove(name)
            return False
        place.python.parent.mkdir(parents=True)
        place.python.symlink_to(sys.executable)
        place.python.with_name("version").write_text(self.pinned.get(name, self.offered))
        return True

    @staticmethod
    def versions(python: str, _own: object) -> dict[str, str]:
        return {"numpy": Path(python).with_name("version").read_text()}


@pytest.fixture
def builder(toy: Repository, monkeypatch: pytest.MonkeyPatch) -> Builder:
    steers = {"project": "toy", "repo": ".", "matrix": {"env_nobuild": {"STEERS": ["1"]}}}
    toy.commit("first", "asv.conf.json", json.dumps(steers))
    toy.commit("second", "toy/more.py", "")
    made_up = Builder()
    monkeypatch.setattr(build, "install", made_up)
    monkeypatch.setattr(interpreters, "versions", made_up.versions)
    monkeypatch.setattr(build, "which", lambda *_, **__: made_up.uv)
    return made_up


def environments(
    base: str = "first",
    head: str = "second",
    of_base: Path | None = None,
    tests: str | None = None,
) -> list[MeasurementWarning]:
    """Make both, and return what is to be known of them; BASE's tree may be another folder."""
    case = resolve_request(CompareRequest(base, head, build=True, pytest=tests))
    trees: Mapping[Side, Path] = {"base": of_base or case.repository, "head": case.repository}
    with built(case, trees, lambda *_: None) as (_, warnings):
        assert os.environ.get("STEERS") == "1"
    assert "STEERS" not in os.environ
    return warnings


def test_build_each_commit_once(toy: Repository, builder: Builder) -> None:
    """Until what decides how it is built changes. Nothing is needed but what the file names."""
    environments()
    assert builder.built == ["first", "second"]
    environments()
    assert builder.built == ["first", "second"]
    assert [recipe.requirements for recipe in builder.recipes] == [(), ()]
    assert builder.folders == [Path(), Path()]
    matrix = {"req": {"x": ["1"]}, "env": {"STEERS": ["1"]}}
    conf = {"project": "toy", "repo": ".", "matrix": matrix}
    toy.write("asv.conf.json", json.dumps(conf))
    toy.write("benchmarks/suite.py", "def mem_one(): ...\n")
    environments()
    assert builder.built == ["first", "second"] * 2
    assert builder.recipes[-1].requirements == ("x==1", "pympler")


@pytest.mark.parametrize(("tests", "needed"), [(None, ()), ("benchmarks", ("pytest",))])
def test_build_uses_configuration_of_each_revision(
    builder: Builder, tmp_path: Path, tests: str | None, needed: tuple[str, ...]
) -> None:
    tree = tmp_path / "base"
    tree.mkdir()
    own = {"project": "toy", "repo": ".", "matrix": {"req": {"numpy": ["1.26"]}}}
    (tree / "asv.conf.json").write_text(json.dumps(own))
    environments(of_base=tree, tests=tests)
    assert [recipe.requirements for recipe in builder.recipes] == [("numpy==1.26", *needed), needed]


def test_base_against_itself_is_two_environments(builder: Builder) -> None:
    for _ in range(2):
        environments("first", "first")
        assert builder.built == ["first", "first"]
    folders = {str(place.environment) for place in builder.places}
    assert len(folders) == 2
    assert len({len(folder) for folder in folders}) == 1


def test_build_failure_of_head_is_a_finding_with_log(builder: Builder) -> None:
    builder.logs["second"] = BROKEN
    with pytest.raises(
        HeadDoesNotBuild, match=r"HEAD does not build: core.c:3:1: error: no"
    ) as own:
        environments()
    assert own.value.log.read_text().endswith(BROKEN.removeprefix("ENVIRONMENT"))
    assert own.value.log.is_relative_to("results")
    assert str(own.value.log) in str(own.value)
    assert builder.built == ["first", "second", "second"]


def test_build_failure_of_both_today_is_no_finding(builder: Builder) -> None:
    """A compiler that is gone, an index that is down: BASE would not build today either."""
    environments("first", "first")
    builder.built.clear()
    builder.logs = {"first": UNEQUIPPED, "second": UNEQUIPPED}
    with pytest.raises(UserError, match=r"^BASE does not build: error: .*'gcc'.*: results/"):
        environments()
    assert builder.built == ["second", "second", "first", "first"]
    builder.logs = {"second": BROKEN}
    with pytest.raises(HeadDoesNotBuild):
        environments()


def test_dependencies_of_another_day_are_not_compared(toy: Repository, builder: Builder) -> None:
    """BASE was kept, and what it depends on has been released anew since."""
    environments()
    builder.offered = "2.1"
    builder.built.clear()
    toy.write("toy/more.py", "1\n")
    assert environments(head=".") == []
    assert builder.built == [".", "first"]
    assert environments(head=".") == []
    assert builder.built == [".", "first"], "the new one was kept"


def test_dependencies_that_the_revisions_choose_are_said(builder: Builder) -> None:
    """Nothing is built for it, now or later."""
    builder.pinned = {"second": "1.9"}
    for _ in range(2):
        (warning,) = environments()
        assert "numpy 2.0 and 1.9" in warning.message
    assert builder.built == ["first", "second"]


def test_build_is_retried_without_uv(builder: Builder) -> None:
    """An index may be set for pip alone, or not have answered once."""
    builder.uv = "/bin/uv"
    builder.fails = ["first"]
    environments()
    assert builder.built == ["first", "first", "second"]
    assert builder.uvs == ["/bin/uv", None, "/bin/uv"]


def test_build_refuses_environments_it_cannot_make(toy: Repository) -> None:
    toy.write("asv.conf.json", '{"environment_type": "existing"}')
    with pytest.raises(UserError, match=r"asv.conf.json: --build makes no environment of type"):
        build.check(resolve_request(CompareRequest("first", "first", build=True)))
    with pytest.raises(UserError, match="leave out --base-python, --head-python and --installed"):
        build.check(resolve_request(CompareRequest("first", "first", base_python="python")))


def test_build_restarts_after_interruption(builder: Builder) -> None:
    builder.interrupted = True
    with pytest.raises(KeyboardInterrupt):
        environments()
    builder.interrupted = False
    builder.built.clear()
    environments()
    assert builder.built == ["first", "second"]


def test_build_cache_evicts_oldest_unused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
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


# What pip prints of setuptools; a compiler's line is in test_built_compare.py.
EXCEPTION = """
   Traceback (most recent call last):
     File "setup.py", line 3, in <module>
   \x1b[31mModuleNotFoundError: No module named 'Cython'\x1b[0m
   error: subprocess-exited-with-error
"""


def test_build_output_is_one_printable_line() -> None:
    assert problem(EXCEPTION) == "ModuleNotFoundError: No module named 'Cython'"
    assert problem("") == "it printed nothing"
    line = problem("error: \x07" + "x" * 1000)
    assert line.isprintable()
    assert len(line) == 300
