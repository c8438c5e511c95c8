"""Which environments are made and kept, and what it means that one does not build.

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

from perceptron import optional
from perceptron.errors import UserError
from perceptron.gate.checkout.request import CompareRequest, resolve_request
from perceptron.gate.environments import build
from perceptron.gate.environments.build import Environments, HeadDoesNotBuild, built, check
from perceptron.gate.environments.build_cache import Made
from tests.gate.conftest import Repository

BROKEN = "core.c:3:1: error: no such thing\n"
UNEQUIPPED = "error: command 'gcc' failed: No such file or directory\n"


class Builder:
    """Builds every commit, except those whose log is given; it takes no time."""

    def __init__(self, toy: Repository, others: list[str] | None = None) -> None:
        self.names = {toy.git("rev-parse", name).strip(): name for name in ("first", "second")}
        self.logs: dict[str, str] = {}
        self.built: list[str] = []
        self.jobs: list[Mapping[str, Any]] = []
        self.others = others or []
        self.interrupted = False

    def __call__(self, job: Mapping[str, Any], log: Path) -> bool:
        name = self.names.get(job["commit"], ".")
        self.built.append(name)
        self.jobs.append(job)
        Path(job["config"]["env_dir"]).mkdir()
        if self.interrupted:
            raise KeyboardInterrupt
        log.write_text(self.logs.get(name, ""))
        if name in self.logs:
            return False
        variables = {"STEERS": "1"}
        made = Made(python=sys.executable, name="py", others=self.others, variables=variables)
        Path(job["made"]).write_bytes(msgspec.json.encode(made))
        return True


@pytest.fixture
def builder(toy: Repository, monkeypatch: pytest.MonkeyPatch) -> Builder:
    toy.write("toy/more.py", "")
    toy.commit("second")
    made_up = Builder(toy)
    monkeypatch.setattr(build, "install", made_up)
    return made_up


def environments(tmp_path: Path, base: str = "first", head: str = "second") -> Environments:
    """Make both, and return what they were."""
    request = CompareRequest(base, head, build=True)
    resolved = resolve_request(request)
    home = Path(tempfile.mkdtemp(dir=tmp_path))
    folder = resolved.repository
    trees = {"base": folder, "head": folder}
    with built(request, resolved, trees, home, lambda *_: None) as made:  # type: ignore[arg-type]
        assert os.environ.get("STEERS") == "1"
    assert "STEERS" not in os.environ
    return made


def test_each_commit_is_built_once(toy: Repository, builder: Builder, tmp_path: Path) -> None:
    """Until what decides how it is built changes; what is measured may."""
    environments(tmp_path)
    assert builder.built == ["first", "second"]
    config = json.dumps({"project": "toy", "repo": ".", "benchmark_dir": "benchmarks"})
    toy.write("asv.conf.json", config)
    environments(tmp_path)
    assert builder.built == ["first", "second"]
    toy.write("asv.conf.json", json.dumps({"project": "toy", "repo": ".", "matrix": {"x": ["1"]}}))
    environments(tmp_path)
    assert builder.built == ["first", "second"] * 2


def test_base_against_itself_is_two_environments(builder: Builder, tmp_path: Path) -> None:
    environments(tmp_path, "first", "first")
    assert builder.built == ["first", "first"]
    folders = {job["config"]["env_dir"] for job in builder.jobs}
    assert len(folders) == 2
    assert len({len(folder) for folder in folders}) == 1


def test_asv_gets_the_suites_own_entries_and_our_folders(
    toy: Repository, builder: Builder, tmp_path: Path
) -> None:
    environments(tmp_path)
    config = builder.jobs[0]["config"]
    assert (config["project"], config["dvcs"]) == ("toy", "git")
    assert config["environment_type"] == "virtualenv"
    assert config["repo"].endswith("source.git")
    assert builder.jobs[0]["folder"] == str(toy.folder)


def test_a_head_that_does_not_build_is_a_finding_with_its_log(
    builder: Builder, tmp_path: Path
) -> None:
    builder.logs["second"] = BROKEN
    with pytest.raises(
        HeadDoesNotBuild, match=r"HEAD does not build: core.c:3:1: error: no"
    ) as own:
        environments(tmp_path)
    assert own.value.log.read_text() == BROKEN
    assert own.value.log.is_relative_to("results")
    assert str(own.value.log) in str(own.value)
    assert builder.built == ["first", "second"]


def test_what_fails_on_head_only_since_base_was_built_another_day_is_none(
    builder: Builder, tmp_path: Path
) -> None:
    """A compiler that is gone, an index that is down: BASE would not build today either."""
    environments(tmp_path, "first", "first")
    builder.built.clear()
    builder.logs = {"first": UNEQUIPPED, "second": UNEQUIPPED}
    with pytest.raises(UserError, match="neither BASE nor HEAD does not build") as caught:
        environments(tmp_path)
    assert builder.built == ["second", "first"]
    assert "install a compiler" in str(caught.value)
    builder.logs = {"second": BROKEN}
    with pytest.raises(HeadDoesNotBuild):
        environments(tmp_path)


def test_a_base_that_does_not_build_is_one_line(builder: Builder, tmp_path: Path) -> None:
    builder.logs["first"] = BROKEN
    with pytest.raises(UserError, match=r"^BASE does not build: core.c:3:1: .*the log: results/"):
        environments(tmp_path)
    assert builder.built == ["first"]
    builder.logs["first"] = UNEQUIPPED
    with pytest.raises(UserError, match=r"command 'gcc' failed: .*: install a compiler; the log"):
        environments(tmp_path)


def test_an_interrupted_build_is_begun_again(builder: Builder, tmp_path: Path) -> None:
    builder.interrupted = True
    with pytest.raises(KeyboardInterrupt):
        environments(tmp_path)
    builder.interrupted = False
    builder.built.clear()
    environments(tmp_path)
    assert builder.built == ["first", "second"]


def test_of_several_environments_the_one_that_was_made_is_named(
    builder: Builder, tmp_path: Path
) -> None:
    builder.others = ["py-numpy1", "py-numpy2"]
    (warning,) = environments(tmp_path).warnings
    assert "of 3 environments that the suite names, py was built" in warning.message


@pytest.mark.parametrize(
    ("config", "options", "message"),
    [
        (
            {"environment_type": "existing"},
            {},
            "environment_type is existing, which builds nothing",
        ),
        ({"pythons": ["same"]}, {}, "environment_type is existing"),
        ({}, {"base_python": "python3"}, "leave out --base-python"),
        ({}, {"installed": True}, "leave out --base-python, --head-python and --installed"),
    ],
)
def test_what_cannot_be_built_is_one_line(
    toy: Repository, config: dict[str, object], options: dict[str, Any], message: str
) -> None:
    toy.write("asv.conf.json", json.dumps(config))
    with pytest.raises(UserError, match=message):
        check(CompareRequest("first", "first", build=True, **options))


def test_without_asv_the_line_says_how_to_get_it(
    toy: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(optional, "_is_here", lambda module: module != "asv")
    with pytest.raises(UserError, match="--build: asv is not installed: pip install"):
        check(CompareRequest("first", "first", build=True))
