"""The gate in an environment of its own, and benchmarks in the project's Python, which is another.

Nothing is downloaded: the gate's environment has links to what is installed here.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import venv
from importlib import metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from perceptron.errors import UserError
from perceptron.gate.checkout.request import CompareRequest, resolve_request
from tests.gate import few_blocks
from tests.gate.conftest import COUNTED, Repository, interpreter, write

PINNED = (
    *("click", "filelock", "json5", "msgspec", "numpy"),
    *("packaging", "platformdirs", "rich", "scipy", "typer"),
)
# Imports an old version of all that the gate needs.
PROJECT = f"""
import importlib, sys
assert sys.version_info[:2] == (3, 9)
for name in {PINNED}:
    assert importlib.import_module(name).__version__ == "0.1", name
{COUNTED}"""
SUITE = """
import os, sys, toy

def track_it():
    files = [str(getattr(module, "__file__", "")) for module in list(sys.modules.values())]
    foreign = [file for file in files if "site-packages" in file and sys.prefix not in file]
    assert not foreign, foreign
    assert "/gate/bin" not in os.environ["PATH"]
    return toy.work(AMOUNT)
"""


@pytest.fixture
def project(tmp_path: Path, old: str) -> Path:
    """An environment of Python 3.9 that pins old versions of what the gate needs."""
    folder = tmp_path / "project"
    subprocess.run([old, "-m", "venv", "--without-pip", str(folder)], check=True)
    (packages,) = folder.glob("lib/*/site-packages")
    for name in PINNED:
        write(packages / name / "__init__.py", '__version__ = "0.1"\n')
        facts = f"Metadata-Version: 2.1\nName: {name}\nVersion: 0.1\n"
        write(packages / f"{name}-0.1.dist-info" / "METADATA", facts)
    return folder


def gate(folder: Path) -> str:
    """The Python of an environment that has perceptron, and what it needs, alone."""
    venv.create(folder, symlinks=True)
    (packages,) = folder.glob("lib/*/site-packages")
    left, done = ["perceptron-bench"], set[str]()
    while left:
        own = metadata.distribution(left.pop())
        done.add(canonicalize_name(own.name))
        for requirement in map(Requirement, own.requires or []):
            wanted = requirement.marker is None or requirement.marker.evaluate({"extra": ""})
            if wanted and canonicalize_name(requirement.name) not in done:
                left.append(requirement.name)
        for top in {file.parts[0] for file in own.files or [] if file.parts[0] != ".."}:
            if not (packages / top).exists():
                (packages / top).symlink_to(str(own.locate_file(top)))
    return str(folder / "bin" / "python")


@pytest.mark.slow
def test_gate_environment_judges_project_with_old_pins(
    toy: Repository, project: Path, tmp_path: Path
) -> None:
    """In the first Python on PATH and in the activated environment; the answer names it."""
    toy.write("toy/__init__.py", PROJECT)
    toy.commit("first", "benchmarks/suite.py", SUITE.replace("AMOUNT", "100"))
    toy.commit("same", "toy/__init__.py", PROJECT + "def unused():\n    pass\n")
    toy.commit("slower", "toy/__init__.py", PROJECT.replace("return amount", "return 2 * amount"))
    own = gate(tmp_path / "gate")

    def compare(head: str, *options: str, **where: str) -> subprocess.CompletedProcess[str]:
        command = [own, few_blocks.__file__, "compare", "first", head, "--html", "", *options]
        unset = {name: value for name, value in os.environ.items() if name != "VIRTUAL_ENV"}
        return subprocess.run(
            [*command, "--count", "never"],
            cwd=toy.folder,
            env={**unset, **where},
            capture_output=True,
            text=True,
            check=False,
        )

    first = [str(tmp_path / "gate" / "bin"), str(project / "bin")]  # as uvx does
    paths = os.pathsep.join([*first, os.environ["PATH"]])
    same = compare("same", PATH=paths)
    assert (same.returncode, str(project / "bin" / "python") in same.stdout) == (0, True), same
    slower = compare("slower", "--json", VIRTUAL_ENV=str(project))
    assert slower.returncode == 1, slower
    document = json.loads(slower.stdout)
    assert [row["verdict"] for row in document["rows"]] == ["slower"]
    assert document["plan"]["head"]["python"] == str(project / "bin" / "python")
    versions = document["environment"]["head"]
    assert versions["python"].startswith("CPython 3.9")
    assert {versions[name] for name in PINNED} == {"0.1"}


def test_beside_other_packages_the_gate_measures_in_its_own_python(
    toy: Repository, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As in the environment of a project, activated or not."""
    monkeypatch.setenv("PATH", f"{project / 'bin'}{os.pathsep}{os.environ['PATH']}")
    assert {*resolve_request(CompareRequest("first", "first")).pythons.values()} == {sys.executable}
    named = resolve_request(CompareRequest("first", "first", python="python"))
    assert {*named.pythons.values()} == {str(project / "bin" / "python")}
    two = resolve_request(CompareRequest("first", "first", python="python", head_python="git"))
    assert [two.pythons["base"], two.pythons["head"]] == [str(project / "bin" / "python"), "git"]


@pytest.mark.parametrize(
    ("version", "said"),
    [
        ("none", "no such program"),
        ("of no Python", "does not start"),
        ("3.8.1", "need 3.9 or later"),
    ],
)
def test_gate_environment_refuses_unusable_python(
    toy: Repository, tmp_path: Path, version: str, said: str
) -> None:
    file = tmp_path / "python"
    if version != "none":
        interpreter(file, "", version)
    with pytest.raises(UserError, match=rf"^--python {file}: .*{said}[^\n]*name"):
        resolve_request(CompareRequest("first", "first", python=str(file)))
