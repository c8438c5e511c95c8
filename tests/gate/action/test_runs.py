"""The action that other projects use, run as a runner does: two commits, and what comes of it."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

import msgspec
import pytest

from perceptron.records.comparison import Comparison
from perceptron.report.pull_request.post import number
from tests import action
from tests.gate.conftest import COUNTED, Repository

pytest.importorskip("yaml")

# Without valgrind: these benchmarks track a number.
INPUTS = {"count": "never", "budget": "2", "options": "--seed 3"}
EVENT = {"number": 12, "action": "opened"}


def test_action_clean_run_names_its_document(toy: Repository, temporary: Path, tools: Path) -> None:
    """Bytecode, and what a revision writes beside its code when it is imported, is no change."""
    toy.commit("head", "toy/__init__.py", COUNTED + "open(__file__ + '.made', 'w').close()\n")
    ran = action.run(toy.folder, temporary, tools, INPUTS, EVENT)
    assert ran.code == 0, ran.printed
    assert ran.outputs["verdict"] == "clean"
    comparison = msgspec.json.decode(Path(ran.outputs["json"]).read_bytes(), type=Comparison)
    assert (comparison.verdict, len(comparison.rows)) == ("clean", 1)
    assert comparison.plan.base.name == "HEAD^1"
    assert "clean" in Path(ran.outputs["markdown"]).read_text()
    assert "clean" in ran.summary
    # What is measured leaves nothing in the checkout that the next revision could pick up.
    assert toy.git("status", "--porcelain") == ""
    assert "actions/upload-artifact" not in ran.steps
    assert ran.outputs["page"] == ""


def test_action_impossible_comparison_fails_with_reason(
    toy: Repository, temporary: Path, tools: Path, tmp_path: Path
) -> None:
    """Here a checkout without history, which is told what it lacks."""
    shallow = tmp_path / "shallow"
    toy.commit("head")
    source = toy.folder.as_uri()
    subprocess.run(["git", "clone", "--quiet", "--depth=1", source, str(shallow)], check=True)
    ran = action.run(shallow, temporary, tools, INPUTS, EVENT)
    assert (ran.code, ran.outputs["verdict"], ran.outputs["json"]) == (2, "error", "")
    (line,) = re.findall(r"::error::nothing was compared: (.*)", ran.printed)
    assert line.startswith("error: ")
    assert "unknown revision 'HEAD^1'" in line
    assert "this clone is shallow: git fetch --unshallow, or fetch-depth: 0" in line
    assert ran.summary == f"**not compared**\n\n    {line}\n"


SLOWER = '{"rows": [], "verdict": "regression"}'


@pytest.mark.parametrize(
    ("prints", "code", "verdict"),
    [
        (SLOWER, 1, "regression"),
        ('{"verdict": "inconclusive"}', 3, "inconclusive"),
        ("", 137, "error"),
        (SLOWER[:-1], 1, "error"),
        (SLOWER, 137, "error"),
        (SLOWER, 0, "error"),
        ('{"verdict": "clean"}', 2, "error"),
        ("{}", 2, "error"),
    ],
)
def test_action_crashed_command_is_never_slower(
    temporary: Path, tools: Path, tmp_path: Path, prints: str, code: int, verdict: str
) -> None:
    """A command that dies without a whole document has not found anything, whatever it exits with.

    What it left is not handed to the workflow that comments. A module of the checkout that is named
    as one of Python's own is not run.
    """
    (tmp_path / "json.py").write_text('raise SystemExit(print("clean"))')
    (tools / "perceptron").write_text(f"#!/bin/bash\necho -n '{prints}'\nexit {code}\n")
    ran = action.run(tmp_path, temporary, tools, {"comment": "true"}, EVENT)
    is_whole = verdict != "error"
    assert ran.outputs["verdict"] == verdict
    assert ran.code == {"regression": 1, "inconclusive": 0}.get(verdict, 2)
    assert bool(ran.outputs["json"]) is bool(ran.outputs["markdown"]) is is_whole
    handed = {file.name for file in temporary.glob("gate-*/gate/*")}
    assert handed == {"pull-request.txt", "job.json"} | ({"gate.json"} if is_whole else set())
    assert (f"ended with exit code {code} and no whole result" in ran.summary) is not is_whole


def test_action_early_failure_replaces_older_comment(
    temporary: Path, tools: Path, tmp_path: Path
) -> None:
    """Else an older comment would stand for it."""
    (tools / "python").write_text("#!/bin/bash\nexit 1\n")
    matrix = {"python": "3.12", "os": 'a "b"'}
    ran = action.run(tmp_path, temporary, tools, {"comment": "true"}, EVENT, matrix=matrix)
    assert ran.code == 2
    assert "::error::nothing was compared: pip could not install" in ran.printed
    assert ran.steps[-1] == "actions/upload-artifact"
    assert ran.outputs == {"verdict": "error", "json": "", "markdown": "", "page": ""}
    folder = action.downloaded(temporary, tmp_path / "downloaded")
    handed = {file.name: file for file in folder.glob("*/*")}
    assert handed.keys() == {"pull-request.txt", "job.json"}
    assert json.loads(handed["job.json"].read_text()) == {"job": "gate", "matrix": matrix}
    assert number(folder) == 12


# As a pull request's own code would do it: by what it is told, and by what it finds without that.
HIJACKS = """
import os
with open("{seen}", "a") as seen:
    print(*os.environ, file=seen)
for file in (os.environ.get("GITHUB_ENV"), "{found}"):
    if file:
        with open(file, "a") as variables:
            print("BASH_ENV={ends}", file=variables)
"""


def test_code_that_is_compared_cannot_pass_itself(
    toy: Repository, temporary: Path, tools: Path, tmp_path: Path
) -> None:
    """It is told nothing of the runner's. A shell that starts later would run its script."""
    seen, ends, variables = tmp_path / "seen", tmp_path / "ends", temporary / action.VARIABLES
    ends.write_text("exit 0\n")
    hijacks = HIJACKS.format(seen=seen, found=variables, ends=ends)
    toy.commit("head", "toy/__init__.py", f"{hijacks}\nimport nowhere\n")
    ran = action.run(toy.folder, temporary, tools, INPUTS, EVENT)
    assert f"BASH_ENV={ends}" in variables.read_text()
    assert (ran.code, ran.outputs["verdict"]) == (1, "regression"), ran.printed
    assert not of_the_job(names := seen.read_text().split())
    assert "PATH" in names


def of_the_job(names: Iterable[str]) -> list[str]:
    kinds = ("ACTIONS_", "GATE_", "GITHUB_", "RUNNER_")
    return [name for name in names if name.startswith(kinds)]


def test_action_installation_has_no_secrets_of_runner(
    temporary: Path, tools: Path, tmp_path: Path
) -> None:
    """The list of requirements is the pull request's own, and so is what it builds. Nor is a
    `pip.py` of the checkout run."""
    (tmp_path / "pip.py").write_text(f'open({str(tmp_path / "ran")!r}, "w")')
    seen = tmp_path / "seen"
    installs = f"""if [ "$3" = pip ]; then
  compgen -e >> "{seen}"
  exec {shlex.quote(sys.executable)} "$1" "$2" "$3" --version
fi
"""
    with (tools / "python").open("a") as python:
        python.write(installs)
    (tools / "perceptron").write_text("#!/bin/bash\nexit 2\n")
    action.run(tmp_path, temporary, tools, {"count": "never", "install": "numpy"}, EVENT)
    assert not of_the_job(names := seen.read_text().splitlines())
    assert "PATH" in names
    assert not (tmp_path / "ran").exists()
