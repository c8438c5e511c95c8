"""The steps that the docs give to an asv suite, a pytest suite and a compiled project.

An asv suite runs them from end to end. The others differ from it by words of `perceptron compare`,
see test_steps.py, of which test_pytest_compare.py and test_built_compare.py have the answers.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from perceptron.report.pull_request.post import number
from tests import action
from tests.conftest import ROOT
from tests.gate.conftest import COUNTED, SHORT, Repository
from tests.test_workflows import fenced, yaml

PAGE = (ROOT / "docs" / "gate.md").read_text(encoding="utf-8")
KINDS = ("asv", "pytest", "compiled")
# More instructions where the amount is 100, by a clock that is as fast as its process.
SLOWER = (
    COUNTED.replace(
        "    DONE += amount * 1e-6",
        """    if amount == 100:
        sum(range(20))
        DONE += 5e-6 * PACE
    DONE += amount * 1e-6""",
    )
    + """
import os
import random
PACE = 1 + random.Random(os.environ.get("PYTHONHASHSEED")).random()
"""
)
ASV = f"""{SHORT}
import toy

class Suite:
    timer = staticmethod(toy.clock)

    def time_total(self):
        toy.work(100)

    def time_words(self):
        toy.work(200)
"""


def workflow(kind: str) -> str:
    """The whole file, as a maintainer puts it together."""
    (steps,) = re.findall(rf"<!-- steps: {kind} -->\n```yaml\n(.*?)^```", PAGE, re.M | re.S)
    before, separator, _ = fenced("workflow").partition("      - uses: OWNER/perceptron")
    assert separator
    return before + steps.replace("@REVISION", f"@{'1234567890' * 4}")


def inputs(kind: str) -> dict[str, str]:
    """What its step gives to the action."""
    (job,) = yaml.safe_load(workflow(kind))["jobs"].values()
    (step,) = (
        candidate for candidate in job["steps"] if candidate["uses"].startswith("OWNER/perceptron@")
    )
    return {name: json.dumps(v) if v is True else v for name, v in step["with"].items()}


def check(*command: str) -> None:
    tool = Path(sys.executable).with_name(command[0])
    if not tool.exists():
        pytest.skip(f"no {command[0]}")
    checked = subprocess.run([str(tool), *command[1:]], capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_adoption_workflows_save_caches_on_default_branch_only(
    tmp_path: Path,
) -> None:
    """What a pull request builds could write into the BASE that its next push is compared with."""
    (text,) = re.findall(r"<!-- workflow: built -->\n```yaml\n(.*?)^```", PAGE, re.M | re.S)
    texts = {"any project": fenced("workflow"), **{kind: workflow(kind) for kind in KINDS}}
    texts["built"] = text.replace("@REVISION", f"@{'1234567890' * 4}")
    folder = tmp_path / ".github" / "workflows"
    folder.mkdir(parents=True)
    for name, content in texts.items():
        (folder / f"{name}.yml").write_text(content)
    files = [str(file) for file in folder.iterdir()]
    check("zizmor", "--offline", "--quiet", *files)
    check("check-jsonschema", "--builtin-schema", "vendor.github-workflows", *files)
    builds, compares = (yaml.safe_load(texts[name]) for name in ("built", "compiled"))
    assert [*builds[True]] == ["push"]
    assert [*compares[True]] == ["pull_request"]
    (own,), (other,) = (caching(parsed) for parsed in (builds, compares))
    assert own["uses"].startswith("actions/cache/save@")
    assert other["uses"].startswith("actions/cache/restore@")
    assert own["with"]["path"] == other["with"]["path"]
    assert own["with"]["key"].startswith(other["with"]["restore-keys"])
    assert inputs("pytest")["pytest"] == "tests/benchmarks"
    assert inputs("compiled") == {"build": "true"}


def caching(workflow: dict[str, Any]) -> list[dict[str, Any]]:
    (job,) = workflow["jobs"].values()
    return [step for step in job["steps"] if step["uses"].startswith("actions/cache")]


def shape(line: str) -> str:
    """Without the numbers and names that the next run has others of."""
    return re.sub(r"`[^`]*`", "name", re.sub(r"\d[\d.]*", "1", line)).lstrip("> ")


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("valgrind") is None, reason="valgrind is not installed")
def test_adoption_copied_steps_report_what_became_slower(
    toy: Repository, temporary: Path, tools: Path
) -> None:
    """With the line that the page says it prints; without a network, nothing is installed.

    The outputs are there although the step failed. The workflow that comments is handed the
    document and the number: not a text, for it makes its own.
    """
    toy.commit("base", "benchmarks/suite.py", ASV)
    toy.commit("head", "toy/__init__.py", SLOWER)
    given = {"options": "--seed 3", "comment": "true", "page": "true"}
    event = {"number": 12, "action": "opened"}
    ran = action.run(toy.folder, temporary, tools, {**inputs("asv"), **given}, event)
    assert (ran.code, ran.outputs["verdict"]) == (1, "regression"), ran.printed
    printed, of_pytest, of_one = (
        shape(line)
        for kind in KINDS
        for line in re.findall(rf"<!-- prints: {kind} -->\n(.*)", PAGE)
    )
    comment = Path(ran.outputs["markdown"]).read_text()
    for text in (comment, ran.summary):
        assert printed in {shape(line) for line in text.splitlines()}
    assert printed.startswith(of_one)
    assert of_one == of_pytest
    assert "::error::slower" in ran.printed
    document = json.loads(Path(ran.outputs["json"]).read_text())
    assert document["verdict"] == "regression"
    assert (Path(ran.outputs["page"]) / document["page"]).is_file()
    assert ran.steps[-2:] == ["compare", "actions/upload-artifact"]
    handed = Path(ran.outputs["json"]).parent
    left = sorted(path.name for path in handed.iterdir())
    assert left == ["gate.json", "job.json", "pull-request.txt"]
    assert number(action.downloaded(temporary, temporary / "downloaded")) == 12
    (upload,) = (
        step for step in action.action()["runs"]["steps"] if "upload" in step.get("uses", "")
    )
    assert upload["with"]["path"] == "${{ steps.own.outputs.folder }}/gate"


def test_adoption_gitlab_lines_compare(toy: Repository, tools: Path) -> None:
    """Here HEAD is broken, which is the soonest found."""
    toy.commit("base")
    toy.commit("head", "toy/__init__.py", "import nowhere")
    (tools / "pip").write_text('#!/bin/bash\necho "$0" "$@" >> pip\n')
    (tools / "pip").chmod(0o755)
    (job,) = yaml.safe_load(fenced("gitlab")).values()
    process = subprocess.run(
        ["bash", "-e", "-c", "\n".join(job["script"]).replace("/gate", f"{tools}/gate")],
        cwd=toy.folder,
        env={
            **os.environ,
            "PATH": f"{tools}:{os.environ['PATH']}",
            "RUNNER_TEMP": str(tools),
            "CI_MERGE_REQUEST_DIFF_BASE_SHA": toy.git("rev-parse", "base").strip(),
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert process.returncode == 1, process.stdout + process.stderr
    of_gate, of_project = (toy.folder / "pip").read_text().splitlines()
    assert of_gate.startswith(f"{tools}/gate/bin/pip install perceptron-bench @ git+")
    assert of_project == f"{tools}/pip install -r requirements.txt"
    (artifact,) = job["artifacts"]["paths"]
    assert "`suite.track_it` fails on HEAD" in (toy.folder / artifact).read_text()
