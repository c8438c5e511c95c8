"""Pins that differ: one environment serves both revisions, so nobody has compared them."""

from __future__ import annotations

from pathlib import Path

import pytest

from perceptron.gate.dependencies import changed_requirements
from perceptron.records.comparison import Comparison
from tests.gate.conftest import SUITE, Repository, run, write

PROJECT = '[project]\nname = "toy"\nversion = "1"\n'
# By the file that declares it, a requirement of one version.
FILES = {
    "pyproject.toml": f'{PROJECT}dependencies = ["psutil=={{0}}"]\n',
    "a/pyproject.toml": f'{PROJECT}[project.optional-dependencies]\nx = ["PSutil=={{0}}"]\n',
    "b/pyproject.toml": '[dependency-groups]\ndev = ["psutil=={0}"]\n',
    "c/pyproject.toml": '[tool.poetry.dependencies]\npsutil = "{0}"\n',
    "d/pyproject.toml": '[tool.poetry.group.dev.dependencies]\npsutil = {{version = "{0}"}}\n',
    "setup.cfg": "[options]\ninstall_requires =\n    numpy\n    psutil=={0}\n",
    "setup.py": "setup(install_requires=['psutil=={0}'])\n",
    "requirements.txt": "# psutil\n-r more.txt\npsutil=={0} \\\n  --hash=sha256:0  # of a lock\n",
    "requirements/dev.txt": "psutil=={0}; python_version > '3'\n",
    "dev-constraints.txt": "psutil=={0}\n",
    "uv.lock": '[[package]]\nname = "psutil"\nversion = "{0}"\n',
    "pylock.toml": '[[packages]]\nname = "psutil"\nversion = "{0}"\n',
    "Pipfile": '[packages]\npsutil = "=={0}"\n',
    "Pipfile.lock": '{{"default": {{"psutil": {{"version": "=={0}"}}}}}}',
    "environment.yml": "dependencies:\n  - python\n  - psutil={0}\n",
    "conda-lock.yml": "package:\n- name: psutil\n  version: {0}\n",
    "asv.conf.json": '{{"matrix": {{"req": {{"pip+psutil": ["{0}"]}}}}}} // of asv',
    "x/asv.conf.json": '{{"matrix": {{"psutil": ["{0}"]}}}}',
}
MATRIX = """
{{"version": 1, "project": "toy", "repo": ".", "matrix": {{"req": {{"psutil": ["{0}"]}}}}}}
"""


@pytest.mark.parametrize("name", FILES)
def test_a_pin_that_differs_is_found_wherever_it_is_declared(name: str, tmp_path: Path) -> None:
    trees = tmp_path / "base", tmp_path / "head"
    for tree, version in zip(trees, ("1.0", "2.0"), strict=True):
        write(tree / name, FILES[name].format(version))
    suite = name if name.endswith("asv.conf.json") else "asv.conf.json"
    found = {one.name: str(one) for one in changed_requirements([name], trees, suite)}
    assert "1.0" in found["psutil"].partition("→")[0]
    assert "2.0" in found["psutil"].partition("→")[2]
    assert not changed_requirements([name], (trees[0], trees[0]), suite)


@pytest.mark.parametrize("text", ["[", "\udcff", "(" * 10_000, "x" * 3_000_000])
@pytest.mark.parametrize("name", ["pyproject.toml", "uv.lock", "Pipfile.lock", "setup.py"])
def test_a_file_that_cannot_be_read_may_require_anything(
    name: str, text: str, tmp_path: Path
) -> None:
    """Also where neither revision's can be."""
    trees = tmp_path / "base", tmp_path / "head"
    for tree, more in zip(trees, ("", " "), strict=True):
        write(tree / name, "")
        (tree / name).write_bytes(f"{text}{more}".encode(errors="surrogateescape"))
    found = changed_requirements([name], trees, "asv.conf.json")
    assert [str(one) for one in found] == [f"{name}, which cannot be read,"]


def pinned(toy: Repository, name: str, text: str, *, imports: str = "psutil") -> Comparison:
    """Compare a pin of version 1 with one of 2; the benchmarks import a library."""
    toy.write("benchmarks/suite.py", f"import {imports}\n{SUITE}")
    toy.commit("first", name, text.format("1.0"))
    toy.commit("second", name, text.format("2.0"))
    return run(always=False)


@pytest.mark.parametrize("name", ["requirements.txt", "asv.conf.json"])
def test_a_pin_that_the_benchmarks_use_is_never_clean(name: str, toy: Repository) -> None:
    found = pinned(toy, name, MATRIX if name == "asv.conf.json" else FILES[name])
    assert found.verdict == "inconclusive"
    assert found.reason.startswith("psutil 1.0 → 2.0 was not compared")


def test_a_pin_that_no_benchmark_uses_is_a_note(toy: Repository) -> None:
    found = pinned(toy, "requirements.txt", FILES["requirements.txt"], imports="json")
    assert found.verdict == "clean"
    assert [one.code for one in found.warnings if "psutil 1.0 → 2.0" in one.message] == [
        "dependencies"
    ]


def test_a_range_that_what_is_installed_meets_on_both_sides_hides_nothing(toy: Repository) -> None:
    assert pinned(toy, "requirements.txt", "psutil>={0}\n").verdict == "clean"
